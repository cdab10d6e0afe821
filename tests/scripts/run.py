#!/usr/bin/env python3
"""Runs wire transcripts against a real server. Format and rules: tests/scripts/README.md.

    run.py --bin build/release/bin [--filter TEXT] [-v] [FILE or FOLDER…]
"""
import argparse
import base64
import hashlib
import hmac
import pathlib
import re
import socket
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from server import Server, tls_context  # noqa: E402

PATIENCE = 10


class Mismatch(Exception):
    pass


class Connection:
    def __init__(self, address, tls):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        if tls:
            self.socket = tls_context().wrap_socket(self.socket)
        self.buffer = b""
        self.deflater = self.inflater = None

    def send(self, octets):
        if self.deflater:
            octets = self.deflater.compress(octets) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(octets)

    def line(self, patience=PATIENCE):
        self.socket.settimeout(patience)
        while b"\n" not in self.buffer:
            try:
                octets = self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                raise Mismatch("no line from the server in time" + (f", only {self.buffer!r}" if self.buffer else ""))
            except ConnectionResetError:
                octets = b""
            if not octets:
                if self.buffer:
                    break
                return None
            self.buffer += self.inflater.decompress(octets) if self.inflater else octets
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def start_tls(self):
        self.socket = tls_context().wrap_socket(self.socket)

    def compress(self):
        """Raw deflate (RFC 4978); what has been read already was sent after the OK and is compressed."""
        self.deflater = zlib.compressobj(wbits=-15)
        self.inflater = zlib.decompressobj(wbits=-15)
        self.buffer = self.inflater.decompress(self.buffer)

    def scram(self, tag, name, password):
        """A whole AUTHENTICATE SCRAM-SHA-256 (RFC 5802, RFC 7677) that checks the server's signature too."""
        def challenge():
            line = self.line()
            if not line or not line.startswith("+ "):
                raise Mismatch(f"SCRAM refused: {line}")
            return base64.b64decode(line[2:]).decode()

        def say(text):
            self.send(base64.b64encode(text.encode()) + b"\r\n")

        first = f"n={name},r=cpmstore-transcript"
        self.send(f"{tag} AUTHENTICATE SCRAM-SHA-256 ".encode())
        say("n,," + first)
        server_first = challenge()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        final = f"c=biws,r={fields['r']}"
        signed = f"{first},{server_first},{final}".encode()

        def mac(key, octets):
            return hmac.new(key, octets, hashlib.sha256).digest()

        key = mac(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha256(key).digest(), signed)))
        say(f"{final},p={base64.b64encode(proof).decode()}")
        line = challenge()
        if line != "v=" + base64.b64encode(mac(mac(salted, b"Server Key"), signed)).decode():
            raise Mismatch(f"the server's signature is wrong: {line}")
        say("")

    def close(self):
        self.socket.close()


def unescape(text):
    """\\r \\n \\t \\0 \\\\ \\xHH of R lines."""
    table = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
    out, i = b"", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            if text[i + 1] == "x":
                out += bytes([int(text[i + 2:i + 4], 16)])
                i += 4
                continue
            if text[i + 1] in table:
                out += table[text[i + 1]]
                i += 2
                continue
        out += text[i].encode("utf-8", "surrogateescape")
        i += 1
    return out


