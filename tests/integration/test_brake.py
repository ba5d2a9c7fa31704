"""The brake: too many closings for money at once wait for a person, and everything else goes on."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, invoices, services
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.brake import AHEAD, BrakePolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.services import entitle as entitle_module
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.brake import Brake
from netbilld.services.entitle import Entitle
from tests.builders.plans import PREPAID_TEXT
from tests.enforcement_world import GARDEN, NOW, POLICY, World

ANI = Actor("ani@rumahnet.example", "127.0.0.1")
DUE_ON = date(2025, 3, 17)
ISOLIR_AT = datetime(2025, 3, 17, 17, 30, tzinfo=UTC)  # 00.30 in Jakarta on the day after
MIDNIGHT = datetime(2025, 3, 17, 17, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Town:
    """A provider of forty services, and the daemon's part that decides."""

    world: World
    brake: Brake
    ids: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin as a daemon does: with nothing in memory."""
        self.directory: AccessDirectory = self.world.directory()
        self.entitle = Entitle(self.world.database, self.directory, self.world.box, POLICY, GARDEN, brake=self.brake)

    async def settle(self, count: int, **changed: Any) -> None:
        for _ in range(count):
            self.ids.append(await self.world.add_service(f"u{len(self.ids)}", **changed))
        await self.entitle.run(None, "plan.add", NOW)

    async def feed(self, now: datetime) -> None:
        """Follow what the brake has told every node."""
        async with self.world.database.read() as work:
            told = [change for change in await work.changes.since(0) if change.entity == "brake"]
        named = {UUID(one) for change in told for one in change.details.get("service_ids", ())}
        await self.entitle.run(named, "brake", now)

    async def open(self) -> int:
        async with self.world.database.read() as work:
            due = await work.enforcement.desired(self.ids)
        return sum(service.access.value in {"active", "throttled"} for service in due.values())

    def let_in(self, number: int, at: datetime) -> bool:
        view = self.directory.find(f"u{number}".encode(), at)
        assert view is not None
        return view.refusal is None and view.walled is None


@pytest.fixture(params=["postpaid", "prepaid"])
async def town(database: Database, box: SecretBox, request: pytest.FixtureRequest) -> Town:
    """Forty services; all but thirty owe or end at the same moment."""
    prepaid = request.param == "prepaid"
    world = World(database, box)
    await (world.open(PREPAID_TEXT) if prepaid else world.open())
    made = Town(world, Brake(database, BrakePolicy(percent=20, least=5)))
    await made.settle(30, **({"paid_until_on": date(2025, 5, 1)} if prepaid else {}))
    await made.settle(10, **({"paid_until_on": DUE_ON} if prepaid else {}))
    if not prepaid:
        for service_id in made.ids[30:]:
            await world.invoice(service_id, DUE_ON)
    await made.entitle.run(None, "invoice.run", NOW)
    return made


def edge(town: Town) -> datetime:
    return MIDNIGHT if town_is_prepaid(town) else ISOLIR_AT


def town_is_prepaid(town: Town) -> bool:
    facts = town.directory.facts(town.ids[0])
    assert facts is not None
    return facts.paid_until_on is not None


async def test_a_tenth_more_than_the_share_is_held_and_a_person_is_asked(town: Town) -> None:
    at = edge(town)
    assert await town.entitle.run_due(at) == []
    assert await town.open() == 40
    assert all(town.let_in(number, at + SECOND) for number in range(40))
    state = await town.brake.state()
    assert state is not None
    assert (state.is_on, state.pulled_for, state.closing, state.base, state.held) == (True, "share", 10, 40, 10)
    assert [row["action"] for row in await town.world.rows(changes)].count("brake.pull") == 1
    # and again, however often it is looked at
    assert await town.entitle.run(None, "start", at + timedelta(hours=5)) == []
    assert await town.open() == 40


async def test_log_ins_are_answered_alike_at_the_very_moment(town: Town) -> None:
    """Who is weighed a minute ahead is held before his time comes; nobody who logs in in between is refused."""
    at = edge(town)
    await town.entitle.weigh_ahead(at - AHEAD + SECOND)
    await town.feed(at - AHEAD + SECOND)
    await town.entitle.weigh_ahead(at - AHEAD / 2)
    await town.brake.let_go((), at - AHEAD / 2)
    await town.feed(at - AHEAD / 2)
    state = await town.brake.state()
    assert state is not None
    assert (state.is_on, state.held) == (True, 10)
    assert all(town.let_in(number, at) for number in range(40))
    assert await town.entitle.run_due(at) == []


async def test_everything_else_goes_on(town: Town) -> None:
    at = edge(town)
    await town.entitle.run_due(at)
    suspended, throttled = town.ids[35], town.ids[36]
    await town.world.set(services, services.c.id == suspended, status="suspended")
    assert await town.entitle.run([suspended], "subscriber.suspend", at) == [suspended]
    assert (await town.world.due(suspended))["reason"] == "suspended"
    if not town_is_prepaid(town):
        await town.world.use(throttled, 10**9)
        await town.entitle.run([throttled], "usage", at)
        assert (await town.world.due(throttled))["reason"] == "fair_use"
    assert await town.open() == 39


async def test_a_person_lets_them_be_closed_and_a_restart_in_between_asks_no_second_time(town: Town) -> None:
    at = edge(town)
    await town.entitle.run_due(at)
    assert await town.brake.release(ANI, at + SECOND) == 10
    town.start()  # killed right after the word was given
    await town.entitle.load(at + 2 * SECOND)
    await town.entitle.run(None, "start", at + 2 * SECOND)
    assert await town.open() == 30
    assert not town.let_in(39, at + 2 * SECOND)
    state = await town.brake.state()
    assert state is not None
    assert (state.is_on, state.held, state.released_by) == (False, 0, ANI.name)
    with pytest.raises(RefusedError, match="not on"):
        await town.brake.release(ANI, at)


async def test_a_daemon_that_was_down_meanwhile_holds_before_it_answers(town: Town) -> None:
    late = edge(town) + timedelta(hours=7)
    town.start()
    await town.entitle.load(late)
    assert all(town.let_in(number, late) for number in range(40))
    await town.entitle.run(None, "start", late)
    assert await town.open() == 40


async def test_who_pays_is_let_go_and_when_few_are_left_they_are_closed_by_themselves(town: Town) -> None:
    at = edge(town)
    await town.entitle.run_due(at)
    prepaid = town_is_prepaid(town)
    for service_id in town.ids[30:32]:
        await pay(town, service_id, prepaid=prepaid)
    later = at + timedelta(minutes=10)
    await town.entitle.run(town.ids[30:32], "payment.add", later)  # 8 of 40 are left, which is 20 %: not more
    state = await town.brake.state()
    assert state is not None
    assert not state.is_on
    await town.feed(later)
    assert await town.open() == 32
    assert town.let_in(30, later)
    assert not town.let_in(32, later)


async def test_one_pulled_by_hand_holds_a_single_one_until_a_person_releases_it(town: Town) -> None:
    at = edge(town)
    state = await town.brake.pull("the bank's file\ncould not be read", ANI, NOW)
    assert (state.is_on, state.pulled_for, state.because) == (True, "person", "the bank's file could not be read")
    prepaid = town_is_prepaid(town)
    for service_id in town.ids[30:39]:
        await pay(town, service_id, prepaid=prepaid)
    await town.entitle.run(None, "payment.add", NOW)
    await town.entitle.run_due(at)
    assert await town.open() == 40
    assert town.let_in(39, at + SECOND)
    await town.brake.let_go((), at + SECOND)
    now_on = await town.brake.state()
    assert now_on is not None
    assert (now_on.is_on, now_on.held) == (True, 1)
    await town.brake.release(ANI, at + 2 * SECOND)
    await town.feed(at + 2 * SECOND)
    assert await town.open() == 39


async def test_few_are_closed_as_they_fall_due_and_all_within_an_hour_count_together(town: Town) -> None:
    at = edge(town)
    for number in range(8):  # 20 % of forty
        await town.entitle.run([town.ids[30 + number]], "timer", at + number * SECOND)
    assert await town.open() == 32
    await town.entitle.run([town.ids[38]], "timer", at + timedelta(minutes=20))
    assert await town.open() == 32
    state = await town.brake.state()
    assert state is not None
    assert (state.is_on, state.closing, state.held) == (True, 9, 1)


async def test_two_nodes_pull_one_brake(town: Town) -> None:
    at = edge(town)
    other = Entitle(
        town.world.database, town.world.directory(), town.world.box, POLICY, GARDEN,
        brake=Brake(town.world.database, town.brake.policy),
    )  # fmt: skip
    await asyncio.gather(town.entitle.run_due(at), other.run_due(at))
    assert await town.open() == 40
    assert [row["action"] for row in await town.world.rows(changes)].count("brake.pull") == 1


async def pay(town: Town, service_id: UUID, *, prepaid: bool) -> None:
    if prepaid:
        await town.world.set(services, services.c.id == service_id, paid_until_on=date(2025, 4, 17))
        return
    async with town.world.database.read() as work:
        query = (
            select(invoices.c.id)
            .join(services, services.c.subscriber_id == invoices.c.subscriber_id)
            .where(services.c.id == service_id)
        )
        invoice_id = await work.connection.scalar(query)
    assert invoice_id is not None
    await town.world.pay(invoice_id)


async def test_of_many_due_at_once_the_first_are_followed_while_others_are_decided_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entitle_module, "_SERVICES_A_TRANSACTION", 4)
    town.brake.policy = BrakePolicy(percent=100, least=1)
    parts: list[int] = []
    changed = await town.entitle.run_due(edge(town), lambda some: parts.append(len(some)))
    assert parts == [4, 4, 2]
    assert sorted(changed) == sorted(town.ids[30:])


async def test_a_run_of_many_parts_is_weighed_as_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entitle_module, "_SERVICES_A_TRANSACTION", 4)
    assert await town.entitle.run_due(edge(town)) == []
    assert await town.open() == 40
    state = await town.brake.state()
    assert state is not None
    assert (state.closing, state.held) == (10, 10)
