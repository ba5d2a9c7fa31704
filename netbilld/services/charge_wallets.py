"""What wallets pay for usage while it is metered: with its tax, and whoever has little left is told once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.plan_parts import TaxChoice
from netbilld.billing.postings import usage_charged
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.billing.wallet_tax import paid_part, rule_for
from netbilld.model.actor import METER, Actor
from netbilld.ports.outbox import Message, MessageKind, Outbox


@dataclass(frozen=True, slots=True)
class WalletRules:
    """How usage is charged to wallets.

    Attributes:
        tax: what of it is taxed.
        low_minor: whose wallet a charge brings down to it is told; None tells nobody.
    """

    tax: TaxPolicy = NOTHING_TAXED
    low_minor: int | None = None


PLAIN: WalletRules = WalletRules()


class WalletCharge(NamedTuple):
    """Usage of a billing period that is to be charged.

    Attributes:
        hour_at: the local hour that it is noted on.
        before_minor: what the period was charged before, at prices as written.
        amount_minor: what is due now, likewise; above 0.
        tax: of the plan in force.
        memo: what the books say.
    """

    payer: Payer
    service_id: UUID
    start_on: date
    hour_at: datetime
    before_minor: int
    amount_minor: int
    tax: TaxChoice
    memo: str


class Usage(Protocol):
    async def add_charges(self, rows: Sequence[tuple[UUID, date, datetime, int, int]]) -> None: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...
    async def wallets(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, int]: ...


class Buyers(Protocol):
    async def exempt(self, subscriber_ids: Iterable[UUID]) -> Collection[UUID]: ...


class Work(Protocol):
    @property
    def usage(self) -> Usage: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def outbox(self) -> Outbox: ...


async def charge_wallets(
    work: Work, charges: Sequence[WalletCharge], rules: WalletRules, *, now: datetime, today: date
) -> dict[UUID, int]:
    """Charge wallets within the transaction that metered; return what is in them now, by service.

    Args:
        work: the transaction.
        charges: at most one for each billing period of a service; the hours have a row.
        rules: how.
        now: the instant to write down.
        today: the day that it is booked on, and whose rates of tax hold.
    """
    if not charges:
        return {}
    payers = {charge.payer.id: charge.payer for charge in charges}
    exempt = await work.buyers.exempt(payers) if rules.tax.is_pkp else ()
    rows, entries = [], []
    spent_minor: dict[UUID, int] = defaultdict(int)
    for charge in charges:
        rule = rule_for(charge.tax, rules.tax, today, exempt=charge.payer.id in exempt)
        paid = paid_part(charge.before_minor, charge.amount_minor, charge.tax, rule)
        rows.append((charge.service_id, charge.start_on, charge.hour_at, charge.amount_minor, paid.added_minor))
        entries.append(
            usage_charged(
                charge.payer,
                charge.service_id,
                paid.net_minor,
                charge.memo,
                tax_minor=paid.tax_minor,
                tax_code=paid.code,
            )
        )
        spent_minor[charge.payer.id] += paid.net_minor + paid.tax_minor
    await work.usage.add_charges(rows)
    entry_ids = await work.ledger.post_many(entries, at=now, booked_on=today, actor=METER)
    held_minor = await work.ledger.wallets(payers)
    if rules.low_minor is not None:
        last_entries = {charge.payer.id: entry_id for charge, entry_id in zip(charges, entry_ids, strict=True)}
        messages = [
            _low(payer_id, held_minor[payer_id], last_entries[payer_id])
            for payer_id, minor in spent_minor.items()
            if held_minor[payer_id] <= rules.low_minor < held_minor[payer_id] + minor
        ]
        if messages:
            await work.outbox.add_many(messages, now)
    return {charge.service_id: held_minor[charge.payer.id] for charge in charges}


def _low(subscriber_id: UUID, held_minor: int, entry_id: int) -> Message:
    """Return what tells a subscriber that the wallet has just come down to the limit: the entry that did it is one."""
    context = {"wallet_minor": max(held_minor, 0)}
    return Message(MessageKind.CREDIT_LOW, subscriber_id, context, f"credit_low:{subscriber_id}:{entry_id}")
