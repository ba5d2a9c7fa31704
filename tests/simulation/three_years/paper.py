"""The owner's exercise book: the same three years worked out by hand, from docs/billing.md and nothing of the program."""

import calendar
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.simulation.three_years import story
from tests.simulation.three_years.story import Event, Plan, Who

DAY = timedelta(days=1)
Months = dict[str, Counter[str]]


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def tax_of(amount: int, *, inclusive: bool, on: date) -> int:
    """Rule 19: of a line, by the day of its document; of a credit, what comes back."""
    if on < story.PKP_FROM:
        return 0
    if amount < 0:
        return -tax_of(-amount, inclusive=inclusive, on=on)
    if inclusive:  # 11 % before 2025, and 12 % of 11/12 after: both are 11/111 of what is paid
        return amount - half_up(amount * 100, 111)
    if on < date(2025, 1, 1):
        return half_up(amount * 11, 100)
    return half_up(half_up(amount * 11, 12) * 12, 100)


def anchor(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def period_of(on: date, day: int) -> tuple[date, date]:
    """Rule 1."""
    this = anchor(on.year, on.month, day)
    last = on.replace(day=1) - DAY
    following = (on.replace(day=28) + 4 * DAY).replace(day=1)
    if this <= on:
        return this, anchor(following.year, following.month, day)
    return anchor(last.year, last.month, day), this


@dataclass
class Line:
    kind: str  # fee, installation, deposit, late_fee
    amount: int
    inclusive: bool = True
    tax: int = 0

    @property
    def gross(self) -> int:
        return self.amount if self.inclusive else self.amount + self.tax


@dataclass
class Bill:
    number: int
    issued: date
    lines: list[Line]
    settled: list[tuple[str, int]] = field(default_factory=list)  # by which payment or `wallet`, and how much
    reminded: date | None = None
    fined: bool = False

    @property
    def total(self) -> int:
        return sum(line.gross for line in self.lines)

    @property
    def due(self) -> date:
        return self.issued + story.DUE_DAYS * DAY

    @property
    def open(self) -> int:
        return self.total - sum(amount for _, amount in self.settled)


@dataclass
class Account:
    """A page of the book: one subscriber."""

    who: Who
    plans: list[tuple[date, str]]
    pauses: list[tuple[date, date]] = field(default_factory=list)
    left: date | None = None
    ended: bool = False
    billed: Counter[tuple[date, str]] = field(default_factory=Counter)
    first_billed: bool = False
    bills: list[Bill] = field(default_factory=list)
    payments: list[tuple[str, int]] = field(default_factory=list)
    wallet: int = 0
    deposit: int = 0
    late_fees: list[int] = field(default_factory=list)
    promised: date | None = None
    walled: bool = False
    news: bool = True  # something happened yesterday that may change what is owed

    def plan_on(self, on: date) -> str:
        return [code for since, code in self.plans if since <= on][-1]

    def lives_on(self, on: date) -> bool:
        return on >= self.who.joined and (self.left is None or on <= self.left)

    def open_bills(self) -> list[Bill]:
        return [bill for bill in self.bills if bill.open > 0]

    @property
    def owed(self) -> int:
        return sum(bill.open for bill in self.bills)

    def fees(self, today: date) -> dict[tuple[date, str], int]:
        """Rules 2, 3, 6 and 8: what each period and price have come to, of periods that began by today."""
        found: dict[tuple[date, str], int] = {}
        on = max(self.who.joined, today - 150 * DAY)
        start, end = period_of(on, self.who.billing_day)
        while start <= today:
            used: Counter[str] = Counter()
            for number in range((end - start).days):
                one = start + number * DAY
                if self.lives_on(one) and not any(first <= one < until for first, until in self.pauses):
                    used[self.plan_on(one)] += 1
            for code, days in used.items():
                found[start, code] = half_up(story.PLANS[code].price * days, (end - start).days)
            start, end = period_of(end, self.who.billing_day)
        return found


class Book:
    """All pages, and what happened by month and by name."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.numbers = 0
        self.months: Months = defaultdict(Counter)
        self.lives: dict[str, list[str]] = {name: [] for name in story.NAMED}
        self.said: dict[str, list[str]] = defaultdict(list)

    def live(self) -> "Book":
        today = story.FIRST
        while today <= story.LAST:
            self.month = self.months[f"{today:%Y-%m}"]
            for account in self.accounts.values():
                self.bill(account, today)
            for account in self.accounts.values():
                self.in_the_morning(account, today)
            for account in self.accounts.values():
                self.after_that(account, today)
            for who in story.PEOPLE:
                if who.joined == today:
                    self.accounts[who.name] = Account(who, [(today, who.plan)])
            for account in list(self.accounts.values()):
                after = account.who.pays_after
                if after is not None and any(bill.issued + after * DAY == today for bill in account.open_bills()):
                    self.pay(account, account.owed)
            for event in story.EVENTS:
                if event.on == today:
                    self.happen(event, self.accounts[event.who])
            for account in self.accounts.values():
                self.in_the_evening(account, today)
            for name in story.NAMED:
                if self.said[name]:
                    account = self.accounts[name]
                    what = "; ".join(self.said.pop(name))
                    self.lives[name].append(f"{today} | {account.owed:>7} | {account.wallet:>6} | {what}")
            self.month["owed"] = sum(account.owed for account in self.accounts.values())
            self.month["credit"] = sum(account.wallet for account in self.accounts.values())
            today += DAY
        return self

    def say(self, account: Account, what: str) -> None:
        if account.who.name in story.NAMED:
            self.said[account.who.name].append(what)

    # -- bills ---------------------------------------------------------------------------------------------------------

    def bill(self, account: Account, today: date) -> None:
        is_final = account.left is not None and not account.ended
        begins = period_of(today, account.who.billing_day)[0] == today
        if account.ended or not (account.news or begins):
            return
        account.news = False
        lines: list[Line] = []
        plan: Plan = story.PLANS[account.who.plan]
        is_first = not account.bills
        if is_first:
            if plan.installation:
                lines.append(Line("installation", plan.installation, plan.inclusive))
            if plan.deposit:
                lines.append(Line("deposit", plan.deposit))
        owed = account.fees(today)
        for key in sorted({*owed, *account.billed}):
            if key not in owed and key[0] < today - 100 * DAY:
                continue  # too long ago for anything to have changed
            amount = owed.get(key, 0) - account.billed[key]
            if amount:
                lines.append(Line("fee", amount, story.PLANS[key[1]].inclusive))
        if not (is_first or begins or is_final or sum(line.amount for line in lines) > 0):
            return  # rule 7: credits alone wait
        account.billed.update({key: amount - account.billed[key] for key, amount in owed.items()})
        lines += [Line("late_fee", amount) for amount in account.late_fees]
        account.late_fees = []
        for line in lines:
            if line.kind not in {"deposit", "late_fee"}:
                line.tax = tax_of(line.amount, inclusive=line.inclusive, on=today)
        if is_first:
            account.deposit = plan.deposit
        if is_final:
            account.ended = True
            account.wallet, account.deposit = account.wallet + account.deposit, 0
        if lines:
            self.issue(account, lines, today)
        if is_final:
            self.settle_from_wallet(account, account.open_bills())

    def issue(self, account: Account, lines: list[Line], today: date) -> None:
        self.numbers += 1
        bill = Bill(self.numbers, today, lines)
        tax = sum(line.tax for line in lines)
        what = "bill" if bill.total >= 0 else "credit note"
        said = " ".join(f"{line.kind} {line.amount}" for line in sorted(lines, key=lambda one: (one.kind, one.amount)))
        self.say(account, f"{what} {abs(bill.total)}: {said} ppn {tax}")
        self.month["ppn"] += tax
        self.month["late fees"] += sum(line.amount for line in lines if line.kind == "late_fee")
        if bill.total < 0:
            account.wallet -= bill.total
            self.month["credited"] -= bill.total
            self.settle_from_wallet(account, account.open_bills())
            return
        self.month["bills"] += 1
        self.month["invoiced"] += bill.total
        account.bills.append(bill)
        self.settle_from_wallet(account, [bill])

    def settle_from_wallet(self, account: Account, bills: list[Bill]) -> None:
        for bill in bills:
            part = min(bill.open, account.wallet)
            if part:
                bill.settled.append(("wallet", part))
                account.wallet -= part

    # -- arrears -------------------------------------------------------------------------------------------------------

    def walls_on(self, account: Account, bill: Bill) -> date:
        """Rule 31."""
        on = bill.due + (story.GRACE_DAYS + 1) * DAY
        if account.promised is not None:
            on = max(on, account.promised + DAY)
        while on.weekday() == story.SUNDAY or on in story.HOLIDAYS:
            on += DAY
        return on

    def overdue(self, account: Account, today: date) -> int:
        return sum(bill.open for bill in account.open_bills() if self.walls_on(account, bill) <= today)

    def in_the_morning(self, account: Account, today: date) -> None:
        is_there = account.left is None and not any(first <= today < until for first, until in account.pauses)
        if is_there and not account.walled and self.overdue(account, today) > story.TOLERANCE:
            account.walled = True
            self.month["isolir"] += 1
            self.say(account, "isolir")

    def after_that(self, account: Account, today: date) -> None:
        holds = account.promised is not None and today <= account.promised
        for bill in account.open_bills():
            is_asked = account.owed > story.TOLERANCE and not holds and (today - bill.due).days in {-7, -3, 0, 3}
            if is_asked and bill.reminded is None:
                bill.reminded = today
            late = today >= bill.due + story.LATE_AFTER_DAYS * DAY and bill.open > story.TOLERANCE
            if late and not holds and not bill.fined and bill.reminded is not None and bill.reminded < today:
                bill.fined = True
                fee = max(half_up(bill.open * story.LATE_PERCENT, 100), story.LATE_MINIMUM)
                account.late_fees.append(min(fee, story.LATE_CAP))

    def in_the_evening(self, account: Account, today: date) -> None:
        if account.walled and self.overdue(account, today) <= story.TOLERANCE:
            account.walled = False
            self.say(account, "open again")

    # -- what people do ------------------------------------------------------------------------------------------------

    def pay(self, account: Account, amount: int) -> None:
        """Rule 23: oldest due first, the rest is credit."""
        name = f"payment {len(account.payments)}"
        account.payments.append((name, amount))
        self.month["paid"] += amount
        self.say(account, f"paid {amount}")
        for bill in account.open_bills():
            part = min(bill.open, amount)
            if part:
                bill.settled.append((name, part))
                amount -= part
        account.wallet += amount

    def happen(self, event: Event, account: Account) -> None:
        account.news = True
        match event.what:
            case "pay":
                self.pay(account, account.owed if event.arg == "all" else int(event.arg))
            case "code":  # rule 27: 1 is the smallest code, and nobody owes just that
                (bill,) = account.open_bills()
                others = {one.open for page in self.accounts.values() for one in page.open_bills()}
                code = next(code for code in range(1, 1000) if bill.open + code not in others)
                self.pay(account, bill.open + code)
            case "bounce":
                self.bounce(account)
            case "promise":
                account.promised = date.fromisoformat(event.arg)
                self.say(account, f"promised {event.arg}")
            case "plan":
                self.change_plan(account, event)
            case "pause":
                first, _, until = event.arg.partition("..")
                account.pauses.append((date.fromisoformat(first), date.fromisoformat(until)))
                self.say(account, f"away {event.arg}")
            case "leave":
                account.left = event.on
                self.say(account, "left")
            case "credit":
                self.credit(account, int(event.arg))
            case "give up":
                self.say(account, f"written off {account.owed}")
                self.month["written off"] += account.owed
                for bill in account.open_bills():
                    bill.settled.append(("written off", bill.open))

    def bounce(self, account: Account) -> None:
        """Rule 25: off its invoices, out of the wallet; where that is spent, what the wallet settled, newest first."""
        name, amount = account.payments.pop()
        self.month["paid"] -= amount
        self.say(account, f"bounced {amount}")
        in_wallet = amount
        for bill in account.bills:
            in_wallet -= sum(part for by, part in bill.settled if by == name)
            bill.settled = [(by, part) for by, part in bill.settled if by != name]
        account.wallet -= in_wallet
        for bill in reversed(account.bills):
            for number, (by, part) in enumerate(bill.settled):
                if account.wallet < 0 and by == "wallet":
                    back = min(part, -account.wallet)
                    bill.settled[number] = (by, part - back)
                    account.wallet += back
        assert account.wallet >= 0, "nothing else is bought from a wallet here"

    def change_plan(self, account: Account, event: Event) -> None:
        """Rule 7: an upgrade from today, a downgrade from the next period."""
        before = story.PLANS[account.plan_on(event.on)]
        from_on = event.on
        if story.PLANS[event.arg].price < before.price:
            from_on = period_of(event.on, account.who.billing_day)[1]
        account.plans = [one for one in account.plans if one[0] < from_on] + [(from_on, event.arg)]
        self.say(account, f"{event.arg} from {from_on}")

    def credit(self, account: Account, amount: int) -> None:
        """Rule 21: the newest bill's first line; what had settled it goes to the wallet."""
        bill = account.bills[-1]
        line = bill.lines[0]
        tax = half_up(line.tax * amount, line.gross)
        self.month["credited"] += amount
        self.month["ppn"] -= tax
        self.say(account, f"credit note {amount}: ppn {-tax}")
        more = max(amount - bill.open, 0)
        account.wallet += more
        bill.settled.append(("credit note", amount - more))
        if more:  # the money that had settled it is the wallet's now, and the note settles it instead
            left = more
            for number in reversed(range(len(bill.settled))):
                by, part = bill.settled[number]
                if by != "credit note" and left:
                    bill.settled[number] = (by, part - min(part, left))
                    left -= min(part, left)
            bill.settled.append(("credit note", more))
