"""What was ordered is read back at the router: proved, or found out and climbed past (asks 1 and 2); drift is found."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas, sessions
from netbilld.adapters.nas.order_ways import OrderWays
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_lists import KeepLists
from netbilld.adapters.nas.routeros_look import RouterosLook
from netbilld.adapters.nas.routeros_orders import RouterosOrders
from netbilld.adapters.nas.routeros_rights import RouterosRights
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.actions import ChangeOfAuthorization, Order, SessionHandle
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.enforcement.vendors.mikrotik import rate_limit
from netbilld.model.api_address import parse_api_address
from netbilld.ports.ask_nas import Presence
from netbilld.ports.look_at_nas import Seen, SessionMark
from netbilld.services import compare_routers, verify_sessions
from netbilld.services.compare_routers import CompareRouters
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.reconcile import Reconcile
from netbilld.services.verify_sessions import VerifyPolicy, VerifySessions
from tests.builders.sessions import session as a_session
from tests.enforcement_world import NOW, World
from tests.routeros.fake_router import FakeRouter, Line

SOON = 10.0
LIST = "/ip/firewall/address-list"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORDER_LOOKS", "LOGIN_LOOKS", "DRIFT_LOOKS"):
        monkeypatch.setattr(verify_sessions, name, (0.01, 0.02, 0.03))
    monkeypatch.setattr(verify_sessions, "MISSING_LOOKS", (0.05,))


class OverRadius:
    """The router's RADIUS side: it does as it is told, or only says so."""

    def __init__(self, router: FakeRouter, ended: Callable[[Line], Awaitable[None]]) -> None:
        self.router = router
        self.lies = False
        self.took: list[str] = []
        self._ended = ended

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:  # noqa: ARG002 - as `NasControl` has it
        self.took.append("coa" if isinstance(order, ChangeOfAuthorization) else "disconnect")
        line = next((one for one in self.router.lines if one.session_id.endswith(session.acct_session_id)), None)
        if self.lies or line is None:
            return Outcome(OutcomeKind.ACKED)
        if isinstance(order, ChangeOfAuthorization):
            assert order.profile.speed is not None
            line.rate_limit = rate_limit(order.profile.speed)
        else:
            self.router.lines.remove(line)
            await self._ended(line)
        return Outcome(OutcomeKind.ACKED)


