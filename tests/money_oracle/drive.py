"""A world of the oracle's in the program's own database: what people do, what is used, and the run of each day."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import case, func, insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    accounts,
    invoice_lines,
    invoices,
    plan_versions,
    service_stops,
    services,
)
from netbilld.billing.books import check_books
from netbilld.billing.tax import TaxPolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import Credential, CredentialKind, Service, Subscriber
from netbilld.services.apply_terms import ApplyTerms
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.close_allowances import CloseAllowances
from netbilld.services.coupons import Coupon, ManageCoupons
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.run_billing import RunBilling
from netbilld.services.sell_top_up import SellTopUp
from netbilld.services.share_allowance import ShareAllowance
from tests.money_oracle import fees, usage
from tests.money_oracle.bucket import Bucket, Grant, Shared
from tests.money_oracle.favours import Favour
from tests.money_oracle.generate import Event, World
from tests.money_oracle.life import DAY, Life, period_of
from tests.money_oracle.plans import TopUp
from tests.money_oracle.tax import tax_of
from tests.money_oracle.till import Till, due_on

ACTOR: Final = Actor("oracle", "test")
ZONE: Final = "Asia/Jakarta"
TAX: Final = TaxPolicy(is_pkp=True)
USAGE: Final = ("usage", "late_usage")
ONE_OFF: Final = ("installation", "deposit")


@dataclass(frozen=True)
class Billed:
    """What the program billed a service on a day, as priced: fees, usage, one-off."""

    fees: int
    usage: int
    once: int


@dataclass(frozen=True)
class Document:
    """What was issued to a service's subscriber on a day; the amount of a credit note is below zero."""

    number: str
    due_on: date | None
    total: int


