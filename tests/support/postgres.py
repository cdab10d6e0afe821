"""A throw-away PostgreSQL on a port of this machine, and PgBouncer in front of it: for tests of `database.url`."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def unprivileged():
    """Words before a command so that it does not run as root, and the user it then runs as."""
    if os.geteuid() != 0:
        return [], pwd.getpwuid(os.geteuid())
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user


def binaries():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


class Postgres:
    def __init__(self):
        self.bin = binaries()
        self.prefix, self.user = unprivileged()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pgx", dir="/tmp"))
        self.port = free_port()
        if os.geteuid() == 0:
            os.chown(self.dir, self.user.pw_uid, self.user.pw_gid)

    def run(self, *command, text=None, check=True):
        done = subprocess.run([*self.prefix, *[str(word) for word in command]], input=text, capture_output=True, text=True,
                              timeout=120, cwd=self.dir)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
        return done

    def __enter__(self):
        self.run(self.bin / "initdb", "-D", self.dir / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with open(self.dir / "data/postgresql.conf", "a") as config:
            config.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\nfsync = off\n"
                         "shared_buffers = '64MB'\nmax_connections = 60\n")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        # Without pipes: the server would keep them open.
        subprocess.run([*self.prefix, str(self.bin / "pg_ctl"), "-D", str(self.dir / "data"), "-l", str(self.dir / "log"), "-w", "start"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)

    def stop(self, mode="immediate", check=True):
        self.run(self.bin / "pg_ctl", "-D", self.dir / "data", "-m", mode, "-w", "stop", check=check)

    def make_database(self, name):
        self.sql("postgres", f"create role {name} login; create database {name} owner {name} encoding 'UTF8' template template0")
        return f"postgresql://{name}@127.0.0.1:{self.port}/{name}"

    def sql(self, database, text, user="postgres"):
        out = ""
        for statement in [text] if user != "postgres" else text.split("; "):
            out += self.run(self.bin / "psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port,
                            "-U", user, "-d", database, "-f", "-", text=statement).stdout
        return out.strip()


class PgBouncer:
    """Mode `session`: a client keeps its server connection until it leaves; `transaction`: until the end of each."""

    def __init__(self, postgres, mode="session"):
        self.postgres, self.mode, self.port, self.process = postgres, mode, free_port(), None

    def __enter__(self):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.path.exists(program):
            raise RuntimeError("PgBouncer is not installed: apt-get install pgbouncer")
        directory = self.postgres.dir
        pool = 30 if self.mode == "session" else 3
        (directory / "users").write_text("".join(f'"{name}" ""\n' for name in ("pooled", "direct", "shared")))
        (directory / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.postgres.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = trust\nauth_file = {directory}/users\npool_mode = {self.mode}\ndefault_pool_size = {pool}\n"
            f"max_client_conn = 100\nlogfile = {directory}/pgbouncer.log\nserver_login_retry = 1\n")
        os.chmod(directory, 0o755)
        self.process = subprocess.Popen([*self.postgres.prefix, program, "-q", str(directory / "pgbouncer.ini")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)
        deadline = time.time() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if time.time() > deadline or self.process.poll() is not None:
                    raise RuntimeError("PgBouncer did not start")
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def url(self, database):
        return f"postgresql://{database}@127.0.0.1:{self.port}/{database}"