class House:
    """One router with homes, the reconciler, and what reads back."""

    def __init__(self, world: World, router: FakeRouter) -> None:
        self.world, self.router = world, router
        self.session_ids: dict[str, int] = {}
        self.service_ids: dict[str, UUID] = {}
        self.nas_id = UUID(int=0)
        self.radius = OverRadius(router, self._stopped)
        self.stops_are_lost = False
        self._kicks: list[Line] = []
        router.on_kick = self._kicks.append
        address = parse_api_address(router.url)
        assert address is not None
        self.connection = RouterosConnection(address, timeout_seconds=2.0, monotonic=time.monotonic, jitter=lambda: 0.5)

    async def open(self) -> "House":
        world = self.world
        self.nas_id = await world.add_nas("pop1", "192.0.2.1", 3799, api_url_sealed=b"sealed")
        connections = {self.nas_id: self.connection}
        over_api = RouterosOrders(connections, RouterosRights(time.monotonic), CutConnections(), 1800)
        self.reconcile = Reconcile(
            world.database,
            OrderWays(self.radius, over_api),
            world.box,
            world.clock,
            ReconcilePolicy(30.0, RetryPolicy(0.05, 1.0), stop_wait_seconds=30.0, walled_list="isolir"),
            jitter=lambda: 0.5,
        )
        self.look = RouterosLook(connections, world.clock.now, ("isolir",))
        self.lists = KeepLists(connections, ("isolir",), 1800)
        self.verify = VerifySessions(
            world.database,
            self.look,
            self.lists,
            self.reconcile,
            world.clock,
            VerifyPolicy(450.0, "isolir"),
        )
        self.compare = CompareRouters(
            world.database,
            self.look,
            self.lists,
            self.reconcile,
            self.verify,
            world.clock,
            "isolir",
            3600.0,
            connections.keys,
        )
        self.reconcile.on_orders = self.verify.note_orders
        return self

    async def home(self, name: str, *, wall_by: str | None = None) -> Line:
        number = len(self.session_ids) + 1
        if wall_by is not None:
            await self.world.set(nas, nas.c.id == self.nas_id, wall_by=wall_by)
        service_id = self.service_ids[name] = await self.world.add_service(name)
        await self.due()
        line = Line(name, f"0x811000{number:02x}", address=f"100.64.0.{number}", rate_limit="10M/20M")
        self.session_ids[name] = await self.world.log_in(
            self.nas_id, service_id, name, acct_session_id=line.session_id[2:], framed_ip=line.address
        )
        self.router.lines.append(line)
        return line

    async def due(self) -> None:
        changed = await self.world.entitle().run(None, "start", self.world.clock.now())
        if hasattr(self, "reconcile"):
            self.reconcile.nudge(changed)

    async def _stopped(self, line: Line) -> None:
        if not self.stops_are_lost:
            await self.world.log_out(self.session_ids[line.name])
            self.reconcile.nudge(session_ids=[self.session_ids[line.name]])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def stops() -> None:
            while True:
                while self._kicks:
                    await self._stopped(self._kicks.pop())
                await asyncio.sleep(0.01)

        tasks = [asyncio.ensure_future(work) for work in (self.reconcile.run(), self.verify.run(), stops())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SOON):
            while not await holds():
                await asyncio.sleep(0.02)

    async def evidence(self, name: str) -> tuple[str, str]:
        access, evidence = await self.world.seen(self.session_ids[name])
        return access.value, evidence

    async def attempts(self) -> list[tuple[str, str]]:
        return await self.world.attempts()


@pytest.fixture
async def house(database: Database, box: SecretBox) -> AsyncIterator[House]:
    async with FakeRouter() as router:
        made = await House(await World(database, box).open(), router).open()
        yield made
        made.connection.close()
        await asyncio.sleep(0)


# -- orders ------------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_rate_is_read_back_and_only_then_seen(house: House) -> None:
    line = await house.home("budi")
    async with house.running():
        await house.world.use(house.service_ids["budi"], 2 * 10**9)
        await house.due()

        async def seen() -> bool:
            return await house.evidence("budi") == ("throttled", "api")

        await house.until(seen)
    assert line.rate_limit == "1M/2M"
    assert await house.attempts() == [("coa", "verified")]
    assert await house.world.pending() == []


async def test_a_router_that_only_says_so_is_found_out_and_the_session_ended(house: House) -> None:
    await house.home("budi")
    house.radius.lies = True
    async with house.running():
        await house.world.use(house.service_ids["budi"], 2 * 10**9)
        await house.due()

        async def over() -> bool:
            return not house.router.lines and await house.world.pending() == []

        await house.until(over)
    # neither the CoA nor the Disconnect did anything; the session removed over the API did
    assert house.radius.took == ["coa", "disconnect"]
    assert [action for action, _ in await house.attempts()] == ["coa", "disconnect", "disconnect"]
    assert [outcome for _, outcome in await house.attempts()] == ["disproved", "disproved", "verified"]


async def test_a_session_whose_stop_is_lost_is_over_when_its_router_does_not_have_it(house: House) -> None:
    await house.home("budi")
    house.stops_are_lost = True
    async with house.running():
        await house.world.set(sessions, sessions.c.username == "budi", disconnect_requested_at=house.world.clock.now())
        house.reconcile.nudge(session_ids=[house.session_ids["budi"]])

        async def over() -> bool:
            (row,) = await house.world.rows(sessions)
            return row["stopped_at"] is not None and await house.world.pending() == []

        await house.until(over)
    assert await house.attempts() == [("disconnect", "verified")]


