"""A real server for tests written in Python: cpmstored on its embedded PostgreSQL in a throw-away directory, and cpmctl beside it."""
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import pwd


class Server:
    """with Server("build/release/bin") as server: …  server.imap, server.imaps, server.http are (host, port)."""

    def __init__(self, binaries, sets=(), data=None, keep=False):
        self.binaries = pathlib.Path(binaries).resolve()
        self.sets = list(sets)
        self.keep = keep or data is not None
        # A short path: the socket of PostgreSQL lives below it (107 octets at most).
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="cpm", dir="/tmp"))
        if os.geteuid() == 0:  # the server gives up root: the directory is its user's
            user = pwd.getpwnam("postgres")
            os.chown(self.data, user.pw_uid, user.pw_gid)
        self.process = None
        self.log = pathlib.Path(f"{self.data}.log")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        if not self.keep:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log.unlink(missing_ok=True)

    def command(self):
        command = [str(self.binaries / "cpmstored"), "--data", str(self.data)]
        settings = ["imap.listen=127.0.0.1:0", "imaps.listen=127.0.0.1:0", "http.listen=127.0.0.1:0",
                    "auth.allow_plaintext=true", "limits.connections_per_address=0", *self.sets]
        for setting in settings:
            command += ["--set", setting]
        return command

    def start(self, timeout=60):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=open(self.log, "ab"), text=True)
        deadline = time.time() + timeout
        while True:
            line = self.process.stdout.readline()
            if line.startswith("ready "):
                break
            if not line and self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError("cpmstored did not start:\n" + self.log.read_text(errors="replace")[-4000:])
        parts = dict(item.split("=", 1) for item in line.split()[1:])
        for name in ("imap", "imaps", "http"):
            host, port = parts[name].rsplit(":", 1)
            setattr(self, name, (host.strip("[]"), int(port)))

    def stop(self, sig=signal.SIGTERM, timeout=60):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def ctl(self, *arguments, stdin="", check=True):
        done = subprocess.run([str(self.binaries / "cpmctl"), "--data", str(self.data), *arguments], input=stdin,
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"cpmctl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def add_user(self, address, password="secret", *more):
        self.ctl("user", "add", address, "--password-stdin", *more, stdin=password + "\n")

    def postmaster(self):
        """The pid of the embedded PostgreSQL."""
        return int((self.data / "pg" / "postmaster.pid").read_text().split()[0])

    def postmaster_or_none(self):
        """The same while it may be down."""
        try:
            return self.postmaster()
        except (OSError, ValueError, IndexError):
            return None


class Node(Server):
    """One of several servers on a database: its URL stands in the configuration file, where cpmctl finds it too."""

    def __init__(self, binaries, url, sets=()):
        super().__init__(binaries, sets=["limits.command_deadline=3", "limits.idle_poll=2", *sets])
        (self.data / "cpmstore.toml").write_text(f'[database]\nurl = "{url}"\n')
        os.chmod(self.data / "cpmstore.toml", 0o644)


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
