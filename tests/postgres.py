"""A private PostgreSQL cluster for the tests: made fresh, on a unix socket and a loopback port, gone afterwards."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from tests import memory
from tests.peers import free_tcp_port

_DISK: Final = Path("/tmp")  # noqa: S108 - mkdtemp makes a directory of our own within it
_ROOM_OCTETS: Final = 2 << 30


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def available() -> bool:
    """Tell whether a PostgreSQL server is installed."""
    return _binaries() is not None


def _place(settings: dict[str, str]) -> Path:
    """Return where the files go: into memory, if there is room, where losing them is meant (`fsync` off)."""
    return memory.MEMORY if settings.get("fsync") == "off" and memory.has_room(_ROOM_OCTETS) else _DISK


@contextmanager
def cluster(**settings: str) -> Iterator["Cluster"]:
    """Run a cluster; as root it belongs to the postgres user, since the server refuses to be root."""
    binaries = _binaries()
    assert binaries is not None, "PostgreSQL is not installed"
    directory = Path(tempfile.mkdtemp(prefix="netbilld-pg-", dir=_place(settings)))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)
    running = Cluster(binaries, directory, user, free_tcp_port(), settings)
    try:
        running.create()
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(directory, ignore_errors=True)


class Cluster:
    def __init__(self, binaries: Path, directory: Path, user: str | None, port: int, settings: dict[str, str]) -> None:
        self._binaries, self._directory, self._user, self.port = binaries, directory, user, port
        self._settings = {"unix_socket_directories": str(directory), "listen_addresses": "127.0.0.1", **settings}
        self._count = 0

    def _run(self, *command: str) -> None:
        subprocess.run(
            [self._binaries / command[0], *command[1:]],
            user=self._user,
            cwd=self._directory,
            check=True,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )

    def create(self) -> None:
        data = str(self._directory / "data")
        self._run("initdb", "-D", data, "-U", "netbilld", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items()) + f" -p {self.port}"
        log = str(self._directory / "log")
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-l", log, "-o", options, "-w", "-t", "60", "start")

    @property
    def socket_directory(self) -> Path:
        """Return where its unix socket lies."""
        return self._directory

    @property
    def pid(self) -> int:
        """Return the process that all others of the cluster belong to."""
        return int((self._directory / "data" / "postmaster.pid").read_text().splitlines()[0])

    def stop(self, mode: str = "immediate") -> None:
        if (self._directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", mode, "-w", "stop")

    def new_database(self, template: str | None = None) -> str:
        """Create a database, empty or a copy of the one at URL `template`, and return its URL."""
        self._count += 1
        name = f"test_{self._count}"
        of = f' TEMPLATE "{_name(template)}"{self._by_files()}' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{of}')
        return f"postgresql+asyncpg://netbilld@127.0.0.1:{self.port}/{name}"

    def _by_files(self) -> str:
        """Return how a copy is made in half the time: the files themselves, and not each page through the log."""
        version = int((self._directory / "data" / "PG_VERSION").read_text())
        return " STRATEGY file_copy" if version >= 15 else ""  # older ones know no other way

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Create a database as `new_database` does, and remove it afterwards, whoever is still connected."""
        url = self.new_database(template)
        try:
            yield url
        finally:
            self._execute(f'DROP DATABASE "{_name(url)}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        """Carry out one statement; in a thread, since whoever asks may have an event loop of its own."""

        async def run() -> None:
            connection = await asyncpg.connect(host="127.0.0.1", port=self.port, user="netbilld", database="postgres")
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, run()).result(60)


def _name(url: str) -> str:
    return url.rpartition("/")[2]