async def test_a_wall_by_list_is_seen_on_the_list_and_its_end_off_it(house: House) -> None:
    await house.home("budi", wall_by="list")
    async with house.running():
        invoice = await house.world.invoice(house.service_ids["budi"], NOW.date() - timedelta(days=5))
        await house.due()

        async def walled() -> bool:
            return await house.evidence("budi") == ("walled", "api")

        await house.until(walled)
        assert [row["comment"] for row in house.router.rows(LIST)] == [f"netbilld:s={house.session_ids['budi']}"]
        await house.world.pay(invoice)
        await house.due()

        async def restored() -> bool:
            return await house.evidence("budi") == ("active", "api")

        await house.until(restored)
        assert house.router.rows(LIST) == []
    assert len(house.router.lines) == 1  # nobody was cut off
    assert {outcome for _, outcome in await house.attempts()} == {"verified"}


# -- drift -------------------------------------------------------------------------------------------------------------


async def test_what_agrees_is_confirmed_once_and_what_somebody_changes_is_put_right(house: House) -> None:
    line = await house.home("budi")
    await house.home("ani")
    async with house.running():
        await house.compare.handle(house.nas_id)
        assert await house.evidence("budi") == await house.evidence("ani") == ("active", "api")
        line.rate_limit = "100M/100M"
        told = await house.compare.handle(house.nas_id)
        assert (told.agreed, told.differed, told.gone, told.unknown) == (1, 1, 0, 0)

        async def right() -> bool:
            return line.rate_limit == "10M/20M" and await house.evidence("budi") == ("active", "api")

        await house.until(right)
    assert await house.attempts() == [("coa", "verified")]
    assert await house.world.pending() == []


async def test_what_no_order_can_change_cuts_nobody_off(house: House) -> None:
    line = await house.home("budi")
    queues = house.router.store["/queue/simple"]
    queues.items.insert(0, queues.add({"name": "vip", "target": line.address, "max-limit": "50M/50M"}))
    del queues.items[-1]
    told = await house.compare.handle(house.nas_id)
    assert (told.agreed, told.differed, told.unknown, told.hidden) == (0, 0, 1, 1)
    await house.reconcile.run_once()
    assert house.router.lines == [line]
    assert await house.attempts() == []


async def test_a_session_that_is_not_there_is_over_only_once_it_has_been_silent_for_long(house: House) -> None:
    await house.home("budi")
    house.router.lines.clear()
    await house.compare.handle(house.nas_id)
    await house.reconcile.run_once()
    assert (await house.world.rows(sessions))[0]["stopped_at"] is None
    async with house.running():
        house.world.clock.pass_time(minutes=8)
        await house.compare.handle(house.nas_id)

        async def over() -> bool:
            return (await house.world.rows(sessions))[0]["stopped_at"] is not None

        await house.until(over)
    assert (await house.world.rows(sessions))[0]["terminate_cause"] == "lost"


async def test_a_new_session_that_was_not_given_what_is_due_is_found_out(house: House) -> None:
    line = await house.home("budi")
    line.rate_limit = "50M/50M"
    heard = a_session(
        id=house.session_ids["budi"],
        nas_id=house.nas_id,
        service_id=house.service_ids["budi"],
        username="budi",
        acct_session_id=line.session_id[2:],
        acct_session_key=line.session_id[2:],
    )
    other = Line("ani", "0x811000ff", address="100.64.0.99", rate_limit="1M/1M")
    house.router.lines.append(other)
    async with house.running():
        await asyncio.sleep(0.05)
        house.verify.note_sessions([heard], {heard.id})

        async def right() -> bool:
            return line.rate_limit == "10M/20M" and await house.evidence("budi") == ("active", "api")

        await house.until(right)
    assert other.rate_limit == "1M/1M"


