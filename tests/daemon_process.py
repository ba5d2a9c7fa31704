"""A real daemon in a process of its own, for tests that speak with it from outside or kill it."""

import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from netbilld.cli.main import main
from tests.migrated import make_data_directory
from tests.peers import free_tcp_port, free_udp_port, wait_until

SECRET = "a-secret-of-the-tests"
FLAT_PLAN = """
code = "RUMAH20"
name = "Rumah 20 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "300GB"
after = "throttle"
throttled = { down = "2M", up = "1M" }
"""
PER_USE_PLAN = """
code = "PAKAI"
name = "Bayar Sesuai Pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "30M"
up = "15M"
[usage]
price_per_gb = 4000
"""


class DaemonProcess:
    """`netbilld` in a directory of its own, on free loopback ports."""

    def __init__(self, directory: Path, database_url: str | None = None, **settings: str) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.auth_port, self.acct_port = free_udp_port(), free_udp_port()
        self.panel_port, self.portal_port = free_tcp_port(), free_tcp_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NETBILLD_")},
            "NETBILLD_DATA_DIR": str(self.data_dir),
            "NETBILLD_TIMEZONE": where_it_is_noon(),  # else what began some minutes ago may be of another day
            "NETBILLD_RADIUS__HOST": "127.0.0.1",
            "NETBILLD_RADIUS__AUTH_PORT": str(self.auth_port),
            "NETBILLD_RADIUS__ACCT_PORT": str(self.acct_port),
            "NETBILLD_PANEL__PORT": str(self.panel_port),
            "NETBILLD_PANEL__OWN_PROCESS": "false",  # test_pages_apart has it otherwise: one more start for each test
            "NETBILLD_PORTAL__HOST": "127.0.0.1",
            "NETBILLD_PORTAL__PORT": str(self.portal_port),
            **settings,
        }
        if database_url:
            self.environment["NETBILLD_DATABASE_URL"] = database_url
        self.serve_options: tuple[str, ...] = ()
        self.wrapper: tuple[str, ...] = ()  # a command that starts the daemon, such as `sh -c 'ulimit …; exec "$@"' sh`
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        assert self.process is not None, "start() first"
        return self.process.pid

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one netbilld command and return what it printed, whatever its exit code.

        In a thread of this process, since starting Python takes thirty times longer than the command: test_as_a_process
        and others run it as a program. What serves is one in any case.
        """
        if "serve" in arguments:
            return self.program(*arguments)
        out, err = io.StringIO(), io.StringIO()
        own = dict(os.environ)
        typed = sys.stdin
        try:
            os.environ.clear()
            os.environ.update(self.environment)
            sys.stdin = io.StringIO(stdin)
            with redirect_stdout(out), redirect_stderr(err), ThreadPoolExecutor(1) as thread:
                code = thread.submit(main, arguments).result(60)
        finally:
            sys.stdin = typed
            os.environ.clear()
            os.environ.update(own)
        return subprocess.CompletedProcess(["netbilld", *arguments], code, out.getvalue(), err.getvalue())

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one netbilld command as a person does: a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "netbilld", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """Run one netbilld command that must succeed."""
        finished = self.run(*arguments, stdin=stdin)
        assert finished.returncode == 0, f"netbilld {' '.join(arguments)}: {finished.stderr}"
        return finished.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--json"))

    def json_of(self, *arguments: str) -> Any:
        """Return the document of a command that may exit 1 for what it found."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def init(self) -> None:
        if "NETBILLD_DATABASE_URL" not in self.environment and not self.data_dir.exists():
            make_data_directory(self.data_dir)
        self.cli("init", "--admin-email", "admin@example.net", "--admin-password", "a long enough password")

    def plan(self, text: str = FLAT_PLAN) -> None:
        path = self.directory / "plan.toml"
        path.write_text(text)
        self.cli("plan", "add", str(path))

    def nas(self, name: str = "pop1", address: str = "127.0.0.1", *more: str) -> None:
        self.cli("nas", "add", name, address, "--secret", SECRET, *more)

    def start(self) -> None:
        """Start serving and wait until it says so on its control socket and /readyz."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, sys.executable, "-m", "netbilld", "serve", *self.serve_options],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._ready, "the daemon is ready", 60)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the daemon ended:\n{self.log}"
        try:
            return bool(self.readyz()["ready"])
        except OSError:
            return False

    def readyz(self) -> dict[str, Any]:
        """/readyz of a daemon that is ready; urllib.error.HTTPError, an OSError, where it is not."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.panel_port}/readyz", timeout=2) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def stop(self) -> None:
        """SIGSTOP: the process hangs, its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def metrics(self) -> dict[str, float]:
        """/metrics, by name with labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.panel_port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def where_it_is_noon() -> str:
    """Return a zone in which this hour is the one after noon."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # whose sign is the other way round
