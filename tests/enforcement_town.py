"""netbilld's own parts put together as its daemon does, on a clock of the test, with fake routers on real sockets.

Log-ins, accounting, metering, entitlement and orders are the real ones; what a home really has is asked of its router.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import services
from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.coa import CoaClient
from netbilld.adapters.nas.order_ways import OrderWays
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_lists import KeepLists
from netbilld.adapters.nas.routeros_look import RouterosLook
from netbilld.adapters.nas.routeros_orders import RouterosOrders
from netbilld.adapters.nas.routeros_rights import RouterosRights
from netbilld.adapters.nas.routeros_sessions import RouterosSessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.enforcement.vendors.interface import WallBy
from netbilld.model.api_address import ApiAddress, parse_api_address
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.server import RadiusServer, Replay, Request
from netbilld.services.attempt_buffer import AttemptBuffer
from netbilld.services.authenticate import Authenticate
from netbilld.services.compare_routers import CompareRouters
from netbilld.services.follow_usage import FollowUsage
from netbilld.services.meter_usage import MeterUsage
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.reap_sessions import ReapSessions
from netbilld.services.reconcile import Reconcile
from netbilld.services.verify_sessions import ORDER_LOOKS, VerifyPolicy, VerifySessions
from tests.clock import SteppedClock
from tests.enforcement_world import FUP, NOW, SECRET, World
from tests.routeros import radius_wire as wire
from tests.routeros.fake_router import FakeRouter
from tests.routeros.radius_client import NoAnswerError, RadiusClient
from tests.routeros.radius_side import START, DialError, Home, RadiusSide
from tests.routeros.store import Item
from tests.routeros.terminal import Terminal

GB: Final = 10**9
FULL, SLOW = (10_000_000, 20_000_000), (1_000_000, 2_000_000)
INTERIM_SECONDS: Final = 60
WALLED_LIST: Final = "isolir"
LIST_SECONDS: Final = 900
ROUTER_SETTINGS: Final = """
/radius add service=ppp,hotspot address=127.0.0.1 secret={secret}
/radius incoming set accept=yes port=0
/ppp aaa set use-radius=yes accounting=yes interim-update=1m
/ip pool add name=homes ranges=100.64.{number}.2-100.64.{number}.254
/ip pool add name=isolir ranges=100.65.{number}.2-100.65.{number}.254
/ppp profile set default remote-address=homes
/queue simple add name=office target=192.168.7.0/24 max-limit=5M/5M comment="hand made"
/ip firewall address-list add list=friends address=192.168.7.9 comment="hand made"
"""
HAND_MADE: Final = ("/queue/simple", "/ip/firewall/address-list")
BLOCKING: Final = """
[access]
suspended = "block"
"""


@dataclass
class Owed:
    """What a home is due, by the town's own book.

    Attributes:
        reported: octets of each session as its router last told of them.
        before_octets: of them, those of periods that are over.
    """

    service_id: UUID
    reported: dict[str, int] = field(default_factory=dict)
    before_octets: int = 0
    invoices: list[UUID] = field(default_factory=list)
    suspended: bool = False

    @property
    def used_octets(self) -> int:
        return sum(self.reported.values()) - self.before_octets

    @property
    def word(self) -> str:
        if self.suspended:
            return "blocked"
        if self.invoices:
            return "walled"
        return "throttled" if self.used_octets >= GB else "active"


class HandDelivered(RadiusClient):
    """Carries a router's packets to the town by hand, as the octets that they are."""

    def __init__(self, router: FakeRouter, host: str, town: "Town") -> None:
        super().__init__(router, host)
        self._town = town

    async def _ask(self, entry: Item, port: int, request: wire.Packet, octets: bytes, secret: bytes) -> wire.Packet:
        answer = await self._town.answer(port, octets, self.source(entry))
        if answer is None:
            raise NoAnswerError("the RADIUS server does not answer")
        if not wire.is_true_reply(answer, request, secret):
            raise NoAnswerError("the answer can't be believed")
        if request.code == wire.ACCOUNTING_REQUEST and request.number(wire.ACCT_STATUS_TYPE) != START:
            self._town.note(request)
        return wire.decode(answer)


