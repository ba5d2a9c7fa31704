"""What subscribers owe and by which terms, for standing and dunning alike: so that both decide by the same facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.holidays import HolidayStore
from netbilld.adapters.database.tables import (
    due_extensions,
    dunning_exemptions,
    dunning_rules,
    invoices,
    isolirs,
    paper_invoices,
    promises,
    subscribers,
)
from netbilld.billing.holidays import NO_HOLIDAYS
from netbilld.billing.standing import (
    FOR_EVER,
    LONGEST_DELAY,
    OpenInvoice,
    StandingPolicy,
    StandingTerms,
    let_go_minor,
)
from netbilld.model.periods import local_date

IDS_A_QUERY: Final = 10_000
UNPAID: Final = ("issued", "part_paid")
_BACK: Final = timedelta(days=400)  # an invoice is not moved by days off longer ago: it has been overdue since
_OWN_RULES: Final = dunning_rules.alias("own_rules")
_OWN_EXEMPTIONS: Final = dunning_exemptions.alias("own_exemptions")
_GROUP_RULES: Final = dunning_rules.alias("group_rules")
_GROUP_EXEMPTIONS: Final = dunning_exemptions.alias("group_exemptions")


@dataclass(frozen=True, slots=True)
class UnpaidInvoice:
    """An open invoice; `due_on` is None while the paper has not arrived that its days are counted from."""

    id: UUID
    number: str
    issued_on: date
    due_on: date | None
    outstanding_minor: int
    currency: str


@dataclass(slots=True)
class Owing:
    """What one subscriber owes, by which terms."""

    subscriber_id: UUID
    terms: StandingTerms
    remind_days: tuple[int, ...] | None
    unpaid: list[UnpaidInvoice] = field(default_factory=list)

    @property
    def counting(self) -> list[OpenInvoice]:
        """Return the invoices whose days are running."""
        return [
            OpenInvoice(one.number, one.due_on, one.outstanding_minor) for one in self.unpaid if one.due_on is not None
        ]


class OwingQueries:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, subscriber_ids: Sequence[UUID], policy: StandingPolicy, now: datetime) -> dict[UUID, Owing]:
        """Return what each of these subscribers owes; without those who owe nothing."""
        rows: list[Any] = []
        for part in _parts(subscriber_ids):
            query = _unpaid().where(among(self._connection, invoices.c.subscriber_id, part))
            rows += (await self._connection.execute(query)).all()
        found, receipts = await self._terms({row.subscriber_id for row in rows}, policy, now)
        for row in rows:
            found[row.subscriber_id].unpaid.append(
                UnpaidInvoice(
                    row.id,
                    row.number,
                    row.issued_on,
                    _due_on(row, from_receipt=row.subscriber_id in receipts),
                    int(row.outstanding_minor),
                    row.currency,
                )
            )
        return found

    async def _terms(
        self, subscriber_ids: Iterable[UUID], policy: StandingPolicy, now: datetime
    ) -> tuple[dict[UUID, Owing], set[UUID]]:
        """Return each one's terms, and whose days run from when the paper arrived."""
        found: dict[UUID, Owing] = {}
        receipts: set[UUID] = set()
        wanted = list(subscriber_ids)
        if not wanted:
            return found, receipts
        today = local_date(now, policy.timezone)
        table = NO_HOLIDAYS
        if policy.off_on_holidays:
            table = await HolidayStore(self._connection).table(today - _BACK, today + _BACK + LONGEST_DELAY)
        for part in _parts(wanted):
            query = _terms_query().where(among(self._connection, subscribers.c.id, part))
            for row in await self._connection.execute(query):
                grace_days = row.own_grace if row.own_grace is not None else row.group_grace
                remind_days = row.own_remind if row.own_remind is not None else row.group_remind
                if row.own_receipt if row.own_receipt is not None else row.group_receipt:
                    receipts.add(row.id)
                terms = StandingTerms(
                    grace_days,
                    table.of(row.area),
                    _longest(row),
                    row.promised_until_on,
                    let_go_minor(int(row.walled_for or 0), policy.restore_percent),
                )
                found[row.id] = Owing(row.id, terms, None if remind_days is None else tuple(remind_days))
        return found, receipts


