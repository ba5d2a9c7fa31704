"""How urgent a process is to the system's scheduler."""

import os
from contextlib import suppress


def step_back(nice: int) -> None:
    """Be less urgent than the daemon (nice(2)); where a sandbox forbids even that, as urgent as it is."""
    with suppress(OSError):
        os.nice(nice)