class Town:
    """A provider with routers.

    Attributes:
        sides: its routers, by name.
        owed: what each home is due.
    """

    def __init__(self, database: Database, box: SecretBox, journal: Journal) -> None:
        self.clock = SteppedClock(NOW)
        self.world = World(database, box, self.clock)
        self.journal = journal
        self.sides: dict[str, RadiusSide] = {}
        self.owed: dict[str, Owed] = {}
        self.where: dict[str, RadiusSide] = {}
        self.nas_ids: dict[str, UUID] = {}
        self.clients: list[Client] = []
        self.directory = self.world.directory()
        self.entitle = self.world.entitle(self.directory)
        self.authenticate = Authenticate(self.directory, AttemptBuffer(), bytes, self.clock.monotonic)
        self.servers = {1812: RadiusServer((), "auth"), 1813: RadiusServer((), "acct")}
        self.coa = CoaClient(("127.0.0.1",), timeout_seconds=0.05, tries=2, entropy=bytes)
        self.routers = RouterosSessions(
            timeout_seconds=2.0, now=self.clock.now, monotonic=self.clock.monotonic, jitter=lambda: 0.5
        )
        self.addresses: dict[UUID, ApiAddress] = {}
        self.reap = ReapSessions(database, SilencePolicy(INTERIM_SECONDS, 5 * 60))
        self.restart()

    def restart(self) -> None:
        """Have what a daemon has after it was killed: what is on record, and nothing else."""
        retry = RetryPolicy(first_seconds=5, longest_seconds=60)
        policy = ReconcilePolicy(30, retry, stop_wait_seconds=15, walled_list=WALLED_LIST)
        world, clock, routers = self.world, self.clock, self.routers
        over_api = RouterosOrders(routers.connections, RouterosRights(clock.monotonic), CutConnections(), LIST_SECONDS)
        lists = KeepLists(routers.connections, (WALLED_LIST,), LIST_SECONDS)
        look = RouterosLook(routers.connections, clock.now, (WALLED_LIST,))
        ways = OrderWays(self.coa, over_api)
        self.reconcile = Reconcile(world.database, ways, world.box, clock, policy, lambda: 0.5)
        self.verify = VerifySessions(
            world.database, look, lists, self.reconcile, clock, VerifyPolicy(3 * INTERIM_SECONDS, WALLED_LIST)
        )
        self.verify._is_running = True  # its steps are taken by hand
        self.reconcile.on_orders = self.verify.note_orders
        self.compare = CompareRouters(
            world.database, look, lists, self.reconcile, self.verify, clock, WALLED_LIST, 0, routers.connections.keys
        )
        self.meter = MeterUsage(world.database, self.journal, self.clock, "Asia/Jakarta", 256)
        self.follow = FollowUsage(world.database, self.directory, self.entitle, self.reconcile, self.clock)
        self._recover = True

    # -- what there is -------------------------------------------------------------------------------------------------

    async def add_router(self, number: int, *, with_api: bool = False, wall_by: WallBy | None = None) -> RadiusSide:
        name, host = f"pop{number}", f"127.0.1.{number}"
        router = FakeRouter(identity=name, host=host, now=self.clock.monotonic)
        await router.listen()
        Terminal(router.store).feed(ROUTER_SETTINGS.format(secret=SECRET.decode(), number=number))
        side = RadiusSide(router, host, seed=number)
        side.client = HandDelivered(router, host, self)
        side.now_unix = lambda: self.clock.now().timestamp()
        await side.orders.follow()
        self.sides[name] = side
        more = {"api_url_sealed": b"known to the town"} if with_api else {}
        nas_id = await self.world.add_nas(name, host, side.orders.port, wall_by=wall_by, **more)
        self.nas_ids[name] = nas_id
        if with_api:
            address = parse_api_address(router.url)
            assert address is not None
            self.addresses[nas_id] = address
            self.routers.use(self.addresses)
        self.clients.append(Client(nas_id, name, ip_network(f"{host}/32"), Secret(SECRET), "mikrotik", wall_by=wall_by))
        for server in self.servers.values():
            server.clients = ClientTable(self.clients)
        return side

    async def add_home(self, username: str, side: RadiusSide, number: int) -> None:
        service_id = await self.world.add_service(username)
        self.owed[username] = Owed(service_id)
        mac = f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}"
        side.add(Home(username, mac=mac, up_bps=30_000_000, down_bps=60_000_000))
        self.where[username] = side

    async def close(self) -> None:
        self.coa.close()
        self.routers.close()
        for side in self.sides.values():
            await side.__aexit__()
            await side.router.vanish()

    def note(self, report: wire.Packet) -> None:
        """Keep in the book what a router has told of a session, and was told that it is kept."""
        octets = sum(
            report.number(low) + (report.number(high) << 32)
            for low, high in (
                (wire.ACCT_INPUT_OCTETS, wire.ACCT_INPUT_GIGAWORDS),
                (wire.ACCT_OUTPUT_OCTETS, wire.ACCT_OUTPUT_GIGAWORDS),
            )
        )
        reported = self.owed[report.text(wire.USER_NAME)].reported
        session = f"{report.text(wire.NAS_IDENTIFIER)}/{report.text(wire.ACCT_SESSION_ID)}"
        reported[session] = max(reported.get(session, 0), octets)

    # -- packets -------------------------------------------------------------------------------------------------------

    async def answer(self, port: int, octets: bytes, source: str) -> bytes | None:
        """Answer a datagram of a router as the daemon would."""
        server = self.servers[port]
        taken = server.receive(octets, (source, 40_000), self.clock.monotonic())
        if isinstance(taken, Replay):
            return taken.reply
        if not isinstance(taken, Request):
            return None
        if port == 1812:
            decision = self.authenticate.handle(taken, self.clock.now(), lambda _: None)
            assert decision is not None, "nothing here is waited for"
            return server.respond(taken, int(decision.code), decision.attributes)
        received_us = int(self.clock.now().timestamp() * 1_000_000)
        self.journal.append(taken.client.nas_id, source, 0, received_us, octets, lambda *_: None, None)
        await self.journal.drain()
        return server.respond(taken, int(Code.ACCOUNTING_RESPONSE))

    # -- time ----------------------------------------------------------------------------------------------------------

    async def decide(self, cause: str) -> None:
        """Decide on everybody, as the daemon does after a change."""
        self.reconcile.nudge(await self.entitle.run(None, cause, self.clock.now()))

    async def work(self) -> None:
        """Let netbilld do what there is to do now."""
        if self._recover:
            self._recover = False
            await self.reconcile.recover()
        while True:
            batch = await self.meter.run_batch()
            self.verify.note_sessions(batch.sessions, frozenset(batch.new_session_ids))
            await self.follow.run(batch)
            if not batch.behind:
                break
        self.reconcile.nudge(await self.entitle.run_due(self.clock.now()))
        for _ in range(2):
            await self.reconcile.run_once()
            for side in self.sides.values():
                await side.quiet()
            await self._read_back()

    async def _read_back(self) -> None:
        """Take the looks that are due now."""
        async with asyncio.TaskGroup() as tasks:
            await self.verify._step(tasks)

    async def compare_all(self) -> None:
        """Compare every router that has an API, as happens every few minutes, and look again where it seems to differ."""
        for nas_id in self.addresses:
            await self.compare.handle(nas_id)
        for _ in range(len(ORDER_LOOKS) + 1):
            self.clock.pass_time(seconds=3)
            await self._read_back()

    async def pass_time(self, span_seconds: float, *, interims: bool = True) -> None:
        """Let homes use their lines, routers report, modems dial and netbilld work."""
        for side in self.sides.values():
            side.pass_traffic(span_seconds)
        self.clock.pass_time(seconds=span_seconds)
        for side in self.sides.values():
            for line in side.lines if interims else ():
                await side.interim(line)
        await self.work()
        await self.redial()
        await self.work()
        reaped = await self.reap.run(self.clock.now(), NOW)
        if reaped.service_ids:
            self.reconcile.nudge(reaped.service_ids)

    async def redial(self) -> None:
        for username, side in self.where.items():
            if side.line(username) is None:
                try:
                    await side.dial(username)
                except DialError:
                    continue

    # -- what happens to homes -----------------------------------------------------------------------------------------

    async def use_up(self, username: str) -> None:
        """Let a home that is in use up its allowance."""
        line = self.where[username].line(username)
        if line is not None:
            line.tx_octets = (line.tx_octets or 0) + GB
            await self.where[username].interim(line)

    async def begin_a_period(self, username: str) -> None:
        """Let what was used count no more."""
        owed = self.owed[username]
        await self.world.forget_usage(owed.service_id)
        owed.before_octets = sum(owed.reported.values())
        await self.decide("timer")

    async def owe(self, username: str) -> None:
        self.owed[username].invoices.append(await self.world.invoice(self.owed[username].service_id, date(2025, 3, 1)))
        await self.decide("timer")

    async def pay(self, username: str) -> None:
        for invoice_id in self.owed[username].invoices:
            await self.world.pay(invoice_id)
        self.owed[username].invoices.clear()
        await self.decide("payment.add")

    async def suspend(self, username: str, *, suspended: bool) -> None:
        owed = self.owed[username]
        owed.suspended = suspended
        status = "suspended" if suspended else "active"
        await self.world.set(services, services.c.id == owed.service_id, status=status)
        await self.decide("subscriber.suspend")

    # -- what is ---------------------------------------------------------------------------------------------------------

    def is_so(self, username: str) -> str:
        """Return what a home really has, asked of its router."""
        side = self.where[username]
        line = side.line(username)
        if line is None:
            return "blocked"
        rate, is_walled = side.rate_of(line), "isolir" in side.lists_of(line)
        if is_walled:
            return "walled"
        return {FULL: "active", SLOW: "throttled"}.get(rate, f"a rate of {rate}")

    def differences(self) -> dict[str, tuple[str, str]]:
        """Return whose router does something else than is due: what is due, and what is so."""
        return {
            username: (owed.word, found)
            for username, owed in self.owed.items()
            if (found := self.is_so(username)) != owed.word
        }

    def orders(self) -> list[str]:
        """Return every order that a router was sent, by whichever door; renewing what is in a list is none."""
        sent = [
            f"{name}: {asked.kind} {asked.username}" for name, side in self.sides.items() for asked in side.orders.asked
        ]
        written = [
            f"{name}: {' '.join(sentence)}"
            for name, side in self.sides.items()
            for sentence in side.router.asked
            if sentence[0].rpartition("/")[2] in {"add", "set", "remove"}
            and not (
                sentence[0].endswith("/set") and all(word.startswith(("=.id=", "=timeout=")) for word in sentence[1:])
            )
        ]
        return sent + written


@asynccontextmanager
async def town(database: Database, box: SecretBox, directory: Path) -> AsyncIterator[Town]:
    """Give a provider with a plan and neither routers nor homes."""
    journal = Journal(directory, commit_seconds=0, segment_octets=1024 * 1024)
    journal.open()
    journal.start(asyncio.get_running_loop())
    made = Town(database, box, journal)
    try:
        await made.world.open(FUP + BLOCKING)
        yield made
    finally:
        await made.close()
        await journal.close()
