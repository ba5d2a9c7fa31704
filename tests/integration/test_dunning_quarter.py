"""A quarter of a provider's days: what was said and done to each subscriber is exactly what a plain calendar says.

The calendar below is written from the rules in docs/billing.md and knows nothing of the code: it goes day by day with
lists and dates, and is compared with what arrived in mailboxes.
"""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.billing.dunning import LateFeeStage
from netbilld.ports.messages import Delivery, Handed, Outgoing
from netbilld.services.route_messages import SendingPolicy
from netbilld.services.send_messages import SendMessages
from netbilld.services.show_account import ShowAccount
from tests.clock import StandingClock
from tests.furnished import opened_copy
from tests.integration.dunning_world import DunningWorld, instant
from tests.integration.mail_room import templates, way
from tests.integration.money_world import ACTOR, ZONE, Person, at, plan_file

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
PRICE, TOLERANCE, DUE_DAYS = 200_000, 1_000, 10
SUNDAY = 6
DUNNING = {"reminder", "isolir_warning", "isolir", "restored", "late_fee", "promise"}


@dataclass
class Bill:
    issued: date
    owed: int = PRICE

    @property
    def due(self) -> date:
        return self.issued + timedelta(days=DUE_DAYS)


@dataclass
class Calendar:
    """What is to happen to one subscriber, as a person with a calendar would write it down."""

    bills: list[Bill] = field(default_factory=list)
    promised: date | None = None
    promises: list[date] = field(default_factory=list)
    walled: bool = False
    told: list[tuple[date, str]] = field(default_factory=list)
    fined: set[date] = field(default_factory=set)
    reminded: dict[date, date] = field(default_factory=dict)

    def walls_on(self, bill: Bill) -> date:
        on = bill.due + timedelta(days=1)
        if self.promised is not None:
            on = max(on, self.promised + timedelta(days=1))
        return on + timedelta(days=1) if on.weekday() == SUNDAY else on

    def overdue(self, on: date) -> int:
        return sum(bill.owed for bill in self.bills if bill.owed and self.walls_on(bill) <= on)

    def at_half_past_midnight(self, today: date) -> None:
        if not self.walled and self.overdue(today) > TOLERANCE:
            self.walled = True
            self.told.append((today, "isolir"))

    def at_eight(self, today: date) -> None:
        open_bills = [bill for bill in self.bills if bill.owed]
        if sum(bill.owed for bill in open_bills) > TOLERANCE:
            for bill in open_bills:
                if (today - bill.due).days in {-7, -3, 0, 3} and not (self.promised and today <= self.promised):
                    self.told.append((today, "reminder"))
                    self.reminded.setdefault(bill.issued, today)
        tomorrow = today + timedelta(days=1)
        if not self.walled and self.overdue(tomorrow) > TOLERANCE:
            self.told.append((today, "isolir_warning"))
        if self.promised and today <= self.promised:
            return
        for bill in open_bills:
            was_reminded = bill.issued in self.reminded and self.reminded[bill.issued] < today
            if bill.owed > TOLERANCE and today > bill.due and bill.issued not in self.fined and was_reminded:
                self.fined.add(bill.issued)
                self.told.append((today, "late_fee"))

    def pays(self, today: date, amount: int) -> None:
        for bill in self.bills:
            part = min(bill.owed, amount)
            bill.owed, amount = bill.owed - part, amount - part
        self.perhaps_restored(today)

    def promise(self, today: date, until: date) -> None:
        self.promised = until
        self.promises.append(today)
        self.told.append((today, "promise"))
        self.perhaps_restored(today)
        if self.overdue(today + timedelta(days=1)) > TOLERANCE:  # it ends today: that is said at once
            self.told.append((today, "isolir_warning"))

    def perhaps_restored(self, today: date) -> None:
        if self.walled and self.overdue(today) <= TOLERANCE:
            self.walled = False
            self.told.append((today, "restored"))

    def may_promise(self, today: date) -> bool:
        oldest = min((bill.due for bill in self.bills if bill.owed), default=None)
        return oldest is not None and sum(made >= min(oldest, today) for made in self.promises) < 2

    @property
    def owes(self) -> int:
        return sum(bill.owed for bill in self.bills)


class Mailboxes:
    channel = "email"

    def __init__(self, clock: StandingClock) -> None:
        self.clock = clock
        self.got: list[tuple[int, date]] = []

    async def send(self, message: Outgoing) -> Handed:
        on = self.clock.at.astimezone(instant(FIRST, time()).tzinfo).date()
        self.got.append((int(message.message_id[1:].partition(".")[0]), on))
        return Handed(Delivery.ACCEPTED, "250 ok")

    async def rest(self) -> None: ...

    def close(self) -> None: ...


