"""A real FreeRADIUS of a test's own configuration, in a process of its own."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.peers import need, wait_until

BASICS: Final = """
logdir = {directory}
run_dir = {directory}
pidfile = {directory}/pid
max_request_time = 10
cleanup_delay = 2
max_requests = 1024
log {{ destination = stdout }}
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
}}
"""


class FreeradiusProcess:
    """Runs from its making until `end`; `log` is what it says, packet by packet."""

    def __init__(self, directory: Path, configuration: str) -> None:
        """Write `radiusd.conf`, with what is no matter of the test before it, and start; return when it is ready."""
        self._output = directory / "output"
        (directory / "radiusd.conf").write_text(BASICS.format(directory=directory) + configuration)
        (directory / "dictionary").touch()  # the shipped ones are read anyway
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [need("freeradius"), "-f", "-xx", "-l", "stdout", "-d", str(directory), "-n", "radiusd"],
                stdout=output,
                stderr=output,
                env={"PATH": os.environ["PATH"]},
            )
        wait_until(self._is_ready, lambda: f"FreeRADIUS is ready:\n{self.log[-3000:]}", 60)

    @property
    def log(self) -> str:
        return self._output.read_text(errors="replace")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"FreeRADIUS ended:\n{self.log[-3000:]}"
        return "Ready to process requests" in self.log

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
