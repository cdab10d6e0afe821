"""What the tests of push share: the receiver's process, what it has taken, and a self-made certificate authority."""
import base64
import hashlib
import hmac
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SUPPORT = HERE.parent / "support"
sys.path.insert(0, str(SUPPORT))
from server import Server  # noqa: E402
from wire import Closed, Wire  # noqa: E402,F401

FAST = ["push.allow_networks=127.0.0.0/8", "push.retry_first=1", "push.retry_most=2", "push.breaker_time=1", "push.timeout=2"]
MESSAGE = "From: Ben <ben@example.org>\r\nTo: a@example.net\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\nSubject: {}\r\n\r\nhello\r\n"


class Request:
    def __init__(self, row):
        self.at, self.path, self.headers, self.mode, self.taken = row["at"], row["path"], row["headers"], row["mode"], row["taken"]
        self.running = row["running"]
        self.body = base64.b64decode(row["body"])

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """with Receiver() as receiver: receiver.url, .set("status 500"), .requests(), .kill(), .start()"""

    def __init__(self, certificate=None, key=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="push", dir="/tmp"))
        self.log, self.mode = self.dir / "log", self.dir / "mode"
        self.certificate, self.key = certificate, key
        self.port, self.process = 0, None
        self.log.touch()
        self.set("ok")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        command = ["/usr/bin/python3", str(SUPPORT / "receiver.py"), "--log", str(self.log), "--mode", str(self.mode), "--port", str(self.port)]
        if self.certificate:
            command += ["--certificate", str(self.certificate), "--key", str(self.key)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.strip(), "the receiver did not start: is python3-aiohttp installed?"
        self.port = int(line)

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://{'localhost' if self.certificate else '127.0.0.1'}:{self.port}/in"

    def set(self, mode):
        fresh = self.mode.with_suffix(".new")
        fresh.write_text(mode)
        fresh.rename(self.mode)

    def requests(self):
        out = []
        for line in self.log.read_text().splitlines():
            try:
                out.append(Request(json.loads(line)))
            except ValueError:
                pass  # the receiver was killed in the middle of a line: it did not take that one
        return out

    def taken(self):
        return [one for one in self.requests() if one.taken]

    def wait(self, count, seconds=20, what=None):
        """Until so many (that `what` likes) were taken."""
        deadline = time.time() + seconds
        while True:
            found = [one for one in self.taken() if what is None or what(one)]
            if len(found) >= count:
                return found
            if time.time() > deadline:
                raise AssertionError(f"{len(found)} of {count} requests came: {[(r.mode, r.body[:80]) for r in self.requests()][-5:]}")
            time.sleep(0.01)


def signed(request, secret):
    fields = dict(part.split("=", 1) for part in request.headers["Cpmstore-Signature"].split(","))
    wanted = hmac.new(secret.encode(), fields["t"].encode() + b"." + request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, fields["v1"]) and abs(time.time() - int(fields["t"])) < 60


def uids_of(request):
    """What one or more events say came, in their order."""
    out = []
    document = request.json
    for event in document.get("events", [document]):
        for part in event.get("uidset", "").split(","):
            ends = [int(n) for n in part.split(":")] if part else []
            out += range(ends[0], ends[-1] + 1) if ends else []
    return out


def first_seen(requests, what=uids_of):
    """In the order in which each was taken the first time."""
    seen = []
    for request in requests:
        for one in what(request):
            if one not in seen:
                seen.append(one)
    return seen


def metric(server, name, **labels):
    import urllib.request
    text = urllib.request.urlopen(f"http://{server.http[0]}:{server.http[1]}/metrics").read().decode()
    inner = ",".join(f'{k}="{v}"' for k, v in labels.items())
    found = re.search(rf"^{re.escape(name + ('{' + inner + '}' if inner else ''))} (\S+)$", text, re.M)
    return float(found[1]) if found else None


def authority(folder, host="localhost"):
    """A CA, and a certificate for `host`: (ca.pem, cert.pem, key.pem)."""
    folder = pathlib.Path(folder)
    run = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)  # noqa: E731
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.csr", "-subj", f"/CN={host}")
    (folder / "ext").write_text(f"subjectAltName=DNS:{host}\n")
    run("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2",
        "-extfile", "ext")
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).chmod(0o644)
    return folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
