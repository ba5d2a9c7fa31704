"""FreeRADIUS as Debian ships it, from a copy of its configuration in a directory of its own, on loopback.

With `sql` its default site asks PostgreSQL (check, reply, groups and their check and reply: five queries a log-in) and
writes the post-auth row; without, every subscriber stands in the `users` file and no database is asked. Changed are
only ports, clients, the connection, and what would write outside the directory.
"""

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchmarks.seed import SECRET, name_and_password
from tests.peers import free_udp_port

CONFIGURATION = Path("/etc/freeradius/3.0")
USER = "freerad"
READY_SECONDS = 60.0
# said in every Access-Accept, as netbilld's own plan of the benchmark is
REPLY = (
    ("Mikrotik-Rate-Limit", '"10M/20M"'),
    ("Acct-Interim-Interval", "300"),
    ("Service-Type", "Framed-User"),
    ("Framed-Protocol", "PPP"),
)


class FreeRadius:
    """One running server."""

    def __init__(self, directory: Path, sources: Sequence[str], connection: str | None, subscribers: int) -> None:
        """Prepare the configuration.

        Args:
            directory: made here.
            sources: addresses of the NAS.
            connection: libpq's words for the database; None for the users file.
            subscribers: how many the users file gets.
        """
        self.name = "FreeRADIUS + PostgreSQL" if connection else "FreeRADIUS, users file"
        self._directory = directory
        self.auth_port, self.acct_port = free_udp_port(), free_udp_port()
        self.process: subprocess.Popen[bytes] | None = None
        shutil.copytree(CONFIGURATION, directory, symlinks=True)
        (directory / "log").mkdir()
        (directory / "run").mkdir()
        self._edit(
            "radiusd.conf", ("logdir = .*", f"logdir = {directory}/log"), ("run_dir = .*", f"run_dir = {directory}/run")
        )
        self._edit(
            "radiusd.conf", ("raddbdir = .*", f"raddbdir = {directory}"), ("pidfile = .*", f"pidfile = {directory}/pid")
        )
        if os.geteuid() != 0:
            self._edit("radiusd.conf", (r"user = freerad", ""), (r"group = freerad", ""))
        self._edit("sites-available/inner-tunnel", (r"port = 18120", f"port = {free_udp_port()}"))
        self._listen()
        (directory / "clients.conf").write_text(
            "".join(
                f"client nas{number} {{\n  ipaddr = {source}\n  secret = {SECRET}\n  nas_type = other\n}}\n"
                for number, source in enumerate(sources)
            )
        )
        if connection:
            self._use_sql(connection)
        else:
            with (directory / "mods-config/files/authorize").open("w") as users:
                reply = ",\n".join(f"\t{attribute} = {value}" for attribute, value in REPLY)
                for name, password in map(name_and_password, range(subscribers)):
                    users.write(f'{name} Cleartext-Password := "{password}"\n{reply}\n\n')
        self._give_away()

    def _edit(self, file: str, *replacements: tuple[str, str]) -> None:
        path = self._directory / file
        text = path.read_text()
        for pattern, replacement in replacements:
            text, changed = re.subn(rf"(?m)^([ \t]*){pattern}$", rf"\1{replacement}", text, count=1)
            if not changed:
                raise LookupError(f"{path}: nothing like {pattern!r}; another version of FreeRADIUS than Debian's 3.2?")
        path.write_text(text)

    def _listen(self) -> None:
        """Put the two IPv4 sockets of the default site on loopback, and leave IPv6 out."""
        path = self._directory / "sites-available/default"
        head, *listens = re.split(r"(?m)^listen \{\n", path.read_text())
        ports = iter((self.auth_port, self.acct_port))
        kept = []
        for text in listens:
            body, _, rest = text.partition("\n}\n")
            if re.search(r"(?m)^\s*ipaddr = \*", body):
                body = re.sub(r"(?m)^(\s*)ipaddr = \*", r"\1ipaddr = 127.0.0.1", body)
                kept.append(
                    "listen {\n" + re.sub(r"(?m)^(\s*)port = 0", rf"\1port = {next(ports)}", body) + "\n}\n" + rest
                )
            else:
                kept.append(rest)
        path.write_text(head + "".join(kept))

    def _use_sql(self, connection: str) -> None:
        self._edit(
            "mods-available/sql",
            ('dialect = "sqlite"', 'dialect = "postgresql"'),
            ('driver = "rlm_sql_null"', 'driver = "rlm_sql_postgresql"'),
            ('radius_db = "radius"', f'radius_db = "{connection}"'),
        )
        (self._directory / "mods-enabled/sql").symlink_to("../mods-available/sql")

    def _give_away(self) -> None:
        if os.geteuid() != 0:
            return
        entry = pwd.getpwnam(USER)
        for path in (self._directory, *self._directory.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def __enter__(self) -> Self:
        with (self._directory / "output").open("wb") as output:
            self.process = subprocess.Popen(
                ["/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", str(self._directory)], stdout=output, stderr=output
            )
        deadline = time.monotonic() + READY_SECONDS
        while "Ready to process requests" not in self.log:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"FreeRADIUS does not start:\n{self.log[-3000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return (self._directory / "output").read_text(errors="replace")
