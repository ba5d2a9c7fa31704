"""What gateways have paid out is booked, and gateway, bank and ledger are held against each other each night."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import uuid4

from netbilld.billing.chart import GATEWAY_FEES, cash
from netbilld.billing.gateway_differences import (
    BankRow,
    Difference,
    OurPayment,
    Payout,
    bank_differences,
    ledger_difference,
    matched,
    payment_differences,
    payout_differences,
)
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import payment_method, reason_text
from netbilld.billing.postings import money_account, money_moved
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes
from netbilld.ports.gateway_records import Settlement
from netbilld.services.gateway_report import Report, ReportRow

LOOK_BACK: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that is on record until somebody has seen to it, or it is no more."""

    id: int
    gateway: str
    kind: str
    subject: str
    theirs_minor: int | None
    ours_minor: int | None
    found_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None


class Settlements(Protocol):
    async def names_of(self, gateway: str, refs: Sequence[str]) -> dict[str, list[str]]: ...
    async def payments_of(self, gateway: str, transactions: Sequence[str]) -> list[OurPayment]: ...
    async def settled(self, gateway: str, reference: str) -> Settlement | None: ...
    async def settle(self, settlement: Settlement, transactions: Sequence[tuple[str, str, int]]) -> bool: ...
    async def payouts(self, gateway: str, since: date) -> list[Payout]: ...
    async def bank_rows(self, gateway: str, method: str, since: date) -> list[BankRow]: ...
    async def at_bank(self, gateway: str, reference: str, row_id: int, at: datetime, by: str) -> None: ...
    async def documents_minor(self, gateway: str) -> int: ...
    async def held_minor(self, gateway: str) -> int: ...
    async def find(
        self,
        gateway: str,
        kinds: Sequence[str],
        subjects: Collection[str] | None,
        found: Sequence[Difference],
        now: datetime,
    ) -> None: ...
    async def finding(self, finding_id: int) -> Finding | None: ...
    async def end(self, finding_id: int, at: datetime, by: str, reason: str) -> None: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> object: ...


