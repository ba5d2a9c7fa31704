"""A daemon, and routers around it that are each wrong in one way: for tests of `doctor nas`.

Every router is set up as an operator would do it: by typing what `nas script` prints. All of them serve in one thread
beside the test's own, since the command line has a loop of its own.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import read_key_file
from netbilld.model.actor import Actor
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.snmp_fields import SnmpFields
from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import free_udp_port
from tests.routeros.fake_router import FakeRouter
from tests.routeros.radius_side import DialError, Home, RadiusSide
from tests.routeros.terminal import Terminal
from tests.snmp_agent import FakeAgent, fake_agent

USERNAMES = ("budi", "ani", "citra")  # who dial in everywhere at once
INTERIM_SECONDS = 1
WAIT_SECONDS = 8.0  # after it a session must have reported: one and a half intervals, and five seconds
API_PASSWORD = "rahasia-api"
COMMUNITY = "publik"


@dataclass
class Pop:
    """One NAS: the router, and who dials in through it."""

    name: str
    host: str
    router: FakeRouter
    side: RadiusSide
    reports: bool = True
    reports_every: float = 0.0  # seconds; not sooner, however often it is asked to
    reported_mono: float = 0.0

    def type(self, text: str) -> None:
        Terminal(self.router.store, self.router.changed).feed(text)

    def set_clock(self, ahead_seconds: int = 0) -> None:
        """Let it show a time, in Jakarta."""
        self.side.clock_ahead_seconds = ahead_seconds
        shown: Callable[[str], Callable[[], str]] = lambda form: (  # noqa: E731 - a value that is worked out when asked
            lambda: (datetime.now(UTC) + timedelta(hours=7, seconds=ahead_seconds)).strftime(form)
        )
        self.router.store["/system/clock"].only.values |= {
            "date": shown("%Y-%m-%d"),
            "time": shown("%H:%M:%S"),
            "gmt-offset": "+07:00",
        }

    async def dial_all(self, down_bps: int = 20_000_000, up_bps: int = 1_000_000) -> None:
        self.reported_mono = time.monotonic()
        for username in USERNAMES:
            self.side.add(Home(username, up_bps=up_bps, down_bps=down_bps))
            with contextlib.suppress(DialError):
                await self.side.dial(username)

    def hear_no_orders(self) -> None:
        """As behind a firewall: whatever is sent to its port is lost."""
        self.side.orders.datagram_received = lambda data, addr: None  # type: ignore[method-assign]  # noqa: ARG005

    async def use(self) -> None:
        """Let subscribers use their lines, and the router tell of it if it does."""
        self.side.pass_traffic(30)
        if not self.reports or time.monotonic() - self.reported_mono < self.reports_every:
            return
        self.reported_mono = time.monotonic()
        for line in self.side.lines:
            await self.side.interim(line)


class DoctorWorld:
    """Made once for many tests; a NAS is examined by its name."""

    def __init__(self, directory: Path) -> None:
        self.daemon = DaemonProcess(
            directory,
            NETBILLD_RADIUS__INTERIM_INTERVAL=str(INTERIM_SECONDS),
            NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="0.4",
            NETBILLD_SNMP__TIMEOUT_SECONDS="0.5",
        )
        self.pops: dict[str, Pop] = {}
        self.agent: FakeAgent
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stack = contextlib.AsyncExitStack()
        self._hosts = (f"127.77.{os.getpid() % 250 + 1}.{number}" for number in range(1, 250))

    def __enter__(self) -> Self:
        self._thread.start()
        self.daemon.init()
        self.daemon.plan()
        for username in USERNAMES:
            self.daemon.cli("subscriber", "add", username, "--plan", "RUMAH20", "--password", "rahasia")
        self.agent = self.wait(self._open_agent())
        return self

    def __exit__(self, *_error: object) -> None:
        self.daemon.__exit__()
        self.wait(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open_agent(self) -> FakeAgent:
        return self._stack.enter_context(fake_agent(community=COMMUNITY))

    def add(self, *names: str, bare: tuple[str, ...] = ()) -> dict[str, Pop]:
        """Add NAS as an operator does: make them known, and type the script into the console of each.

        The bare ones have neither API nor SNMP set here.
        """
        pops = {name: self.wait(self._open(name, next(self._hosts))) for name in (*names, *bare)}
        asyncio.run(self._make_known(pops, bare))
        for name, pop in pops.items():
            self.type(pop, self.daemon.cli("nas", "script", name, "--with-secrets"))
        self.pops |= pops
        return pops

    async def _make_known(self, pops: Mapping[str, Pop], bare: Collection[str]) -> None:
        database = Database(sqlite_url(self.daemon.data_dir / "netbilld.db"))
        manage = ManageNas(database, read_key_file(self.daemon.data_dir / "secret.key"))
        for name, pop in pops.items():
            known = NasFields(
                name=name, address=pop.host, secret=SECRET, coa_port=free_udp_port(), portal_sources=["100.64.0.0/10"]
            )  # fmt: skip
            if name not in bare:
                known = replace(
                    known,
                    api_url=f"api://netbilld:{API_PASSWORD}@{pop.host}:{pop.router.port}",
                    snmp_community=COMMUNITY,
                    snmp=SnmpFields(address="127.0.0.1", port=self.agent.port),
                )
            await manage.add(known, Actor("ani", "cli"), datetime.now(UTC))
        await database.close()

    async def _open(self, name: str, host: str) -> Pop:
        router = FakeRouter(user="admin", identity=name, host=host)
        await self._stack.enter_async_context(router)
        side = await self._stack.enter_async_context(RadiusSide(router, host))
        pop = Pop(name, host, router, side)
        pop.set_clock()
        pop.type(
            "/ip address add address=192.168.88.1/24 interface=ether2\n"
            "/ip firewall filter add chain=forward action=fasttrack-connection connection-state=established,related\n"
            "/ip firewall filter add chain=forward action=accept connection-state=established,related\n"
            "/ip firewall nat add chain=srcnat action=masquerade out-interface=ether1"
        )
        return pop

    async def _type(self, pop: Pop, script: str) -> None:
        pop.type(script)
        await pop.side.followed()

    def type(self, pop: Pop, text: str) -> None:
        self.wait(self._type(pop, text))

    def live(self) -> None:
        """Let everybody dial in who has not, and report once the time for it has come."""
        self.wait(_together(pop.dial_all() for pop in self.pops.values() if not pop.side.homes))
        time.sleep(WAIT_SECONDS)  # the daemon's own clock has to pass it
        self.tell()

    def tell(self) -> None:
        """Let every router report now."""
        self.wait(_together(pop.use() for pop in self.pops.values()))

    def examine(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the findings about a NAS by the name of the check."""
        document = self.daemon.json_of("doctor", "nas", name)
        return {check["name"]: check for check in document["checks"]}

    def secrets_of(self) -> tuple[str, ...]:
        return (SECRET, API_PASSWORD)


async def _together(works: Any) -> None:
    await asyncio.gather(*works)
