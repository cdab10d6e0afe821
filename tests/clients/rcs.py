"""What the two RCS dialects share: a client as deployed phones speak (bare LF, no CR; one command at a time; the first lines decide)."""
import re
import socket

from common import Failed
from server import tls_context

PATIENCE = 10
KNOWN_FLAGS = {"\\Answered", "\\Draft", "\\Seen", "\\Flagged", "\\Recent", "\\Deleted"}


def flags_of(text):
    """The flags of a FETCH as both clients read them: another word with a backslash, or another spelling, ends the whole run (MSS-86)."""
    flags = set(text.split())
    strange = {flag for flag in flags if flag.startswith("\\")} - KNOWN_FLAGS
    if strange:
        raise Failed(f"the client knows no flag {strange}: its run ends here")
    return flags


class Phone:
    """Reads lines as Java's readLine does: CRLF, LF and a lone CR end a line."""

    def __init__(self, address, tls=True):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        if tls:
            self.socket = tls_context().wrap_socket(self.socket)
        self.buffer = b""
        self.count = 0
        self.greeting = self.line()

    def line(self):
        while True:
            match = re.search(rb"\r\n|\n|\r(?=.)", self.buffer, re.S)
            if match:
                line, self.buffer = self.buffer[:match.start()], self.buffer[match.end():]
                return line.decode("utf-8", "replace")
            try:
                octets = self.socket.recv(65536)
            except TimeoutError:
                raise Failed(f"the phone waits in vain for a line; it has {self.buffer!r}")
            if not octets:
                raise Failed("the server closed the connection")
            self.buffer += octets

    def peek(self):
        """The next line, which stays."""
        line = self.line()
        self.buffer = line.encode() + b"\r\n" + self.buffer
        return line

    def quiet(self, seconds=0.3):
        """True when the server says nothing more."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
            return not self.buffer
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def send(self, text, tagged=True):
        if tagged:
            self.tag = f"a{self.count}"
            self.count += 1
            text = f"{self.tag} {text}"
        self.socket.sendall(text.encode() + b"\n")

    def raw(self, octets):
        self.socket.sendall(octets)

    def until_ok(self):
        """"Read to the end": only the first line may be the tagged NO or BAD; later the client waits for OK for ever."""
        lines = [self.line()]
        while not lines[-1].startswith(f"{self.tag} "):
            lines.append(self.line())
        if not lines[-1].startswith(f"{self.tag} OK") and len(lines) > 1:
            raise Failed(f"untagged lines before a refusal: {lines}")
        return lines

    def execute(self, text):
        self.send(text)
        return self.until_ok()

    def close(self):
        self.socket.close()