def _longest(row: Any) -> date | None:
    """Return until when somebody is exempt, by their own word or their group's."""
    ends = [
        until_on or FOR_EVER
        for until_on, name in ((row.own_until, row.own_name), (row.group_until, row.group_name))
        if name
    ]
    return max(ends, default=None)


def _due_on(row: Any, *, from_receipt: bool) -> date | None:
    due_on: date = row.due_on
    if from_receipt:
        if row.received_on is None:
            return None
        due_on = row.received_on + (row.due_on - row.issued_on)
    return due_on if row.until_on is None else max(due_on, row.until_on)


def _unpaid() -> Select[Any]:
    outstanding = invoices.c.total_minor - invoices.c.paid_minor
    return (
        select(
            invoices.c.id,
            invoices.c.subscriber_id,
            invoices.c.number,
            invoices.c.issued_on,
            invoices.c.due_on,
            invoices.c.currency,
            outstanding.label("outstanding_minor"),
            due_extensions.c.until_on,
            paper_invoices.c.received_on,
        )
        .outerjoin(due_extensions, due_extensions.c.invoice_id == invoices.c.id)
        .outerjoin(paper_invoices, paper_invoices.c.invoice_id == invoices.c.id)
        .where(
            invoices.c.status.in_(UNPAID),
            outstanding > 0,
            invoices.c.due_on.is_not(None),
            invoices.c.kind == "invoice",
        )
        .order_by(invoices.c.due_on, invoices.c.number)
    )


def _terms_query() -> Select[Any]:
    promised = (
        select(func.max(promises.c.until_on))
        .where(promises.c.subscriber_id == subscribers.c.id, promises.c.ended_at.is_(None))
        .scalar_subquery()
    )
    walled_for = (
        select(func.max(isolirs.c.overdue_minor))
        .where(isolirs.c.subscriber_id == subscribers.c.id, isolirs.c.cleared_at.is_(None))
        .scalar_subquery()
    )
    own, group = subscribers.c.number, subscribers.c.customer_group
    return (
        select(
            subscribers.c.id,
            subscribers.c.area,
            _OWN_RULES.c.grace_days.label("own_grace"),
            _OWN_RULES.c.remind_days.label("own_remind"),
            _OWN_RULES.c.from_receipt.label("own_receipt"),
            _GROUP_RULES.c.grace_days.label("group_grace"),
            _GROUP_RULES.c.remind_days.label("group_remind"),
            _GROUP_RULES.c.from_receipt.label("group_receipt"),
            _OWN_EXEMPTIONS.c.name.label("own_name"),
            _OWN_EXEMPTIONS.c.until_on.label("own_until"),
            _GROUP_EXEMPTIONS.c.name.label("group_name"),
            _GROUP_EXEMPTIONS.c.until_on.label("group_until"),
            promised.label("promised_until_on"),
            walled_for.label("walled_for"),
        )
        .outerjoin(_OWN_RULES, and_(_OWN_RULES.c.scope == "subscriber", _OWN_RULES.c.name == own))
        .outerjoin(_GROUP_RULES, and_(_GROUP_RULES.c.scope == "group", _GROUP_RULES.c.name == group))
        .outerjoin(_OWN_EXEMPTIONS, and_(_OWN_EXEMPTIONS.c.scope == "subscriber", _OWN_EXEMPTIONS.c.name == own))
        .outerjoin(_GROUP_EXEMPTIONS, and_(_GROUP_EXEMPTIONS.c.scope == "group", _GROUP_EXEMPTIONS.c.name == group))
    )


def _parts(ids: Iterable[UUID]) -> list[list[UUID]]:
    wanted = list(ids)
    return [wanted[start : start + IDS_A_QUERY] for start in range(0, len(wanted), IDS_A_QUERY)]