async def _no_pause(_seconds: float) -> None: ...


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One of the two: each query has its test on both, and a quarter takes its time."""
    async with opened_copy(sqlite_template, tmp_path) as opened:
        yield opened


@pytest.mark.slow
async def test_a_quarter_is_told_and_done_exactly_as_the_calendar_says(database: Database) -> None:
    """Exactly the due messages and actions, and none after payment.

    MDI-7, BANG-2.6a, BANG-2.6b, BANG-2.6c, BANG-2.6d, INCA-8, INCA-28, INCA-30, INCA-37.
    """
    chance = random.Random(62_022)
    world = DunningWorld(database)
    world.with_policy(
        weekdays_off=frozenset({SUNDAY}), late_fees=(LateFeeStage(1, percent_hundredths=500, minimum_minor=5_000),)
    )
    await world.plan(plan_file())
    people: list[Person] = []
    for number in range(60):
        who = await world.person(f"s{number:02}", activated_on=FIRST, billing_day=1)
        await world.set(who, email=f"s{number:02}@example.test")
        people.append(who)
    calendars = {who.subscriber_id: Calendar() for who in people}
    habits = {who.subscriber_id: chance.choice(("early", "late", "seldom", "parts")) for who in people}
    clock = StandingClock(at(FIRST, 1))
    boxes = Mailboxes(clock)
    policy = SendingPolicy(ZONE, "id", "ISP", None, time(20), time(7), "isp.test")
    sender = SendMessages(database, [way(boxes, 6_000)], templates(), policy, clock, _no_pause)

    async def sent() -> None:
        while await sender.run():
            pass

    today = FIRST
    while today <= LAST:
        if today.day == 1:
            # late fees would become lines: they are let go, so that a bill is its price
            async with database.write() as work:
                for waiting in (await work.late_fees.waiting(list(calendars))).values():
                    for fee in waiting:
                        await work.late_fees.waive(fee.id, "ani", "quarter", at(today))
            await world.bill(today)
            for calendar in calendars.values():
                calendar.bills.append(Bill(today))
        for hour, step in ((time(0, 30), "at_half_past_midnight"), (time(8), "at_eight")):
            for calendar in calendars.values():
                getattr(calendar, step)(today)
            for _ in range(chance.choice((1, 1, 2))):
                await world.run(instant(today, hour))
            clock.at = instant(today, hour) + timedelta(minutes=5)
            await sent()
        for who in people:
            calendar, habit = calendars[who.subscriber_id], habits[who.subscriber_id]
            if calendar.owes and chance.random() < {"early": 0.2, "late": 0.06, "seldom": 0.02, "parts": 0.1}[habit]:
                amount = calendar.owes if habit != "parts" else chance.randrange(1, calendar.owes + 1)
                await world.pay(who, amount, today)
                calendar.pays(today, amount)
            elif calendar.walled and chance.random() < 0.15 and calendar.may_promise(today):
                until = today + timedelta(days=chance.randrange(8))
                await world.manage.promise(who.username, until, "", ACTOR, at(today, 11))
                calendar.promise(today, until)
        for _ in range(chance.choice((1, 2))):
            await world.runner.settle(at(today, 12))
        clock.at = at(today, 12) + timedelta(minutes=1)
        await sent()
        today += timedelta(days=1)

    told: dict[object, list[tuple[date, str]]] = defaultdict(list)
    async with database.read() as work:
        for message_id, on in boxes.got:
            message = await work.outbox.by_id(message_id)
            assert message is not None
            if message.kind.value in DUNNING:
                told[message.subscriber_id].append((on, message.kind.value))
    for who in people:
        calendar = calendars[who.subscriber_id]
        # what was told at night waits for the morning of that day
        assert sorted(told[who.subscriber_id]) == sorted(calendar.told), who.username
        async with database.read() as work:
            balance = await work.ledger.balance(who.subscriber_id)
        shown = await ShowAccount(database).balance(who.service_id, None, at(LAST, 13))
        assert shown is not None
        assert balance.outstanding_minor == shown.outstanding_minor == calendar.owes
        assert balance.wallet_minor == shown.wallet_minor == 0
    await world.assert_books_hold()
    kinds: dict[str, int] = defaultdict(int)
    for calendar in calendars.values():
        for _, kind in calendar.told:
            kinds[kind] += 1
    assert min(kinds[kind] for kind in DUNNING) > 20, "every kind of step happened often"
