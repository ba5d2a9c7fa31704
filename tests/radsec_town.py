"""A daemon with RadSec, certificates of its authority and of another, and NAS that are known by them."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from netbilld.adapters.certificate_authority import CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import read_key_file
from netbilld.model.actor import Actor
from netbilld.radius.certificate_use import CertificateUse
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import free_tcp_port
from tests.radsec_client import RadsecClient

POP1S = "127.0.2.0/24"  # pop1 calls from wherever it likes in there: why is said once a minute for each address
POP1, ROAMING, ANYWAY, UNBOUND = "127.0.2.1", "127.0.0.3", "127.0.0.4", "127.0.0.5"
ORDERED = "127.0.0.6"  # apart from the others, whose connections end under orders for what they have accounted


class Town:
    """A daemon with RadSec, and what its NAS need to speak with it."""

    def __init__(self, directory: Path) -> None:
        self.port = free_tcp_port()
        self.daemon = DaemonProcess(
            directory,
            NETBILLD_RADIUS__HOST="127.0.0.1,::1",
            NETBILLD_RADIUS__RADSEC_PORT=str(self.port),
            NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="5",
            NETBILLD_ENFORCEMENT__COA_TRIES="2",
            NETBILLD_ENFORCEMENT__RETRY_SECONDS="0.5",
            NETBILLD_ENFORCEMENT__RETRY_MAX_SECONDS="1",
        )
        self.files = CertificateFiles.of(self.daemon.data_dir)
        self.certs = self.files.directory
        self.other = CertificateFiles.of(directory / "other")

    def make_certificates(self) -> None:
        now = datetime.now(UTC)
        long_ago = now - timedelta(days=1000)
        authority = CertificateAuthority(self.files)
        authority.make("Tests", long_ago)
        authority.make_server(["localhost"], now)
        authority.issue("pop1", now)
        authority.issue("roaming.example.net", now)
        authority.issue("budi", now)
        authority.issue("phone", now, also_for=("pop1",), use=CertificateUse.EAP)
        authority.issue("either", now, also_for=("pop1", "tono"))
        authority.issue("router", now, also_for=("pop1", "tono"), use=CertificateUse.RADSEC)
        authority.issue("old", long_ago, days=900, also_for=("pop1",))
        self.other.directory.parent.mkdir()
        another = CertificateAuthority(self.other)
        another.make("Another", now)
        another.issue("pop1", now)

    async def add(self, nas: Sequence[NasFields], usernames: Sequence[str]) -> None:
        """Add NAS and subscribers; a command line for each would take longer than the tests."""
        database = Database(sqlite_url(self.daemon.data_dir / "netbilld.db"))
        box = read_key_file(self.daemon.data_dir / "secret.key")
        actor, now = Actor("tests", "cli"), datetime.now(UTC)
        try:
            for fields in nas:
                await ManageNas(database, box).add(fields, actor, now)
            people = ManageSubscribers(database, box, Defaults("IDR", "Asia/Jakarta"))
            for name in usernames:
                await people.add(NewService(name, plan="RUMAH20", password="rahasia"), actor, now)
        finally:
            await database.close()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database past the command line, for speed."""
        with closing(sqlite3.connect(f"file:{self.daemon.data_dir}/netbilld.db?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def sessions(self, username: str) -> list[dict[str, Any]]:
        columns = ("acct_session_id", "stopped_at", "upload_octets", "download_octets")
        query = "SELECT {}, nas.name FROM sessions JOIN nas ON nas.id = nas_id WHERE username = ?"
        found = self.rows(query.format(", ".join(columns)), username)
        return [dict(zip((*columns, "nas"), row, strict=True)) for row in found]

    def client(self, name: str | None = "pop1", source: str = POP1, **how: object) -> RadsecClient:
        return RadsecClient(self.port, self.certs, name, source=source, **how)  # type: ignore[arg-type]  # passed on

    def closed(self, why: str) -> float:
        return self.daemon.metrics()[f'netbilld_radsec_closed_total{{reason="{why}"}}']

    def metric(self, name: str) -> float:
        return self.daemon.metrics()[name]


@contextmanager
def radsec_town(directory: Path) -> Iterator[Town]:
    town = Town(directory)
    with town.daemon as daemon:
        daemon.init()
        town.make_certificates()
        daemon.plan()
        nas = (
            NasFields("pop1", POP1S, SECRET, require_message_authenticator="true"),
            NasFields("roaming", ROAMING, SECRET, radsec_name="roaming.example.net"),
            NasFields("anyway", ANYWAY, SECRET, radsec_name="*"),
            NasFields("ordered", ORDERED, SECRET, radsec_name="*"),
            NasFields("pop6", "::1", SECRET, radsec_name="*"),
        )
        asyncio.run(town.add(nas, ("budi", "siti", "tono", "wati")))
        daemon.start()
        yield town
