"""What tests look up in /proc: children, memory, who works in a directory."""
import os
import pathlib
import time


def stat_fields(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children(pid):
    found = []
    for one in all_pids():
        try:
            if int(stat_fields(one)[1]) == pid:
                found.append(one)
        except OSError:
            continue
    return found


def descendants(pid):
    found = []
    for one in children(pid):
        found += [one, *descendants(one)]
    return found


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def alive(pid):
    try:
        return stat_fields(pid)[0] != "Z"
    except OSError:
        return False


def memory(pid, field="VmRSS"):
    """KiB. VmRSS, RssAnon, VmHWM, …"""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def proportional(pid):
    """Proportional set size in KiB: what a process costs when shared pages are split among their users."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def working_in(directory):
    """Processes whose working directory is this one: a postmaster and its backends work in their cluster."""
    directory = os.path.realpath(directory)
    found = []
    for pid in all_pids():
        try:
            if os.readlink(f"/proc/{pid}/cwd") == directory and alive(pid):
                found.append(pid)
        except OSError:
            continue
    return found


def wait_for(condition, patience=30, step=0.05):
    """The condition's first true value, or its last false one."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(step)
    return value


def sanitized(pid):
    """Whether the program was built with a sanitizer."""
    program = pathlib.Path(f"/proc/{pid}/exe").read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program
