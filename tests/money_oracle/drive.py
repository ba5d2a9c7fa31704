"""A world of the oracle's in the program's own database: what people do, what is used, and the run of each day."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    accounts,
    invoice_lines,
    invoices,
    plan_versions,
    service_stops,
    service_terms,
    services,
)
from netbilld.billing.books import check_books
from netbilld.model.actor import Actor
from netbilld.model.subscriber import Service, Subscriber
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.run_billing import RunBilling
from tests.money_oracle import fees, usage
from tests.money_oracle.generate import Event, World
from tests.money_oracle.life import Life
from tests.money_oracle.tax import tax_of

ACTOR: Final = Actor("oracle", "test")
ZONE: Final = "Asia/Jakarta"
USAGE: Final = ("usage", "late_usage")
ONE_OFF: Final = ("installation", "deposit")


@dataclass(frozen=True)
class Billed:
    """What the program billed a service on a day, as priced: fees, usage, one-off."""

    fees: int
    usage: int
    once: int


class Town:
    """Goes through a world day by day and holds the program against the oracle."""

    def __init__(self, database: Database, world: World, billing: RunBilling) -> None:
        self.database, self.world, self.billing = database, world, billing
        self.meter = BookUsage(ZONE)
        self.versions: dict[str, UUID] = {}
        self.ids: dict[str, UUID] = {}
        self.names: dict[UUID, str] = {}
        self.fees: dict[str, Counter[Any]] = {}
        self.usage: dict[str, Counter[date]] = {}
        self.periods: dict[str, set[tuple[int, date]]] = {}
        self.ended: set[str] = set()
        self.months = 0

    async def live(self) -> None:
        """Run every day and compare; the first difference is an AssertionError that names it."""
        await self._plans()
        day = self.world.first_on
        while day <= self.world.last_on:
            report = await self.billing.run(as_of=day, now=_noon(day), actor=ACTOR)
            if report.parked:  # a person has looked at what is more than usual
                async with self.database.write() as work:
                    for parked in report.parked:
                        assert "times the usual" in parked.reason, (self.world.seed, day, parked)
                        found = await work.subscribers.by_number(parked.subscriber_no)
                        assert found is not None
                        await work.billing.allow(found.id, _noon(day), ACTOR.name)
                again = await self.billing.run(as_of=day, now=_noon(day), actor=ACTOR)
                assert again.parked == [], (self.world.seed, day, again.parked)
            await self._compare(day)
            for event in self.world.events:
                if event.on == day:
                    await self._happen(event)
            await self._use(day)
            day += timedelta(days=1)
        await self._check_books()

    async def _plans(self) -> None:
        plans = ManagePlans(self.database, "IDR")
        for plan in self.world.plans:
            await plans.add(plan.toml(), f"{plan.code}.toml", actor=ACTOR, now=_noon(self.world.first_on))
        async with self.database.read() as work:
            for row in await work.connection.execute(select(plan_versions.c.id, plan_versions.c.definition)):
                self.versions[row.definition["code"]] = row.id

    # -- what happens --------------------------------------------------------------------------------------------------

    async def _happen(self, event: Event) -> None:
        life, now = event.life, _noon(event.on) + timedelta(hours=1)
        if event.verb == "add":
            await self._add(life, event.said["plan"], now)
            return
        service_id = self.ids[life.name]
        async with self.database.write() as work:
            run = work.connection.execute
            if event.verb == "change":
                row = {
                    "service_id": service_id,
                    "from_on": event.said["from_on"],
                    "plan_version_id": self.versions[event.said["plan"]],
                    "actor": ACTOR.name,
                    "created_at": now,
                }
                await run(insert(service_terms).values(row))
            elif event.verb in {"pause", "suspend"}:
                kind = {"pause": "paused", "suspend": "suspended"}[event.verb]
                row = {
                    "service_id": service_id,
                    "kind": kind,
                    "from_on": event.on,
                    "actor": ACTOR.name,
                    "created_at": now,
                }
                await run(insert(service_stops).values(row))
                await run(update(services).where(services.c.id == service_id).values(status=kind))
            elif event.verb == "resume":
                open_one = (service_stops.c.service_id == service_id) & service_stops.c.until_on.is_(None)
                await run(update(service_stops).where(open_one).values(until_on=event.on))
                await run(update(services).where(services.c.id == service_id).values(status="active"))
            elif event.verb == "end":
                ended = {"status": "ended", "ended_at": now}
                await run(update(services).where(services.c.id == service_id).values(ended))

    async def _add(self, life: Life, plan: str, now: datetime) -> None:
        subscriber_id, service_id = uuid4(), uuid4()
        async with self.database.write() as work:
            number = (await work.subscribers.next_numbers(1))[0]
            await work.subscribers.add(
                Subscriber(subscriber_id, number, life.name, None, None, None, None, "IDR", "active", now)
            )
            await work.services.add(
                Service(
                    id=service_id,
                    subscriber_id=subscriber_id,
                    plan_version_id=self.versions[plan],
                    status="active",
                    status_reason=None,
                    status_since_at=now,
                    billing_day=life.billing_day,
                    timezone=life.timezone,
                    activated_on=life.activated_on,
                    paid_until_on=None,
                    static_ip=None,
                    created_at=now,
                    ended_at=None,
                )
            )
        self.ids[life.name], self.names[service_id] = service_id, life.name
        self.fees[life.name], self.usage[life.name], self.periods[life.name] = Counter(), Counter(), set()

    async def _use(self, day: date) -> None:
        moved = [
            Moved(self.ids[name], 1, None, "radius", one.at, one.at + timedelta(minutes=5), one.upload, one.download)
            for name, used in self.world.used.items()
            for one in used
            if one.made_on == day and name in self.ids
        ]
        if moved:
            async with self.database.write() as work:
                await self.meter.handle(work, moved, _noon(day) + timedelta(hours=2))

    # -- what is compared ----------------------------------------------------------------------------------------------

    async def _compare(self, day: date) -> None:
        billed = await self._billed(day)
        for life in self.world.lives:
            if life.name not in self.ids:
                continue
            expected = self._expected(life, day)
            found = billed.get(life.name, Billed(0, 0, 0))
            assert found == expected, f"seed {self.world.seed}, {day}, {life.name}: billed {found}, owed {expected}"
            self.months += bool(expected.fees or expected.usage)

    def _expected(self, life: Life, day: date) -> Billed:
        if life.name in self.ended:  # the final bill is the last one
            return Billed(0, 0, 0)
        if life.ended(day):
            self.ended.add(life.name)
        owed, before = fees.owed(life, day), self.fees[life.name]
        once = sum(amount - before[key] for key, amount in owed.items() if key[1] in ONE_OFF)
        recurring = sum(owed.get(key, 0) - before[key] for key in {*owed, *before} if key[1] not in ONE_OFF)
        used, used_before = usage.owed(life, self.world.used.get(life.name, []), day), self.usage[life.name]
        priced = sum(amount - used_before[start_on] for start_on, amount in used.items())
        periods = fees.due_periods(life, day)
        is_due = not periods <= self.periods[life.name] or usage.is_due(life, day) or life.ended(day)
        if once + recurring <= 0 and not is_due:  # credits, and usage that came late, wait for the next invoice
            return Billed(0, 0, 0)
        self.periods[life.name] |= periods
        self.fees[life.name], self.usage[life.name] = Counter(owed), Counter(used)
        return Billed(recurring, priced, once)

    async def _billed(self, day: date) -> dict[str, Billed]:
        """Return what documents of a day say, and check their own arithmetic."""
        async with self.database.read() as work:
            documents = (await work.connection.execute(select(invoices).where(invoices.c.issued_on == day))).all()
            wanted = select(invoice_lines).where(invoice_lines.c.invoice_id.in_([one.id for one in documents]))
            lines = (await work.connection.execute(wanted)).all()
        found: dict[str, list[int]] = {}
        for document in documents:
            sign = -1 if document.kind == "credit_note" else 1
            own = [line for line in lines if line.invoice_id == document.id]
            assert document.total_minor >= 0, document
            assert document.tax_minor == sum(line.tax_minor for line in own), (document, own)
            gross = sum(line.amount_minor + (0 if line.inclusive else line.tax_minor) for line in own)
            assert document.total_minor == gross, (document.number, document.total_minor, gross)
            for line in own:
                if line.tax_code is not None:
                    assert line.tax_minor == tax_of(line.amount_minor, inclusive=line.inclusive), line
                else:
                    assert line.tax_minor == 0, line
                sums = found.setdefault(self.names[line.service_id], [0, 0, 0])
                place = 1 if line.kind in USAGE else 2 if line.kind in ONE_OFF else 0
                sums[place] += sign * line.amount_minor
        return {name: Billed(*sums) for name, sums in found.items()}

    async def _check_books(self) -> None:
        """Receivables less wallets are what was invoiced less deposits set off, and every check of the books holds."""
        async with self.database.read() as work:
            figures = await work.ledger.figures()
            held = (await work.connection.execute(select(accounts.c.code, accounts.c.balance_minor))).all()
            documents = (await work.connection.execute(select(invoices.c.kind, invoices.c.total_minor))).all()
            lines = select(func.sum(invoice_lines.c.amount_minor)).where(invoice_lines.c.kind == "deposit")
            deposited = int(await work.connection.scalar(lines) or 0)
        wrong = [check for check in check_books(figures) if not check.ok]
        assert wrong == [], wrong
        owed = sum(row.balance_minor for row in held if row.code.startswith("receivable:"))
        wallets = sum(row.balance_minor for row in held if row.code.startswith("wallet:"))
        issued = sum(-row.total_minor if row.kind == "credit_note" else row.total_minor for row in documents)
        deposits = sum(row.balance_minor for row in held if row.code.startswith("deposits:"))
        assert owed - wallets == issued - (deposited - deposits), (owed, wallets, issued, deposited, deposits)


def _noon(day: date) -> datetime:
    """Return an instant that is on that day wherever the world's lives are."""
    return datetime.combine(day, time(12), UTC)
