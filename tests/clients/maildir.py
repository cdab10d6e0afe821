"""A Maildir as the synchronising clients leave it: looked at and changed by file names."""
import email
import os
import pathlib
import time


class Maildir:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def make(self):
        for name in ("cur", "new", "tmp"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def files(self):
        return sorted(file for name in ("cur", "new") for file in (self.path / name).glob("*"))

    def listing(self):
        return [file.name for file in self.files()]

    def find(self, subject):
        for file in self.files():
            with open(file, "rb") as stream:
                if email.message_from_binary_file(stream)["Subject"] == subject:
                    return file
        return None

    def subjects(self):
        out = []
        for file in self.files():
            with open(file, "rb") as stream:
                out.append(email.message_from_binary_file(stream)["Subject"])
        return out

    def octets(self, subject):
        return self.find(subject).read_bytes()

    def flags(self, subject):
        return self.find(subject).name.partition(":2,")[2]

    def set_flags(self, subject, flags):
        file = self.find(subject)
        base = file.name.partition(":2,")[0]
        file.rename(self.path / "cur" / f"{base}:2,{''.join(sorted(flags))}")

    def add(self, octets, flags):
        name = f"{int(time.time())}.{os.getpid()}_{len(self.files())}.test:2,{flags}"
        (self.path / "cur" / name).write_bytes(octets.replace(b"\r\n", b"\n"))

    @staticmethod
    def tree(path):
        """Names, sizes and times of all messages below path: equal only when nothing was written."""
        return sorted((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in pathlib.Path(path).rglob("*")
                      if file.is_file() and file.parent.name in ("cur", "new", "tmp"))
