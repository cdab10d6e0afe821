"""A private Dovecot from Debian's package for measuring beside it: own prefix, own ports, no service of the machine touched.

sdbox, mail_fsync = always, every account exists (static password "secret"). It runs as the present user, or as `nobody` when root.
"""
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {run}
state_dir = {dir}/state
log_path = {dir}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_client_limit = 5000
default_process_limit = 5000
default_vsz_limit = 2G
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
mail_location = sdbox:~/sdbox
mail_fsync = {fsync}
mail_max_userip_connections = 0
imap_idle_notify_interval = 29 mins
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = {cores}
  client_limit = 5000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 5000
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Dovecot:
    """with Dovecot(place): the directory `place` keeps mail and may serve again; durable=False only to fill it quickly."""

    def __init__(self, place, durable=True):
        self.dir, self.durable = pathlib.Path(place), durable
        self.imap, self.imaps = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        self.process = None

    @staticmethod
    def place(parent):
        return tempfile.mkdtemp(prefix="dov", dir=parent)

    def __enter__(self):
        binary = shutil.which("dovecot") or ("/usr/sbin/dovecot" if os.path.exists("/usr/sbin/dovecot") else None)
        if not binary or not os.path.exists("/usr/lib/dovecot/imap"):
            raise RuntimeError("Dovecot is not installed: apt-get install dovecot-imapd")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", str(self.dir / "key.pem"), "-out", str(self.dir / "cert.pem")],
                       check=True, capture_output=True)
        entry = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for name in ("home", "state", "run"):
            (self.dir / name).mkdir(exist_ok=True)
        config = CONFIG.format(dir=self.dir, run=self.dir / "run", user=entry.pw_name, group=grp.getgrgid(entry.pw_gid).gr_name,
                               imap=self.imap[1], imaps=self.imaps[1], cores=os.cpu_count(),
                               fsync="always" if self.durable else "never")
        (self.dir / "dovecot.conf").write_text(config)
        prefix = []
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{entry.pw_uid}:{entry.pw_gid}", str(self.dir)], check=True)
            prefix = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        self.process = subprocess.Popen([*prefix, binary, "-F", "-c", str(self.dir / "dovecot.conf")],
                                        stdout=subprocess.DEVNULL, stderr=open(self.dir / "stderr", "wb"), start_new_session=True)
        deadline = time.time() + 20
        while True:
            try:
                socket.create_connection(self.imap, 1).close()
                socket.create_connection(self.imaps, 1).close()
                return self
            except OSError:
                if time.time() > deadline or self.process.poll() is not None:
                    raise RuntimeError("Dovecot did not start:\n" + (self.dir / "stderr").read_text() + self.log())
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self):
        path = self.dir / "dovecot.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def add_user(self, address, password="secret", *_):
        """Every account exists."""

    def pids(self):
        """All processes of this Dovecot: the session that was made for it."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == self.process.pid:
                    found.append(int(entry))
        return found

    @staticmethod
    def version():
        return subprocess.run(["/usr/sbin/dovecot", "--version"], capture_output=True, text=True).stdout.split()[0]