class Work(Protocol):
    @property
    def settlements(self) -> Settlements: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What a report has led to.

    Attributes:
        payouts: booked now, by reference: net amount in minor units.
        known: payouts that were booked before.
        differences: of payments and payouts, also those that were on record before.
        left_out: rows of the report that are no payments that were made.
    """

    rows: int
    payouts: dict[str, int]
    known: list[str]
    differences: list[Difference]
    left_out: int = 0


_BY_REPORT: Final = ("not_in_books", "other_amount", "other_refund", "other_fee", "other_payout", "lost_refund")
_BY_NIGHT: Final = ("payout_not_at_bank", "bank_without_payout", "ledger_differs")


class SettleGateways:
    """Books payouts and finds differences."""

    def __init__(self, store: Store, *, timezone: str, currency: str, method: str) -> None:
        """Settle to one account.

        Args:
            store: where everything is.
            timezone: of local days.
            currency: of all gateways.
            method: of the account that payouts come to, as bank statements have it.
        """
        self._store, self._timezone, self._currency = store, timezone, currency
        self._method = payment_method(method)

    async def take_report(self, gateway: str, report: Report, *, actor: Actor, now: datetime) -> Settled:
        """Book the payouts of a gateway's report and name what differs; the same report again changes nothing.

        Raises:
            RefusedError: a payout has no day.
        """
        made: dict[str, int] = {}
        known: list[str] = []
        async with self._store.write() as work:
            named = await _named(work, gateway, report.rows)
            ours = await work.settlements.payments_of(gateway, [row.payment.transaction for row in named])
            rows = _with_known_fees(named, ours)
            by_payout: dict[str, list[ReportRow]] = defaultdict(list)
            for row in rows:
                if row.payment.payout is not None:
                    by_payout[row.payment.payout].append(row)
            found = payment_differences([row.payment for row in rows], ours)
            found += [Difference("lost_refund", name, minor, None) for name, minor in report.lost_refunds]
            wrong = {one.subject for one in found}
            for reference, some in sorted(by_payout.items()):
                if await work.settlements.settled(gateway, reference) is not None:
                    known.append(reference)
                    continue
                days = [row.settled_on for row in some if row.settled_on is not None]
                if not days:
                    raise RefusedError(f"payout {reference} has no settled_on", code="bad_report")
                booked = {one.transaction: one for one in ours}
                sure = [row for row in some if row.payment.ref not in wrong and row.payment.transaction in booked]
                if len(sure) == len(some):  # of one that differs nothing is booked: a person looks first
                    net_minor = await self._settle(work, gateway, reference, max(days), sure, booked, actor, now)
                    if net_minor is None:  # the same report, sent twice at once
                        known.append(reference)
                    else:
                        made[reference] = net_minor
            payouts = await work.settlements.payouts(gateway, date.min.replace(year=2000))
            found += payout_differences([row.payment for row in rows], payouts)
            mentioned = {row.payment.ref for row in rows} | set(by_payout) | {name for name, _ in report.lost_refunds}
            await work.settlements.find(gateway, _BY_REPORT, mentioned, found, now)
            details = {"gateway": gateway, "rows": len(rows), "payouts": sorted(made), "differences": len(found)}
            await work.changes.record(actor, now, "gateway.report", "gateway", gateway, details)
        return Settled(len(rows), made, known, found, report.left_out)

    async def compare(self, gateway: str, now: datetime) -> list[Difference]:
        """Hold payouts, bank rows and ledger against each other, and keep what differs for people to see to.

        A payout and a bank row that fit each other alone are put together.
        """
        today = local_date(now, self._timezone)
        since = today - LOOK_BACK
        async with self._store.write() as work:
            payouts = await work.settlements.payouts(gateway, since)
            rows = await work.settlements.bank_rows(gateway, self._method, since)
            for payout, row in matched(payouts, rows):
                await work.settlements.at_bank(gateway, payout.reference, row.id, now, "system")
            found = bank_differences(payouts, rows, gateway, today)
            documents_minor = await work.settlements.documents_minor(gateway)
            found += ledger_difference(gateway, documents_minor, await work.settlements.held_minor(gateway))
            await work.settlements.find(gateway, _BY_NIGHT, None, found, now)
        return found

    async def see_to(self, finding_id: int, because: str, *, actor: Actor, now: datetime) -> None:
        """Write down that somebody has seen to a difference.

        Raises:
            NotFoundError: there is none.
            RefusedError: somebody has already.
        """
        because = reason_text(because)
        async with self._store.write() as work:
            finding = await work.settlements.finding(finding_id)
            if finding is None:
                raise NotFoundError(f"no difference {finding_id}")
            if finding.ended_at is not None:
                raise RefusedError(f"seen to already, by {finding.ended_by}", code="already_decided")
            await work.settlements.end(finding_id, now, actor.name, because)
            details = {"kind": finding.kind, "subject": finding.subject, "because": because}
            await work.changes.record(actor, now, "gateway.see_to", "gateway", finding.gateway, details)

    async def _settle(
        self,
        work: Work,
        gateway: str,
        reference: str,
        settled_on: date,
        rows: Sequence[ReportRow],
        booked: dict[str, OurPayment],
        actor: Actor,
        now: datetime,
    ) -> int | None:
        """Book one payout: money from the gateway to our account, less the fees that are not booked yet.

        Returns its net amount in minor units; None where another has booked it meanwhile.
        """
        net_minor = sum(row.payment.kept_minor - row.payment.fee_minor for row in rows)
        fees = {row.payment.transaction: row.payment.fee_minor for row in rows}
        new_fee_minor = sum(fee - booked[name].fee_minor for name, fee in fees.items() if not booked[name].fee_minor)
        gross_minor = net_minor + new_fee_minor
        settlement = Settlement(
            id=uuid4(),
            gateway=gateway,
            reference=reference,
            method=self._method,
            settled_on=settled_on,
            gross_minor=gross_minor,
            fee_minor=new_fee_minor,
            net_minor=net_minor,
            recorded_at=now,
            actor=actor.name,
        )
        names = [(row.payment.ref, row.payment.transaction, fees[row.payment.transaction]) for row in rows]
        if not await work.settlements.settle(settlement, names):
            return None
        today = local_date(now, self._timezone)
        if gross_minor > 0:
            entry = money_moved(
                "gateway_settled",
                str(settlement.id),
                self._currency,
                to=cash(self._method),
                out_of=money_account(gateway),
                amount_minor=gross_minor,
                memo=f"Payout {gateway} {reference}",
                lost={GATEWAY_FEES: new_fee_minor} if new_fee_minor else None,
            )
            same_month = (settled_on.year, settled_on.month) == (today.year, today.month) and settled_on <= today
            await work.ledger.post_many([entry], at=now, booked_on=settled_on if same_month else today, actor=actor)
        return net_minor


def _with_known_fees(rows: Sequence[ReportRow], ours: Sequence[OurPayment]) -> list[ReportRow]:
    """Return the rows with the fee that was told of a payment before, where the report itself says none."""
    known = {one.transaction: one.fee_minor for one in ours}
    return [
        row
        if row.payment.fee_minor
        else replace(row, payment=replace(row.payment, fee_minor=known.get(row.payment.transaction, 0)))
        for row in rows
    ]


async def _named(work: Work, gateway: str, rows: Sequence[ReportRow]) -> list[ReportRow]:
    """Return the rows with the gateway's names of their payments, where the report knows them by ours alone."""
    refs = [row.payment.ref for row in rows if not row.payment.transaction]
    known = await work.settlements.names_of(gateway, refs) if refs else {}
    named = []
    for row in rows:
        names = [row.payment.transaction] if row.payment.transaction else known.get(row.payment.ref, [])
        name = names[0] if len(names) == 1 else row.payment.ref  # which is nobody's: a difference
        named.append(replace(row, payment=replace(row.payment, transaction=name)))
    return named
