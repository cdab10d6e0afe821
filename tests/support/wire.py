"""A small IMAP client on a bare socket for tests: nothing is interpreted, every octet can be looked at.

    with Wire(server.imaps, tls=True) as wire:
        wire.login("a@example.net")
        reply = wire.command("SELECT INBOX")      # reply.status, .code, .text, .untagged (list of octets, literals inside)
        wire.append("INBOX", message, "\\\\Seen")
"""
import re
import socket

from server import tls_context


class Closed(Exception):
    """The server closed the connection (or it was reset) before the reply was complete."""


class Reply:
    def __init__(self, tagged, untagged):
        words = tagged.decode("utf-8", "replace").split(" ", 2)
        self.status = words[1] if len(words) > 1 else ""
        self.text = words[2] if len(words) > 2 else ""
        code = re.match(r"\[([^]]*)\]", self.text)
        self.code = code[1] if code else ""
        self.untagged = untagged

    def __bool__(self):
        return self.status == "OK"

    def __repr__(self):
        return f"{self.status} {self.text} {self.untagged[:3]}"

    def number(self, name):
        """The number of `* n NAME`, of a code `* OK [NAME n]` or of `NAME n` in STATUS; None when it is not there."""
        for line in self.untagged:
            text = line.decode("utf-8", "replace")
            if match := re.match(rf"\* (\d+) {name}\b", text) or re.search(rf"\b{name} \(?(\d+)", text):
                return int(match[1])
        return None

    def numbers(self):
        """The numbers of * SEARCH."""
        for line in self.untagged:
            if line.startswith(b"* SEARCH"):
                return [int(n) for n in line[8:].split(b"(")[0].split()]
        return []


class Wire:
    def __init__(self, address, tls=False, timeout=30, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls_context().wrap_socket(self.socket)
        self.buffer = bytearray()
        self.count = 0
        self.greeting = self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def patience(self, seconds):
        self.socket.settimeout(seconds)

    def fill(self):
        try:
            octets = self.socket.recv(262144)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed(str(error)) from error
        if not octets:
            raise Closed("closed by the server")
        self.buffer += octets

    def line(self):
        start = 0
        while (end := self.buffer.find(b"\n", start)) < 0:
            start = len(self.buffer)
            self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 1]
        return line[:-1] if line.endswith(b"\r") else line

    def octets(self, count):
        while len(self.buffer) < count:
            self.fill()
        out = bytes(self.buffer[:count])
        del self.buffer[:count]
        return out

    def response(self):
        """One response; literals stand in it as {n} CRLF and the octets."""
        out = self.line()
        while match := re.search(rb"\{(\d+)\}$", out):
            out += b"\r\n" + self.octets(int(match[1])) + self.line()
        return out

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed(str(error)) from error

    def tag(self):
        self.count += 1
        return b"t%d" % self.count

    def finish(self, tag):
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                return Reply(response, untagged)
            untagged.append(response)

    def command(self, text):
        tag = self.tag()
        self.send(tag + b" " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.finish(tag)

    def must(self, text):
        reply = self.command(text)
        if not reply:
            raise AssertionError(f"{text!r}: {reply!r}")
        return reply

    def login(self, user, password="secret"):
        return self.must(f'LOGIN "{user}" "{password}"')

    def append(self, mailbox, message, flags=""):
        """APPEND with a non-synchronizing literal; `message` may be a list (MULTIAPPEND)."""
        messages = message if isinstance(message, list) else [message]
        tag = self.tag()
        out = bytearray(tag + f' APPEND "{mailbox}"'.encode())
        for one in messages:
            out += (f" ({flags})" if flags else "").encode() + b" {%d+}\r\n" % len(one) + one
        self.send(bytes(out) + b"\r\n")
        return self.finish(tag)
