"""Top-ups: octets or hours sold beside the allowance, from the wallet or onto the next invoice, as the service pays."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.chart import Account, Payer, account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.plan_parts import TopUp
from netbilld.billing.postings import wallet_charged
from netbilld.billing.prices import code_key
from netbilld.billing.tax import TaxPolicy, taxed
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import next_anchor
from netbilld.ports.changes import Changes
from netbilld.services import change_terms
from netbilld.services.change_terms import TermsOfService
from netbilld.services.find_service import Subscribers, find_service
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.stop_service import ended_service

FROM_WALLET: Final = "wallet"
ON_INVOICE: Final = "invoice"
REVENUE: Final = "revenue:top_up"
_VERB: Final = "topup add"


@dataclass(frozen=True, slots=True)
class TopUpSold:
    """A top-up as it is kept; it counts from `bought_on` to before `until_on`."""

    id: UUID
    service_id: UUID
    code: str
    name: str
    price_minor: int
    data_octets: int | None
    time_seconds: int | None
    bought_on: date
    until_on: date
    paid_from: str  # wallet, invoice


@dataclass(frozen=True, slots=True)
class Sale:
    """What was sold, and what it costs with its tax; `repeated` where the same key had sold it before."""

    top_up_id: str
    name: str
    price_minor: int
    until_on: str
    paid_from: str
    repeated: bool = False


class TopUps(Protocol):
    async def add(self, sold: TopUpSold, actor: str, at: datetime) -> None: ...


class Ledger(Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> Mapping[UUID, int]: ...

    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Buyers(Protocol):
    async def exempt(self, subscriber_ids: Sequence[UUID]) -> Collection[UUID]: ...


class Work(change_terms.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def top_ups(self) -> TopUps: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class SellTopUp:
    """Sells one top-up in one transaction."""

    def __init__(self, store: Store, tax: TaxPolicy) -> None:
        self._store, self._tax = store, tax

    async def run(
        self, username: str, code: str, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> Sale:
        """Sell a top-up of the service's plan: prepaid from the wallet, postpaid onto the next invoice.

        Raises:
            NotFoundError: nobody has that name, or the plan no such top-up.
            RefusedError: the service has ended, or the wallet doesn't cover it.
        """
        async with self._store.write() as work:
            if idempotency_key:
                request = digest({"username": username, "code": code})
                done = await work.idempotency.claim(idempotency_key, _VERB, request, now)
                if done is not None:
                    return Sale(**done, repeated=True)
            found = await find_service(work.subscribers, username)
            if found.service.status == "ended":
                raise ended_service(username)
            terms = await TermsOfService.load(work, found.service)
            today = terms.today(now)
            plan = terms.plan_on(today)
            offered = _offered(plan, code)
            valid = timedelta(days=offered.valid_days) if offered.valid_days else None
            sold = TopUpSold(
                uuid4(),
                found.service.id,
                offered.code,
                offered.name,
                offered.price_minor,
                offered.data_octets,
                offered.time_seconds,
                today,
                today + valid if valid is not None else next_anchor(today, found.service.billing_day),
                FROM_WALLET if plan.timing is Timing.PREPAID else ON_INVOICE,
            )
            exempt = bool(await work.buyers.exempt([found.subscriber.id]))
            earned = self._earned(plan, offered, today, exempt=exempt)
            gross_minor = sum(earned.values())
            payer = Payer(found.subscriber.id, found.subscriber.number, found.subscriber.currency)
            if sold.paid_from == FROM_WALLET:
                wallet_minor = (await work.ledger.wallets([payer.id], lock=True))[payer.id]
                if wallet_minor < gross_minor:
                    raise RefusedError(
                        f"the wallet of {payer.number} holds {wallet_minor}, {offered.code} costs {gross_minor}",
                        hint="record a payment first: `netbilld payment add`",
                        code="no_credit",
                    )
                if gross_minor:
                    entry = wallet_charged(payer, sold.service_id, earned, f"{offered.name} ({offered.code})")
                    await work.ledger.post_many([entry], at=now, booked_on=today, actor=actor)
            await work.top_ups.add(sold, actor.name, now)
            sale = Sale(str(sold.id), offered.name, gross_minor, sold.until_on.isoformat(), sold.paid_from)
            details = {
                "service_ids": [str(sold.service_id)],
                "username": found.credential.name,
                "code": offered.code,
                "price": gross_minor,
                "until": sale.until_on,
                "paid_from": sold.paid_from,
            }
            await work.changes.record(actor, now, "topup.add", "subscriber", found.subscriber.id, details)
            if idempotency_key:
                result = {name: value for name, value in asdict(sale).items() if name != "repeated"}
                await work.idempotency.complete(idempotency_key, _VERB, result)
        return sale

    def _earned(self, plan: Plan, offered: TopUp, today: date, *, exempt: bool) -> dict[Account, int]:
        revenue, rule = account(REVENUE), self._tax.rule(plan.tax.code, today)
        if exempt or rule is None:
            return {revenue: offered.price_minor}
        parts = taxed(offered.price_minor, rule, inclusive=plan.tax.inclusive)
        return {revenue: parts.net_minor, account(f"tax:{rule.code}"): parts.tax_minor}


def _offered(plan: Plan, code: str) -> TopUp:
    found = next((one for one in plan.top_ups if code_key(one.code) == code_key(code)), None)
    if found is None:
        offered = ", ".join(one.code for one in plan.top_ups)
        hint = f"it has: {offered}" if offered else "it has none"
        raise NotFoundError(f"plan {plan.code} has no top-up {code!r}", hint=hint)
    return found