class Script:
    def __init__(self, path, server, number, verbose):
        self.path, self.server, self.verbose = path, server, verbose
        self.variables = {"n": str(number)}
        self.connections = {}
        self.skipping = {}
        self.optional = {}

    def user(self, name, *options):
        address = f"{name}{self.variables['n']}@example.net"
        self.server.add_user(address, "secret", *options)
        self.variables[name] = address
        self.variables[name + "_url"] = address.replace("@", "%40")

    def service(self, name, *options):
        address = f"{name}{self.variables['n']}@service.example.net"
        self.server.ctl("service", "add", address, "--password-stdin", *(options or ("--role", "deposit", "--for", "*")), stdin="secret\n")
        self.variables[name] = address

    def connection(self, key):
        if key not in self.connections:
            self.open(key, "imap")
        return self.connections[key]

    def open(self, key, kind, login=None):
        connection = Connection(getattr(self.server, kind), kind == "imaps")
        self.connections[key] = connection
        return connection

    def substitute(self, text):
        def one(match):
            name = match.group(1)
            if name not in self.variables:
                raise Mismatch(f"unknown variable <{name}>")
            return self.variables[name]
        text = re.sub(r"<([a-z][a-z0-9_]*)>", one, text)
        return re.sub(r"base64\((.*?)\)", lambda match: base64.b64encode(unescape(match[1])).decode(), text)

    def pattern(self, text):
        """Literal text; <name> known: its value; <name> new: captures a word; <*>: any characters; ~regex: a regular expression."""
        if text.startswith("~"):
            return re.compile(self.substitute_known(text[1:]))
        out = ""
        for piece in re.split(r"(<[a-z][a-z0-9_]*>|<\*>)", text):
            if piece == "<*>":
                out += ".*"
            elif piece.startswith("<") and piece.endswith(">") and len(piece) > 2:
                name = piece[1:-1]
                out += re.escape(self.variables[name]) if name in self.variables else f"(?P<{name}>[^ \\])]+)"
            else:
                out += re.escape(piece)
        return re.compile(out)

    def substitute_known(self, text):
        for name, value in self.variables.items():
            text = text.replace(f"<{name}>", re.escape(value))
        return text

    def expect(self, key, text):
        if text == "...":
            self.skipping[key] = True
            return
        if text.startswith("? "):
            self.optional.setdefault(key, []).append(self.pattern(text[2:]))
            return
        connection = self.connection(key)
        skipping = self.skipping.pop(key, False)
        optional = self.optional.pop(key, [])
        if text == "(closed)":
            while (line := connection.line()) is not None:
                if not skipping:
                    raise Mismatch(f"expected the connection to be closed, got: {line}")
            return
        pattern = self.pattern(text)
        seen = []
        while True:
            line = connection.line()
            if line is None:
                raise Mismatch(f"connection closed; expected: {text}" + "".join(f"\n    got {s}" for s in seen))
            if self.verbose:
                print(f"    S{key}: {line}")
            match = pattern.fullmatch(line)
            if match:
                self.variables.update({k: v for k, v in match.groupdict().items() if v is not None})
                return
            if any(may.fullmatch(line) for may in optional):
                continue
            seen.append(line)
            tagged = re.match(r"^[^*+ ]+ (OK|NO|BAD)", line)
            if not skipping or tagged and not re.match(r"^[*~]", text) and not text.startswith("<*>"):
                raise Mismatch(f"expected: {text}" + "".join(f"\n    got: {s}" for s in seen))
            if skipping and tagged:
                raise Mismatch(f"expected before the tagged line: {text}" + "".join(f"\n    got: {s}" for s in seen))

    def run(self):
        lines = self.path.read_text(encoding="utf-8").splitlines()
        declared = False
        for number, line in enumerate(lines, 1):
            self.where = number
            if not line.strip() or line.startswith("#"):
                continue
            if match := re.match(r"^user (\w+)(.*)$", line):
                self.user(match[1], *match[2].split())
                declared = True
                continue
            if match := re.match(r"^service (\w+)(.*)$", line):
                self.service(match[1], *self.substitute(match[2]).split())
                continue
            if not declared:
                self.user("user")
                declared = True
            if match := re.match(r"^open (\w+) (imap|imaps)$", line):
                self.open(match[1], match[2])
            elif match := re.match(r"^login (\w+)(?: as (\w+))?(?: via (imap|imaps))?$", line):
                key = match[1]
                connection = self.open(key, match[3] or "imap")
                connection.line()
                connection.send(f"login LOGIN {self.variables[match[2] or 'user']} secret\r\n".encode())
                reply = connection.line()
                if not reply or not reply.startswith("login OK"):
                    raise Mismatch(f"login failed: {reply}")
            elif match := re.match(r"^starttls (\w+)$", line):
                self.connection(match[1]).start_tls()
            elif match := re.match(r"^compress (\w+)$", line):
                self.connection(match[1]).compress()
            elif match := re.match(r"^scram (\w+) (\S+) (\S+) (\S+)$", line):
                self.connection(match[1]).scram(match[2], self.substitute(match[3]), match[4])
            elif match := re.match(r"^close (\w+)$", line):
                self.connections.pop(match[1]).close()
            elif match := re.match(r"^wait ([0-9.]+)$", line):
                time.sleep(float(match[1]))
            elif match := re.match(r"^ctl (.*)$", line):
                self.server.ctl(*self.substitute(match[1]).split())
            elif match := re.match(r"^C(\w*): ?(.*)$", line):
                text = self.substitute(match[2])
                if self.verbose:
                    print(f"    C{match[1]}: {text}")
                self.connection(match[1]).send(text.encode("utf-8", "surrogateescape") + b"\r\n")
            elif match := re.match(r"^R(\w*): ?(.*)$", line):
                self.connection(match[1]).send(unescape(self.substitute(match[2])))
            elif match := re.match(r"^S(\w*): ?(.*)$", line):
                self.expect(match[1], match[2])
            elif match := re.match(r"^quiet (\w+)$", line):
                connection = self.connection(match[1])
                try:
                    extra = connection.line(0.3)
                except Mismatch:
                    continue
                raise Mismatch(f"expected silence, got: {extra}")
            else:
                raise Mismatch(f"line not understood: {line}")

    def close(self):
        for connection in self.connections.values():
            connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--filter", default="")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the server's configuration")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    named = [pathlib.Path(f).resolve() for f in options.files or [HERE]]
    files = [f for path in named for f in (sorted(path.glob("**/*.imap")) if path.is_dir() else [path])]
    files = [f for f in files if options.filter in str(f)]
    failed = 0
    # Nothing is swept but by `ctl policy sweep`.
    with Server(options.bin, sets=["sweep.interval=0", *options.set]) as server:
        for number, path in enumerate(files, 1):
            name = path.relative_to(HERE) if path.is_relative_to(HERE) else path
            script = Script(path, server, number, options.verbose)
            try:
                script.run()
                print(f"ok    {name}")
            except (Mismatch, OSError, RuntimeError) as error:
                failed += 1
                print(f"FAIL  {name}:{getattr(script, 'where', 0)}: {error}")
            finally:
                script.close()
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