class Town:
    """Goes through a world day by day and holds the program against the oracle."""

    def __init__(self, database: Database, world: World, billing: RunBilling) -> None:
        self.database, self.world, self.billing = database, world, billing
        self.meter = BookUsage(ZONE)
        self.versions: dict[str, UUID] = {}
        self.ids: dict[str, UUID] = {}
        self.names: dict[UUID, str] = {}
        self.numbers: dict[str, str] = {}  # of subscribers, by the name of their service
        self.payers: dict[UUID, str] = {}  # their numbers
        self.till = Till(database, ZONE, TAX)
        self.terms = ManageTerms(database)
        self.applying = ApplyTerms(database)
        self.closing = CloseAllowances(database)
        self.selling = SellTopUp(database, TAX)
        self.sharing = ShareAllowance(database)
        self.books = {life.name: fees.Book(life) for life in world.lives}
        self.buckets = {life.name: Bucket(life, world.used[life.name]) for life in world.lives}
        self.waiting: Counter[str] = Counter()  # top-ups that are not billed yet
        self.fees: dict[str, Counter[Any]] = {}
        self.usage: dict[str, dict[date, usage.Billed]] = {}
        self.periods: dict[str, set[fees.Due]] = {}
        self.ended: set[str] = set()
        self.months = 0
        self.renewed = 0  # what wallets have paid

    async def live(self) -> None:
        """Run every day and compare; the first difference is an AssertionError that names it."""
        await self._plans()
        day = self.world.first_on
        while day <= self.world.last_on:
            await self._close(day)
            report = await self.billing.run(as_of=day, now=noon(day), actor=ACTOR)
            if report.parked:  # a person has looked at what is more than usual
                async with self.database.write() as work:
                    for parked in report.parked:
                        assert "times the usual" in parked.reason, (self.world.seed, day, parked)
                        found = await work.subscribers.by_number(parked.subscriber_no)
                        assert found is not None
                        await work.billing.allow(found.id, noon(day), ACTOR.name)
                again = await self.billing.run(as_of=day, now=noon(day), actor=ACTOR)
                assert again.parked == [], (self.world.seed, day, again.parked)
            await self._compare(day)
            for event in self.world.events:
                if event.on == day:
                    await self._happen(event)
            await self._use(day)
            await self._pay(day)
            day += timedelta(days=1)
        await self._check_books()

    async def _close(self, day: date) -> None:
        """Let changes that were planned begin, and what is left of allowances come along."""
        if not any(plan.rollover or plan.top_ups for plan in self.world.plans):
            return
        await self.applying.run(noon(day), ACTOR)
        await self.closing.run(noon(day), ACTOR)
        for life in self.world.lives:
            start_on = period_of(day - DAY, life.billing_day)[0]
            if life.begun(day) and not life.ended(day) and period_of(day, life.billing_day)[0] == day:
                self.buckets[life.name].close(start_on, day)

    async def _plans(self) -> None:
        plans = ManagePlans(self.database, "IDR")
        for plan in self.world.plans:
            await plans.add(plan.toml(), f"{plan.code}.toml", actor=ACTOR, now=noon(self.world.first_on))
        coupons = ManageCoupons(self.database)
        for one in self.world.coupons:
            percent = None if one.discount.percent is None else 100 * one.discount.percent
            made = Coupon(
                one.code, one.code, percent, one.discount.amount, one.discount.periods, None, one.until_on, one.uses,
                one.plans,
            )  # fmt: skip
            await coupons.add(made, ACTOR, noon(self.world.first_on))
        async with self.database.read() as work:
            for row in await work.connection.execute(select(plan_versions.c.id, plan_versions.c.definition)):
                self.versions[row.definition["code"]] = row.id

    # -- what happens --------------------------------------------------------------------------------------------------

    async def _happen(self, event: Event) -> None:
        life, now = event.life, noon(event.on) + timedelta(hours=1)
        if event.verb == "add":
            await self._add(life, event.said["plan"], now)
            return
        if event.verb == "favour":
            await self._favour(life, event.said["favour"], now)
            return
        if event.verb == "change":
            wanted = TermsWanted(plan=event.said["plan"], starts=event.said["from_on"].isoformat())
            await self.terms.set(life.name, wanted, ACTOR, now)
            return
        if event.verb == "share":
            await self._share(event.said["lives"], event.said["octets"], event.on, now)
            return
        if event.verb == "top_up":
            await self._sell(life, event.said["top_up"], event.on, now)
            return
        service_id = self.ids[life.name]
        async with self.database.write() as work:
            run = work.connection.execute
            if event.verb in {"pause", "suspend"}:
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

    async def _favour(self, life: Life, favour: Favour, now: datetime) -> None:
        own = favour.own
        if favour.coupon is not None:
            coupon = next(one for one in self.world.coupons if one.code == favour.coupon)
            is_taken = coupon.is_for(life, life.plan_on(favour.on, favour.on + timedelta(days=1)), favour.on)
            taking = self.terms.set(life.name, TermsWanted(coupon=coupon.code, starts="now"), ACTOR, now)
            if not is_taken:
                with pytest.raises(RefusedError):
                    await taking
                return
            await taking
            coupon.used_by.add(life.name)
            life.own.append(replace(own, discount=coupon.discount))
            return
        wanted = TermsWanted(
            starts="now",
            price=None if own.price is None else str(own.price),
            free=own.free,
            add_ons=(own.takes,) if own.takes else (),
            without=(own.gives_back,) if own.gives_back else (),
            why="x" if own.discount is None else own.discount.name,
        )
        if own.discount is not None:
            one = own.discount
            said = str(one.amount) if one.percent is None else f"{one.percent}%"
            wanted = replace(wanted, discount=said, periods=one.periods)
        await self.terms.set(life.name, wanted, ACTOR, now)
        life.own.append(own)

    async def _sell(self, life: Life, top_up: TopUp, day: date, now: datetime) -> None:
        await self.selling.run(life.name, top_up.code, ACTOR, now)
        until_on = period_of(day, life.billing_day)[1] if top_up.days is None else day + timedelta(days=top_up.days)
        self.buckets[life.name].grants.append(Grant(True, top_up.octets, day, until_on))
        self.waiting[life.name] += top_up.price

    async def _share(self, lives: list[Life], octets: int, day: date, now: datetime) -> None:
        names = [life.name for life in lives]
        await self.sharing.share(names[0], names, "household", f"{octets}B", ACTOR, now)
        members = [self.buckets[life.name] for life in sorted(lives, key=lambda one: one.activated_on)]
        shared = Shared(octets, day, members)
        for bucket in members:
            bucket.shared = shared

    async def _add(self, life: Life, plan: str, now: datetime) -> None:
        subscriber_id, service_id = uuid4(), uuid4()
        async with self.database.write() as work:
            if life.of is None:
                number = (await work.subscribers.next_numbers(1))[0]
                await work.subscribers.add(
                    Subscriber(subscriber_id, number, life.name, None, None, None, None, "IDR", "active", now)
                )
            else:
                number = self.numbers[life.of]
                subscriber_id = next(key for key, theirs in self.payers.items() if theirs == number)
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
            await work.services.add_credentials(
                Credential(uuid4(), service_id, CredentialKind.PASSWORD.value, life.name, life.name, None, None, now)
            )
        self.ids[life.name], self.names[service_id] = service_id, life.name
        self.numbers[life.name], self.payers[subscriber_id] = number, number
        self.till.opened(number)
        self.fees[life.name], self.usage[life.name], self.periods[life.name] = Counter(), {}, set()

    async def _use(self, day: date) -> None:
        moved = [
            Moved(self.ids[name], 1, None, "radius", one.at, one.at + timedelta(minutes=5), one.upload, one.download)
            for name, used in self.world.used.items()
            for one in used
            if one.made_on == day and name in self.ids
        ]
        if moved:
            async with self.database.write() as work:
                await self.meter.handle(work, moved, noon(day) + timedelta(hours=2))

    async def _pay(self, day: date) -> None:
        due = [money for money in self.world.money if money.on == day and money.name in self.numbers]
        for money in due:
            await self.till.handle(self.numbers[money.name], money, noon(day) + timedelta(hours=2, minutes=30))
        if due:
            await self.till.compare(f"seed {self.world.seed}, {day}, after payments")

    # -- what is compared ----------------------------------------------------------------------------------------------

    async def _compare(self, day: date) -> None:
        billed, documents = await self._billed(day)
        for number in sorted(set(self.numbers.values())):
            lives = [life for life in self.world.lives if self.numbers.get(life.name) == number]
            finals = [life for life in lives if life.ended(day) and life.name not in self.ended]
            expected = self._expected([life for life in lives if life.name not in self.ended], day)
            for life in lives:
                found, owed = (some.get(life.name, Billed(0, 0, 0)) for some in (billed, expected))
                assert found == owed, f"seed {self.world.seed}, {day}, {life.name}: billed {found}, owed {owed}"
                self.months += bool(owed.fees or owed.usage)
            self._settle(number, day, documents.get(number, []), finals)
        if documents:
            await self.till.compare(f"seed {self.world.seed}, {day}, after the run")

    def _settle(self, number: str, day: date, documents: list[Document], finals: list[Life]) -> None:
        """Rules 9, 18 and 20: what the documents of a day do to what is owed and held."""
        purse = self.till.opened(number)
        for life in finals:
            purse.wallet += sum(amount for key, amount in self.fees[life.name].items() if key[1] == "deposit")
        for document in documents:
            if document.total < 0:
                purse.credited(-document.total)
            else:
                assert document.due_on == due_on(day), (self.world.seed, document)
                purse.billed(document.number, due_on(day), document.total)
        if finals:
            purse.settle()

    def _expected(self, lives: list[Life], day: date) -> dict[str, Billed]:
        """Return what the services of one subscriber are to be billed, those that have had their final bill left out."""
        stands = {life.name: self.books[life.name].stands(day) for life in lives}
        owed = {name: found[0] for name, found in stands.items()}
        periods = {name: found[1] for name, found in stands.items()}
        once, recurring = Counter[str](), Counter[str]()
        for name, amounts in owed.items():
            for key in {*amounts, *self.fees[name]}:
                (once if key[1] in ONE_OFF else recurring)[name] += amounts.get(key, 0) - self.fees[name][key]
        is_due = any(
            not periods[life.name] <= self.periods[life.name] or usage.is_due(life, day) or life.ended(day)
            for life in lives
        )
        if once.total() + recurring.total() <= 0 and not once.total() and not is_due:
            return {}  # credits, and usage that came late, wait for the next invoice
        found = {}
        for life in lives:
            name, before = life.name, self.usage[life.name]
            used = usage.owed(life, self.buckets[name], before, day)
            priced = sum(amount - before.get(start_on, (0, 0))[1] for start_on, (_, amount) in used.items())
            found[name] = Billed(recurring[name] + self.waiting.pop(name, 0), priced, once[name])
            self.periods[name] |= periods[name]
            self.fees[name], self.usage[name] = Counter(owed[name]), used
            if life.ended(day):
                self.ended.add(name)
        return found

    async def _billed(self, day: date) -> tuple[dict[str, Billed], dict[str, list[Document]]]:
        """Return what documents of a day say, and check their own arithmetic."""
        async with self.database.read() as work:
            documents = (await work.connection.execute(select(invoices).where(invoices.c.issued_on == day))).all()
            wanted = select(invoice_lines).where(invoice_lines.c.invoice_id.in_([one.id for one in documents]))
            lines = (await work.connection.execute(wanted)).all()
        found: dict[str, list[int]] = {}
        issued: dict[str, list[Document]] = {}
        for document in documents:
            sign = -1 if document.kind == "credit_note" else 1
            one = Document(document.number, document.due_on, sign * document.total_minor)
            issued.setdefault(self.payers[document.subscriber_id], []).append(one)
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
        return {name: Billed(*sums) for name, sums in found.items()}, issued

    async def _check_books(self) -> None:
        """Receivables less wallets are what was invoiced less payments and deposits set off; every check holds."""
        async with self.database.read() as work:
            figures = await work.ledger.figures()
            held = (await work.connection.execute(select(accounts.c.code, accounts.c.balance_minor))).all()
            documents = (await work.connection.execute(select(invoices.c.kind, invoices.c.total_minor))).all()
            sign = case((invoices.c.kind == "credit_note", -1), else_=1)
            lines = (
                select(func.sum(sign * invoice_lines.c.amount_minor))
                .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
                .where(invoice_lines.c.kind == "deposit")
            )
            deposited = int(await work.connection.scalar(lines) or 0)
            again = select(func.sum(invoice_lines.c.amount_minor)).where(invoice_lines.c.kind == "reversed_payment")
            billed_again = int(await work.connection.scalar(again) or 0)  # which fills the wallet again
        wrong = [check for check in check_books(figures) if not check.ok]
        assert wrong == [], wrong
        owed = sum(row.balance_minor for row in held if row.code.startswith("receivable:"))
        wallets = sum(row.balance_minor for row in held if row.code.startswith("wallet:"))
        issued = sum(-row.total_minor if row.kind == "credit_note" else row.total_minor for row in documents)
        deposits = sum(row.balance_minor for row in held if row.code.startswith("deposits:"))
        settled = deposited - deposits + self.till.received + billed_again - self.renewed
        assert owed - wallets == issued - settled, (owed, wallets, issued, deposited, deposits)


def noon(day: date) -> datetime:
    """Return an instant that is on that day wherever the world's lives are."""
    return datetime.combine(day, time(12), UTC)
