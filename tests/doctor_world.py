"""A daemon, and routers around it that are each wrong in one way: for tests of `doctor nas`.

Every router is set up as an operator would do it: by typing what `nas script` prints. All of them serve in one thread
beside the test's own, since the command line has a loop of its own.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

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
    has_api: bool = True
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

    def add(self, name: str, *, has_api: bool = True, has_snmp: bool = True) -> Pop:
        """Add a NAS as an operator does: make it known, and type the script into its console."""
        host = next(self._hosts)
        pop: Pop = self.wait(self._open(name, host))
        coa_port = str(free_udp_port())
        api = f"api://netbilld:{API_PASSWORD}@{host}:{pop.router.port}"
        more = ["--coa-port", coa_port, "--portal-source", "100.64.0.0/10"]
        if has_api:
            more += ["--api-url", api]
        if has_snmp:
            more += ["--snmp-community", COMMUNITY, "--snmp-address", "127.0.0.1", "--snmp-port", str(self.agent.port)]
        self.daemon.nas(name, host, *more)
        pop.has_api = has_api
        script = self.daemon.cli("nas", "script", name, "--with-secrets")
        self.wait(self._type(pop, script))
        self.pops[name] = pop
        return pop

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
        await asyncio.sleep(0.05)  # what listens follows

    def type(self, pop: Pop, text: str) -> None:
        self.wait(self._type(pop, text))

    def live(self) -> None:
        """Let everybody dial in who has not, and report once the time for it has come."""
        self.wait(_together(pop.dial_all() for pop in self.pops.values() if not pop.side.homes))
        time.sleep(WAIT_SECONDS)
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
