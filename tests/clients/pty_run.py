"""Runs a full-screen program without a screen: on a pseudo terminal, its output thrown away but kept for the report."""
import os
import pty
import select
import signal
import struct
import fcntl
import termios
import time

from common import Failed


def run_on_terminal(command, environment, timeout=60):
    """Waits for the program's own end; its output as octets. The program must end by itself."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe(str(command[0]), [str(word) for word in command], environment)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen, deadline = b"", time.monotonic() + timeout
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                octets = os.read(master, 65536)
            except OSError:
                octets = b""
            if not octets:
                break
            seen += octets
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise Failed(f"{command[0]} did not end within {timeout} s; it showed:\n{seen[-3000:]!r}")
    os.close(master)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise Failed(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}; it showed:\n{seen[-3000:]!r}")
    return seen
