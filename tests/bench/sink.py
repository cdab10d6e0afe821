"""The cheapest receiver of push: takes every POST and counts. A process of its own, so that its time is not the load generator's."""
import multiprocessing
import socket
import threading
import time


def serve(listener, count):
    def connection(peer):
        data = b""
        with peer:
            while True:
                while (end := data.find(b"\r\n\r\n")) < 0:
                    more = peer.recv(65536)
                    if not more:
                        return
                    data += more
                head = data[:end].lower()
                size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                while len(data) < end + 4 + size:
                    data += peer.recv(65536)
                data = data[end + 4 + size:]
                with count.get_lock():
                    count.value += 1
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    while True:
        peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=connection, args=(peer,), daemon=True).start()


class Sink:
    def __enter__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self.count = multiprocessing.Value("q", 0)
        self.process = multiprocessing.Process(target=serve, args=(listener, self.count), daemon=True)
        self.process.start()
        listener.close()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()

    def taken(self):
        return self.count.value

    def wait(self, count, seconds=120):
        deadline = time.time() + seconds
        while self.taken() < count:
            if time.time() > deadline:
                raise RuntimeError(f"{self.taken()} of {count} messages were told")
            time.sleep(0.02)
