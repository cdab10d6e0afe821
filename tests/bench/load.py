"""The client side of the measurements: bare sockets and one event loop, so that the client is not what is measured."""
import selectors
import socket
import threading
import time

from server import tls_context

CHUNK = 1 << 20


class Scratch(threading.local):
    """One buffer a thread for all its connections."""

    def __init__(self):
        self.view = memoryview(bytearray(CHUNK))


scratch = Scratch()


class Connection:
    """One command at a time; replies are counted, not kept, except their end."""

    def __init__(self, address, user=None, tls=None):
        self.socket = socket.create_connection(address, timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self.number = 0
        self.tail = b""
        while not self.tail.endswith(b"\n"):
            self.tail += self.socket.recv(4096)
        if user:
            self.run(b"LOGIN %s secret" % user.encode())

    def start(self, command, more=b""):
        self.number += 1
        self.tag = b"q%dz" % self.number
        self.tail, self.count = b"\r\n", 0
        self.socket.sendall(self.tag + b" " + command + b"\r\n" + more)

    def receive(self):
        """One read; true when the tagged line is complete. The reply's end is in .tail."""
        view = scratch.view
        count = self.socket.recv_into(view)
        if count == 0:
            raise ConnectionError(f"closed after {self.tail!r}")
        self.count += count
        self.tail = (self.tail + bytes(view[:count]) if count < 4096 else bytes(view[count - 4096:count]))[-4096:]
        if not self.tail.endswith(b"\r\n"):
            return False
        line = self.tail[self.tail.rfind(b"\r\n", 0, -2) + 2:]
        if not line.startswith(self.tag):
            return False
        if not line.startswith(self.tag + b" OK"):
            raise RuntimeError(f"refused: {line!r}")
        return True

    def run(self, command, more=b""):
        """The octets of the reply."""
        self.start(command, more)
        while not self.receive():
            pass
        return self.count

    def timed(self, command, more=b""):
        began = time.perf_counter()
        count = self.run(command, more)
        return time.perf_counter() - began, count

    def append(self, mailbox, messages):
        head, *rest = messages
        body = [head]
        for one in rest:
            body.append(b" {%d+}\r\n" % len(one) + one)
        self.run(b"APPEND %s {%d+}" % (mailbox.encode(), len(head)), b"".join(body) + b"\r\n")

    def tagged(self):
        return self.tail[self.tail.rfind(b"\r\n", 0, -2) + 2:]

    def close(self):
        self.socket.close()


def fleet(connections, total, send):
    """`total` commands over all connections, each connection one at a time; seconds. send(connection, index, n) starts one."""
    selector = selectors.DefaultSelector()
    began = time.perf_counter()
    started = ended = 0
    for index, connection in enumerate(connections):
        selector.register(connection.socket, selectors.EVENT_READ, (index, connection))
        send(connection, index, started)
        started += 1
    while ended < total:
        for key, _ in selector.select():
            index, connection = key.data
            if not connection.receive():
                continue
            ended += 1
            if started < total:
                send(connection, index, started)
                started += 1
    took = time.perf_counter() - began
    selector.close()
    return took


TLS = tls_context()


def message(number, size=2048):
    """A plausible mail of about this size; some words are rare. Ten make a thread."""
    word = "needle" if number % 100 == 0 else "hay"
    references = f"References: <{number - 1}.bench@example.org>\r\n" if number % 10 else ""
    head = (f"Return-Path: <sender{number % 50}@example.org>\r\nReceived: from a.example.org by b.example.net; Mon, 2 Feb 2026 10:00:00 +0000\r\n"
            f"From: Sender {number % 50} <sender{number % 50}@example.org>\r\nTo: Receiver <receiver@example.net>\r\n"
            f"Subject: Report {number} about {word}\r\nDate: Mon, 02 Feb 2026 10:{number // 60 % 60:02d}:{number % 60:02d} +0000\r\n"
            f"Message-ID: <{number}.bench@example.org>\r\n{references}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
    line = f"Line of message {number}: the quick brown {word} jumps over the lazy dog.\r\n"
    return (head + line * max((size - len(head)) // len(line), 1)).encode()


def chat(number, party):
    """A received chat message of the second generation: CPIM in a message, some 700 octets."""
    text = f"Message {number}: are we still on for the lake on Saturday? " + "la " * (number % 20)
    inner = (f"From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:anonymous@anonymous.invalid>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
             f"imdn.Message-ID: m{number}\r\nDateTime: 2026-05-12T09:15:00Z\r\nimdn.Disposition-Notification: positive-delivery, display\r\n\r\n"
             f"Content-Type: text/plain;charset=utf-8\r\nContent-Length: {len(text)}\r\n\r\n{text}")
    head = (f"From: tel:+1555{party:07d}\r\nTo: tel:+15550100\r\nDate: Tue, 12 May 2026 09:15:00 +0000\r\nMessage-ID: <m{number}@store.example>\r\n"
            f"MIME-Version: 1.0\r\nConversation-ID: conv-{party}\r\nContribution-ID: contrib-{number}\r\nIMDN-Message-ID: m{number}\r\n"
            f"Message-Direction: received\r\nContent-Type: message/cpim\r\n\r\n")
    return (head + inner).encode()