async def test_entries_live_as_long_as_the_wall_and_go_with_the_session(house: House) -> None:
    line = await house.home("budi", wall_by="list")
    house.router.store[LIST].add(
        {"list": "isolir", "address": "100.64.7.7", "timeout": "1h", "comment": "netbilld:s=99"}
    )
    house.router.store[LIST].add({"list": "isolir", "address": "100.64.7.8", "comment": "by hand"})
    async with house.running():
        await house.world.invoice(house.service_ids["budi"], NOW.date() - timedelta(days=5))
        await house.due()

        async def walled() -> bool:
            return await house.evidence("budi") == ("walled", "api")

        await house.until(walled)
        (mine,) = house.router.store[LIST].where(comment=f"netbilld:s={house.session_ids['budi']}")
        mine.expires_at = house.router.now() + 5
        await house.compare.handle(house.nas_id)
        assert mine.expires_at > house.router.now() + 1000
        assert [row["address"] for row in house.router.rows(LIST)] == ["100.64.7.8", line.address]  # 99 is over
        house.router.lines.clear()
        await house.world.log_out(house.session_ids["budi"])
        ended = a_session(
            id=house.session_ids["budi"], nas_id=house.nas_id, stopped_at=datetime.now(UTC), username="budi"
        )
        house.verify.note_sessions([ended], ())

        async def gone() -> bool:
            return [row["address"] for row in house.router.rows(LIST)] == ["100.64.7.8"]

        await house.until(gone)


# -- one router and another --------------------------------------------------------------------------------------------


class Looker:
    """Looks at routers of which one never answers."""

    def __init__(self, hangs: UUID) -> None:
        self.hangs = hangs
        self.at_once: dict[UUID, int] = {}
        self.most = 0
        self.looked: list[UUID] = []

    def can_look(self, _nas_id: UUID) -> bool:
        return True

    async def look(self, nas_id: UUID, marks: Sequence[SessionMark]) -> Mapping[int, Seen]:
        self.looked.append(nas_id)
        self.at_once[nas_id] = self.at_once.get(nas_id, 0) + 1
        self.most = max(self.most, self.at_once[nas_id])
        try:
            if nas_id == self.hangs:
                await asyncio.sleep(3600)
            await asyncio.sleep(0.01)
            return {one.session_id: Seen(Presence.THERE, NOW, (1, 1), frozenset()) for one in marks}
        finally:
            self.at_once[nas_id] -= 1


class Nobody:
    """Keeps no lists, and takes proofs."""

    def __init__(self) -> None:
        self.disproofs: list[Any] = []

    async def tidy(self, nas_id: UUID, due: Any) -> None: ...
    async def drop(self, nas_id: UUID, session_ids: Any) -> None: ...
    async def confirmed(self, proofs: Any) -> None: ...
    def nudge(self, service_ids: Any = (), session_ids: Any = ()) -> None: ...

    async def disproved(self, proofs: Any) -> None:
        self.disproofs += proofs


async def test_a_router_that_never_answers_delays_no_other_and_none_is_compared_twice_at_once(
    database: Database, box: SecretBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_routers, "COMPARE_SECONDS", 0.5)
    world = await World(database, box).open()
    dead = await world.add_nas("dead", "192.0.2.1", 3799)
    alive = await world.add_nas("alive", "192.0.2.2", 3799)
    for number, nas_id in enumerate((dead, alive)):
        service_id = await world.add_service(f"u{number}")
        await world.entitle().run(None, "start", NOW)
        await world.log_in(nas_id, service_id, f"u{number}")
    looker, nobody = Looker(dead), Nobody()
    verify = VerifySessions(database, looker, nobody, nobody, world.clock, VerifyPolicy(450.0, "isolir"))
    compare = CompareRouters(
        database, looker, nobody, nobody, verify, world.clock, "isolir", 0.05, lambda: (dead, alive)
    )
    running = asyncio.gather(verify.run(), compare.run())
    async with asyncio.timeout(SOON):
        while looker.looked.count(alive) < 12 or looker.looked.count(dead) < 2 or not nobody.disproofs:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert looker.looked.count(dead) < looker.looked.count(alive)
    assert {one.session_id for one in nobody.disproofs} == {2}
    assert compare.comparisons.keys() == {alive}
    assert compare.failed >= 1
