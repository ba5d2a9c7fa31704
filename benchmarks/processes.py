"""What processes cost, read from /proc."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_OCTETS = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far, all threads."""
    return sum(_stat(pid)[11:13]) / _TICKS


def tree_cpu_seconds(pid: int) -> float:
    """Return what a process, those of its children that have ended, and those that live have used so far."""
    return (sum(_stat(pid)[11:15]) + sum(sum(_stat(child)[11:13]) for child in children(pid))) / _TICKS


def children(pid: int) -> list[int]:
    """Return the children of a process that live."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_OCTETS / 2**20


def peak_memory_mib(pid: int) -> float:
    """Return the most resident memory that a process, or any one of its children that live, has had."""
    return max(_peak_mib(each) for each in (pid, *children(pid)))


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} shows no VmHWM")


@contextmanager
def paused(pids: list[int]) -> Iterator[None]:
    """Let processes and their children stand still, so that they don't disturb what is measured."""
    pids = [each for pid in pids for each in (pid, *children(pid))]
    for pid in pids:
        os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, SIGCONT)


def _stat(pid: int) -> list[int]:
    """Return the fields of /proc/PID/stat after the state, as numbers, at their places there; zeros if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0] * 15
    return [0, *(int(field) for field in fields[1:15])]
