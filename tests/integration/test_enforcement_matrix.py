"""Every way in which a router may misbehave, for each change: what is due is what the router does, or a person is told.

A real daemon, and fake routers on real sockets, each with a fault of its own and a home for each change, all at once.
What a home really has is asked of its router, never of netbilld.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.daemon_process import SECRET, DaemonProcess
from tests.routeros.fake_router import VERSION, VERSION_6, FakeRouter
from tests.routeros.order_server import Manners
from tests.routeros.radius_side import Home, RadiusSide
from tests.routeros.terminal import Terminal

WITHIN_SECONDS: Final = 60.0
GB: Final = 10**9
FULL, SLOW = (10_000_000, 20_000_000), (1_000_000, 2_000_000)
PLAN: Final = """
code = "{code}"
name = "{code}"
timing = "{timing}"
charging = "{charging}"
[speed]
down = "20M"
up = "10M"
[access]
suspended = "block"
{more}
"""
MONTHLY: Final = '[recurring]\nprice = 100000\nperiod = "month"\n[allowance]\ndata = "1GB"\nafter = "{after}"\n'
ROUTER: Final = """
/radius add service=ppp,hotspot address=127.0.0.1 secret={secret} authentication-port={auth} accounting-port={acct} timeout=2s
/radius incoming set accept=yes port=0
/ppp aaa set use-radius=yes accounting=yes interim-update=5s
/ip pool add name=homes ranges=100.64.{number}.2-100.64.{number}.254
/ip pool add name=isolir ranges=100.65.{number}.2-100.65.{number}.254
/ppp profile set default remote-address=homes
"""
CHANGES: Final = ("throttle", "wall", "block", "restore")
CAUSES: Final = (401, 402, 403, 404, 405, 406, 407, 501, 502, 503, 504, 505, 506, 507, 508)
pytestmark = pytest.mark.slow


@dataclass
class Case:
    """A router and its fault.

    Attributes:
        spoil: brings the fault about once everybody is in.
        tells: changes that can't come true on such a router: a person must be told of them.
    """

    name: str
    spoil: Callable[["Case"], None] = lambda _: None
    has_api: bool = True
    tells: tuple[str, ...] = ()
    wall_by: str | None = None
    service: str = "pppoe"
    is_old: bool = False
    router: FakeRouter = field(default_factory=FakeRouter)
    side: RadiusSide = field(init=False)
    since: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    @property
    def refuses_the_walled(self) -> bool:
        """A hotspot shows its own page to whom it does not let in."""
        return self.service == "hotspot"

    def home(self, change: str) -> str:
        return f"{change}-{self.name}"

    def has_come_true(self, change: str) -> bool:
        """Tell whether the router does what is due."""
        line = self.side.line(self.home(change))
        if change == "block" or (change == "wall" and self.refuses_the_walled):
            return line is None
        if line is None:
            return False
        is_walled = "isolir" in self.side.lists_of(line)
        if change == "wall":
            return is_walled
        return not is_walled and self.side.rate_of(line) == (SLOW if change == "throttle" else FULL)


def manners(**said: Any) -> Callable[[Case], None]:
    def spoil(case: Case) -> None:
        case.side.orders.manners = Manners(**said)

    return spoil


def fault(name: str, value: Any) -> Callable[[Case], None]:
    def spoil(case: Case) -> None:
        setattr(case.router.faults, name, value)

    return spoil


def both(*spoilers: Callable[[Case], None]) -> Callable[[Case], None]:
    def spoil(case: Case) -> None:
        for one in spoilers:
            one(case)

    return spoil


def cases() -> list[Case]:
    lie = manners(answer="ack", obeys=False)
    silent = manners(answer="silent", obeys=False)
    return [
        Case("good"),
        Case("good-no-api", has_api=False),
        Case("walls-by-list", wall_by="list"),
        Case("walls-by-list-and-lies", lie, wall_by="list"),
        Case("list-is-not-kept", fault("forget_writes", True), wall_by="list"),
        Case("hotspot", service="hotspot"),
        Case("hotspot-no-api", has_api=False, service="hotspot"),
        Case("hotspot-lies", lie, service="hotspot"),
        Case("hotspot-silent", silent, service="hotspot"),
        Case("hotspot-refuses-503", manners(answer="nak", error_cause=503), service="hotspot"),
        Case("version-6", is_old=True),
        Case("version-6-lies", lie, is_old=True),
        Case("takes-no-orders", _deaf),
        Case("takes-no-orders-no-api", _deaf, has_api=False, tells=CHANGES),
        Case("lies", lie),
        Case("lies-about-rates", manners(answer="ack", obeys=False, only="coa")),
        Case("lies-about-rates-no-api", manners(answer="ack", obeys=False, only="coa"), has_api=False),
        Case("lies-about-ends", manners(answer="ack", obeys=False, only="disconnect")),
        Case("lies-no-api", lie, has_api=False, tells=CHANGES),
        Case("silent", silent),
        Case("silent-no-api", silent, has_api=False, tells=CHANGES),
        Case("answers-are-lost", manners(answer="silent", obeys=True), has_api=False),
        Case("late", manners(answer="late", late_seconds=3.0)),
        Case("late-no-api", manners(answer="late", late_seconds=3.0), has_api=False),
        Case("wrong-secret", manners(answer="wrong_secret", obeys=False)),
        Case("wrong-secret-no-api", manners(answer="wrong_secret", obeys=False), has_api=False, tells=CHANGES),
        Case("refuses-some", manners(answer="nak", error_cause=506, left=2), has_api=False),
        Case("refuses-all-no-api", manners(answer="nak", error_cause=404), has_api=False, tells=CHANGES),
        Case("refuses-without-reason", manners(answer="nak", error_cause=None)),
        *(Case(f"refuses-{cause}", manners(answer="nak", error_cause=cause)) for cause in CAUSES),
        *(Case(f"refuses-coa-{cause}", manners(answer="nak", error_cause=cause, only="coa"), has_api=False) for cause in CAUSES),
        Case("lies-everywhere", both(lie, fault("forget_writes", True)), tells=CHANGES),
        Case("silent-and-api-hangs", both(silent, fault("silent", True)), tells=CHANGES),
        Case("api-dribbles", both(lie, fault("dribble", True))),
        Case("api-is-slow", both(lie, fault("delay_seconds", 0.7))),
        Case("api-has-no-rights", both(lie, _no_rights), tells=CHANGES),
    ]  # fmt: skip


def _deaf(case: Case) -> None:
    """Somebody turns `/radius incoming` off: its port is closed."""
    Terminal(case.router.store, case.router.changed).feed("/radius incoming set accept=no")


def _no_rights(case: Case) -> None:
    case.router.store["/user/group"].add({"name": "looker", "policy": "read,api"})
    case.router.store["/user"].find(case.router.user).values["group"] = "looker"
    case.router.drop_connections()


class Province:
    """A daemon and all the routers."""

    def __init__(self, directory: Path) -> None:
        self.daemon = DaemonProcess(
            directory,
            NETBILLD_METERING__API_TIMEOUT_SECONDS="2",
            NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="0.4",
            NETBILLD_ENFORCEMENT__COA_TRIES="2",
            NETBILLD_ENFORCEMENT__RETRY_SECONDS="1",
            NETBILLD_ENFORCEMENT__RETRY_MAX_SECONDS="5",
            NETBILLD_ENFORCEMENT__RECONCILE_SECONDS="2",
        )
        self.cases = cases()
        self.daemon.init()
        for code, timing, charging, more in (
            ("THROTTLE", "postpaid", "flat", MONTHLY.format(after="throttle") + 'throttled = { down = "2M", up = "1M" }'),
            ("WALL", "postpaid", "flat", MONTHLY.format(after="wall")),
            ("RESTORE", "prepaid", "per_use", "[usage]\nprice_per_gb = 4000"),
        ):  # fmt: skip
            self.daemon.plan(PLAN.format(code=code, timing=timing, charging=charging, more=more))

    async def set_up(self, stack: AsyncExitStack) -> None:
        for number, case in enumerate(self.cases, 1):
            host = f"127.0.2.{number}"
            version = VERSION_6 if case.is_old else VERSION
            case.router = FakeRouter(identity=case.name, host=host, version=version)
            await stack.enter_async_context(case.router)
            ports = {"auth": self.daemon.auth_port, "acct": self.daemon.acct_port}
            Terminal(case.router.store).feed(ROUTER.format(secret=SECRET, number=number, **ports))
            case.side = RadiusSide(case.router, host, automatic=True, seed=number)
            case.side.report_seconds = 8
            await stack.enter_async_context(case.side)
            more: tuple[str, ...] = ("--coa-port", str(case.side.orders.port))
            if case.has_api:
                more += ("--api-url", case.router.url)
            if case.wall_by:
                more += ("--wall-by", case.wall_by)
            await asyncio.to_thread(self.daemon.nas, case.name, host, *more)
            for change in CHANGES:
                await self._home(case, change, number)

    async def _home(self, case: Case, change: str, number: int) -> None:
        plan = {"throttle": "THROTTLE", "wall": "WALL", "restore": "RESTORE"}.get(change, "WALL")
        name = case.home(change)
        await self.run("subscriber", "add", name, "--plan", plan, "--password", "rahasia", "--name", name)
        # who is slowed down wants more than that; others hardly use anything, so that they use nothing up
        up_bps, down_bps = (5_000_000, 15_000_000) if change == "throttle" else (0, 0)
        mac = f"02:00:00:00:{number:02X}:{CHANGES.index(change):02X}"
        case.side.add(Home(name, mac=mac, service=case.service, redials=(0.2, 1.0), up_bps=up_bps, down_bps=down_bps))

    async def run(self, *words: str) -> str:
        return await asyncio.to_thread(self.daemon.cli, *words)

    async def everybody_in(self) -> None:
        """Let every home dial in; who is refused as long as nothing is paid goes on trying."""
        dialling = []
        for case in self.cases:
            for change in CHANGES:
                dial = case.side.dial_until_in(case.home(change))
                if change == "restore" and case.refuses_the_walled:
                    case.side._spawn(dial)
                else:
                    dialling.append(dial)
        await asyncio.gather(*dialling)

    async def change_all(self) -> None:
        """Let everything happen that has consequences."""
        for case in self.cases:
            for change in ("throttle", "wall"):
                line = case.side.line(case.home(change))
                assert line is not None
                line.tx_octets = GB + 1
                case.since[change] = time.monotonic()
                await case.side.interim(line)
        for case in self.cases:
            case.since["block"] = time.monotonic()
            await self.run("subscriber", "suspend", case.home("block"), "--reason", "test")
            case.since["restore"] = time.monotonic()
            await self.run("payment", "add", case.home("restore"), "100000", "--method", "cash")

    def look(self) -> list[str]:
        """Note what has come true and who was told of what; return what is left."""
        alerts = [line for line in self.daemon.log.splitlines() if "somebody must look" in line]
        left = []
        for case in self.cases:
            for change, since in case.since.items():
                home, passed = case.home(change), time.monotonic() - since
                if case.has_come_true(change):
                    case.done.setdefault(change, passed)
                if any(f"'{home}' on NAS {case.name} " in line for line in alerts):
                    case.told.setdefault(change, passed)
                if change not in case.done and (change not in case.tells or change not in case.told):
                    left.append(home)
        return left

    def table(self) -> str:
        """Return the seconds that each took, for whoever reads of a failure."""
        return "\n".join(
            f"{case.name:26}"
            + "".join(
                f"  {change} {case.done[change]:5.1f}"
                if change in case.done
                else f"  {change} told {case.told[change]:5.1f}"
                if change in case.told
                else f"  {change} -"
                for change in CHANGES
            )
            for case in self.cases
        )


async def test_whatever_a_router_does_what_is_due_comes_true_or_a_person_is_told(tmp_path: Path) -> None:
    """Each fault and each change, within a minute; a person is told only where the router leaves no way."""
    province = await asyncio.to_thread(Province, tmp_path)
    async with AsyncExitStack() as stack:
        await province.set_up(stack)
        stack.enter_context(province.daemon)
        await asyncio.to_thread(province.daemon.start)
        async with asyncio.timeout(120):
            await province.everybody_in()
        for case in province.cases:
            assert all(not case.has_come_true(change) for change in CHANGES), case.name
            case.spoil(case)
        changing = asyncio.ensure_future(province.change_all())
        while province.look() or not changing.done():
            newest = max((since for case in province.cases for since in case.since.values()), default=time.monotonic())
            if changing.done() and time.monotonic() - newest > WITHIN_SECONDS:
                break
            await asyncio.sleep(0.5)
        await changing
        assert province.look() == [], province.table()
        slow = [case.name for case in province.cases if max(case.done.values(), default=0) > WITHIN_SECONDS]
        assert slow == [], province.table()
        for case in province.cases:
            if case.name.startswith("good"):
                orders = Counter((order.username, order.kind) for order in case.side.orders.asked)
                assert set(orders.values()) == {1}, f"{orders} at {case.name}"
                assert case.told == {}
