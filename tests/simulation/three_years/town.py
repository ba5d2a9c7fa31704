"""The same three years in the program: its nightly run, its dunning and its counter, on days of the story's own."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Final

from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts, invoices
from netbilld.billing.credit_note import Asked
from netbilld.billing.dunning import DunningPolicy, LateFeeStage, Outcome, StepKind
from netbilld.billing.holidays import Holiday
from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.billing.numbering import DEFAULT
from netbilld.billing.standing import StandingPolicy
from netbilld.billing.tax import TaxPolicy
from netbilld.services.apply_terms import ApplyTerms
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.issue_payment_code import CodePolicy, IssuePaymentCode
from netbilld.services.manage_holidays import ManageHolidays
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.pause_service import PauseService
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.run_billing import RunBilling
from tests.integration.dunning_world import DunningWorld, instant
from tests.integration.money_world import ACTOR, ZONE, Person, at, plan_file
from tests.simulation.three_years import story
from tests.simulation.three_years.story import Event

DAY: Final = timedelta(days=1)
FEES: Final = {"recurring", "prorata", "adjustment"}
LATE: Final = LateFeeStage(
    story.LATE_AFTER_DAYS,
    percent_hundredths=story.LATE_PERCENT * 100,
    minimum_minor=story.LATE_MINIMUM,
    cap_minor=story.LATE_CAP,
)
STANDING: Final = StandingPolicy(
    story.GRACE_DAYS, time(8), story.TOLERANCE, ZONE, frozenset({story.SUNDAY}), off_on_holidays=True
)
# What the books' accounts say month by month, as the owner calls it.
GROWTH: Final = {"ppn": "tax:ppn", "late fees": "late_fees", "paid": "cash:", "written off": "expense:written_off"}
STANDS: Final = {"owed": "receivable:", "credit": "wallet:"}


class Town:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.world = DunningWorld(database, DunningPolicy(STANDING, late_fees=(LATE,)), story.DUE_DAYS)
        self.people: dict[str, Person] = {}
        self.receipts: dict[str, list[str]] = defaultdict(list)
        self.owed: dict[str, list[tuple[date, str | None]]] = defaultdict(
            list
        )  # days on which somebody pays a bill, and which
        self.months: dict[str, Counter[str]] = defaultdict(Counter)
        self.lives: dict[str, list[str]] = {name: [] for name in story.NAMED}
        self.said: dict[str, list[str]] = defaultdict(list)
        self.stood: Counter[str] = Counter()

    async def live(self, told: Callable[[str, Counter[str]], None]) -> "Town":
        """Run every day; `told` hears each month's figures at its end, so that the first wrong one is named."""
        for code, plan in story.PLANS.items():
            fees = f"[fees]\ninstallation = {plan.installation}\ndeposit = {plan.deposit}\n"
            tax = f'[tax]\nrate = "ppn"\ninclusive = {str(plan.inclusive).lower()}\n'
            await self.world.plan(plan_file(code, plan.price, extra=fees + tax))
        days_off = [Holiday(on, "libur") for on in story.HOLIDAYS]
        await ManageHolidays(self.database).put(days_off, ACTOR, at(story.FIRST))
        today = story.FIRST
        while today <= story.LAST:
            await self.day(today)
            today += DAY
            if today.day == 1:
                told(f"{today - DAY:%Y-%m}", await self.close_month(today - DAY))
        return self

    async def day(self, today: date) -> None:
        await self.bill(today)
        await self.dun(today)
        for who in story.PEOPLE:
            if who.joined == today:
                self.people[who.name] = await self.world.person(
                    who.name, who.plan, activated_on=today, billing_day=who.billing_day
                )
        is_news = False
        for name in [name for name, due in self.owed.items() if any(on == today for on, _ in due)]:
            bills = await self.open_of(name)
            if any((today, bill.number) in self.owed[name] for bill in bills):
                await self.pay(name, sum(bill.outstanding_minor for bill in bills), today)
                is_news = True
        for event in story.EVENTS:
            if event.on == today:
                await self.happen(event)
                is_news = True
        if is_news and (await self.world.runner.settle(instant(today, time(20)))).count(StepKind.RESTORED):
            await self.say_steps("open again", StepKind.RESTORED, today)
        for name in [name for name in story.NAMED if self.said[name]]:
            wallet, owed = await self.world.balance(self.people[name])
            self.lives[name].append(f"{today} | {owed:>7} | {wallet:>6} | {'; '.join(self.said.pop(name))}")

    def say(self, name: str, what: str) -> None:
        if name in story.NAMED:
            self.said[name].append(what)

    async def bill(self, today: date) -> None:
        now = instant(today, time(0, 5))
        await ApplyTerms(self.database).run(now, ACTOR)
        billing = RunBilling(
            self.database,
            due_days=story.DUE_DAYS,
            timezone=ZONE,
            tax=TaxPolicy(is_pkp=today >= story.PKP_FROM),
        )
        report = await billing.run(as_of=None, now=now, actor=ACTOR, by_clock=True)
        assert report.parked == []
        names = {person.number: name for name, person in self.people.items()}
        habits = {who.name: who.pays_after for who in story.PEOPLE}
        for billed in report.invoices:
            name, number = names[billed.subscriber_no], billed.number
            assert number is not None
            after = habits[name]
            if after is not None and billed.kind is DocumentKind.INVOICE:
                self.owed[name].append((today + after * DAY, number))
            if name in story.NAMED:
                async with self.database.read() as work:
                    found = await work.invoices.by_number(number)
                assert found is not None
                self.say(name, _told(found.invoice))

    async def dun(self, today: date) -> None:
        report = await self.world.run(instant(today, STANDING.isolir_at))
        assert report.parked == []
        walled = report.count(StepKind.ISOLIR)
        self.months[f"{today:%Y-%m}"]["isolir"] += walled
        if walled:
            await self.say_steps("isolir", StepKind.ISOLIR, today)

    async def say_steps(self, what: str, kind: StepKind, today: date) -> None:
        for name in [name for name in story.NAMED if name in self.people]:
            for step in await self.world.steps(self.people[name]):
                if (step.on, step.step, step.outcome) == (today, kind.value, Outcome.DONE.value):
                    self.say(name, what)

    async def open_of(self, name: str) -> list[Invoice]:
        async with self.database.read() as work:
            return await work.invoices.open_of(self.people[name].subscriber_id)

    # -- what people do ------------------------------------------------------------------------------------------------

    async def pay(self, name: str, amount: int | None, today: date) -> None:
        if amount is None:
            amount = (await self.world.balance(self.people[name]))[1]
        receipt = await self.world.pay(self.people[name], amount, today)
        self.receipts[name].append(receipt.payment_id)
        self.say(name, f"paid {amount}")

    async def happen(self, event: Event) -> None:
        name, who, now = event.who, self.people[event.who], at(event.on, 15)
        correcting = CorrectInvoice(self.database, numbering=DEFAULT, timezone=ZONE)
        match event.what:
            case "pay":
                await self.pay(name, None if event.arg == "all" else int(event.arg), event.on)
            case "code":
                (bill,) = await self.open_of(name)
                codes = IssuePaymentCode(self.database, CodePolicy(timedelta(days=2)))
                code = await codes.run(bill.number or "", actor=ACTOR, now=at(event.on))
                await self.pay(name, code.amount_minor, event.on)
            case "bounce":
                reversing = ReversePayment(self.database, timezone=ZONE)
                done = await reversing.run(self.receipts[name].pop(), because="giro kosong", actor=ACTOR, now=now)
                self.say(name, f"bounced {done.amount_minor}")
            case "promise":
                await self.world.manage.promise(name, date.fromisoformat(event.arg), "", ACTOR, at(event.on, 11))
                self.say(name, f"promised {event.arg}")
            case "plan":
                done_terms = await ManageTerms(self.database).set(name, TermsWanted(plan=event.arg), ACTOR, now)
                self.say(name, f"{event.arg} from {done_terms.from_on}")
            case "pause":
                first, _, until = event.arg.partition("..")
                first_on, until_on = date.fromisoformat(first), date.fromisoformat(until)
                await PauseService(self.database).run(name, first_on, until_on, "cuti", ACTOR, now)
                self.say(name, f"away {event.arg}")
            case "leave":
                assert await self.world.subscribers.terminate(name, "pindah", ACTOR, now)
                self.say(name, "left")
            case "credit":
                number = await self.newest(who)
                note = await correcting.credit(number, [Asked(1, int(event.arg))], why="gangguan", actor=ACTOR, now=now)
                self.say(name, f"credit note {note['total']}: ppn {-note['tax']}")
            case "give up":
                lost = 0
                for bill in await self.open_of(name):
                    gone = await correcting.write_off(bill.number or "", None, why="menghilang", actor=ACTOR, now=now)
                    lost += gone["written_off"]
                self.say(name, f"written off {lost}")

    async def newest(self, who: Person) -> str:
        async with self.database.read() as work:
            found = [one for one in await work.invoices.listed() if one.subscriber_no == who.number]
        return max(one.number for one in found if one.number and one.number.startswith("INV"))

    # -- the books -----------------------------------------------------------------------------------------------------

    async def close_month(self, last: date) -> Counter[str]:
        """Return the month's figures from the documents and the accounts; every check of the books holds."""
        await self.world.assert_books_hold()
        month = self.months[f"{last:%Y-%m}"]
        async with self.database.read() as work:
            held = (await work.connection.execute(select(accounts.c.code, accounts.c.balance_minor))).all()
            query = select(invoices.c.kind, func.count(), func.sum(invoices.c.total_minor))
            query = query.where(invoices.c.issued_on.between(last.replace(day=1), last)).group_by(invoices.c.kind)
            issued = {kind: (count, int(total)) for kind, count, total in await work.connection.execute(query)}
        month["bills"], month["invoiced"] = issued.get("invoice", (0, 0))
        month["credited"] = issued.get("credit_note", (0, 0))[1]
        for what, account in (GROWTH | STANDS).items():
            stands = abs(sum(row.balance_minor for row in held if row.code.startswith(account)))
            month[what] = stands - self.stood[what] if what in GROWTH else stands
            self.stood[what] = stands
        return month


def _told(document: Invoice) -> str:
    sign, what = (-1, "credit note") if document.kind is DocumentKind.CREDIT_NOTE else (1, "bill")
    parts = sorted(
        ("fee" if line.kind.value in FEES else line.kind.value, sign * line.amount_minor) for line in document.lines
    )
    said = " ".join(f"{kind} {amount}" for kind, amount in parts)
    return f"{what} {document.total_minor}: {said} ppn {sign * document.tax_minor}"
