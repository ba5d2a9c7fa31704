"""A subscriber's bill: what of each service is due, the lines of one document in their order, and what is absurd."""

import zlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from netbilld.billing.charges import BilledShare, FeeCharges, FeeFacts, fee_charges
from netbilld.billing.chart import DEPOSITS, Payer
from netbilld.billing.fee_days import fee_stretches
from netbilld.billing.fees import FeePeriod, Share, Stretch
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.tax import TaxPolicy, document_lines
from netbilld.billing.terms import Stop, Terms, terms_on
from netbilld.model.errors import RefusedError

INSTALLATION: Final = "installation"
DEPOSIT: Final = "deposit"
ONCE: Final = (INSTALLATION, DEPOSIT)
TIMES_THE_USUAL: Final = 10
MOST_KNOWN: Final = 10_000
_INSTALLED: Final = "revenue:installation"


@dataclass(frozen=True, slots=True)
class BillingState:
    """How far a service is billed; see the table of that name."""

    round: int = 0
    closed_until_on: date | None = None
    billed_until_on: date | None = None
    usage_until_on: date | None = None
    next_on: date | None = None
    terms_digest: int | None = None
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class ServiceToBill:
    """What is known of a service that may have to be billed.

    Attributes:
        ends_on: the day after its last one; None while it lives.
        paid_until_on: the last day that is paid for otherwise.
        is_new: it came to the provider under netbilld: what is billed once is billed.
        state: None: it was never billed.
    """

    id: UUID
    subscriber_id: UUID
    billing_day: int
    timezone: str
    site: str | None
    activated_on: date
    ends_on: date | None
    paid_until_on: date | None
    is_new: bool
    terms: Sequence[Terms]
    stops: Sequence[Stop]
    state: BillingState | None

    @property
    def is_changed(self) -> bool:
        """Tell whether what it was billed by may be otherwise now, so that all that was billed has to be read."""
        state = self.state
        if state is None or not state.round:
            return False
        if state.billed_until_on is None or state.terms_digest is None:
            return True
        return state.terms_digest != terms_digest(self, state.billed_until_on)


@dataclass(slots=True)
class ServiceBill:
    """What of a service is to be billed, and its state after it.

    Attributes:
        is_due: a period is to be billed, something is billed once, or the service has ended.
        once: what is billed once, to be written down beside the fees.
    """

    service: ServiceToBill
    fees: FeeCharges
    state: BillingState
    is_due: bool
    is_final: bool
    once: list[BilledShare] = field(default_factory=list)
    lines: list[InvoiceLine] = field(default_factory=list)

    @property
    def shares(self) -> list[BilledShare]:
        """Return all that is to be written down as billed."""
        return [*self.fees.billed, *self.once]


def terms_digest(service: ServiceToBill, until_on: date) -> int:
    """Return a number that is another one as soon as days before `until_on` are billed by something else."""
    terms = tuple(one for one in service.terms if one.from_on < until_on)
    stops = tuple(
        sorted(
            (one.kind.value, one.from_on, min(one.until_on or until_on, until_on))
            for one in service.stops
            if one.from_on < until_on
        )
    )
    ends_on = min(service.ends_on or until_on, until_on)
    paid = service.paid_until_on and min(service.paid_until_on, until_on)
    return _digest(terms, stops, ends_on, paid)


@lru_cache(maxsize=4096)  # most services have the same few terms
def _digest(terms: tuple[Terms, ...], stops: tuple[Any, ...], ends_on: date, paid_until_on: date | None) -> int:
    billed_by = [
        (one.from_on, str(one.plan_version_id), one.price_minor, one.timing, one.free, one.add_ons, one.discounts,
         one.customer_group, one.area)
        for one in terms
    ]  # fmt: skip
    return zlib.crc32(repr((billed_by, stops, ends_on, paid_until_on)).encode())


class FeeMemo:
    """Fees that were worked out in a run: services of one plan with the same days to bill cost the same."""

    def __init__(self) -> None:
        self._known: dict[Hashable, FeeCharges] = {}

    def key(self, service: ServiceToBill, plans: Mapping[UUID, Plan], begins_on: date, as_of: date) -> Hashable | None:
        """Return what fees of a service are known by; None for one that is unlike others."""
        if len(service.terms) != 1 or service.stops or service.ends_on or service.paid_until_on:
            return None
        terms = service.terms[0]
        if terms.discounts or terms.from_on > begins_on:
            return None
        plan = plans[terms.plan_version_id]
        counted_from = service.activated_on if plan.trial_days or plan.discounts else None
        own = (terms.price_minor, terms.timing, terms.free, terms.add_ons, terms.customer_group, terms.area)
        return terms.plan_version_id, own, service.billing_day, begins_on, as_of, counted_from

    def get(self, key: Hashable | None, service: ServiceToBill) -> FeeCharges | None:
        """Return the fees under a key, as this service's."""
        found = self._known.get(key) if key is not None else None
        if found is None:
            return None
        lines = [replace(line, service_id=service.id, site=service.site) for line in found.lines]
        return replace(found, lines=lines)

    def put(self, key: Hashable | None, fees: FeeCharges) -> None:
        """Keep the fees of a service."""
        if key is None:
            return
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = replace(fees, lines=list(fees.lines))


def service_bill(
    service: ServiceToBill,
    plans: Mapping[UUID, Plan],
    before: Sequence[BilledShare],
    as_of: date,
    memo: FeeMemo | None = None,
) -> ServiceBill:
    """Return what is to be billed of a service's fees, and once, by a day; usage is added to it by the caller.

    Args:
        service: of it.
        plans: the versions that its terms name.
        before: what was billed of its fees; needed only where `service.is_changed`.
        as_of: the day.
        memo: of the run.

    Raises:
        RefusedError: more than two years would be billed at once.
    """
    state = service.state or BillingState()
    closed_on = state.closed_until_on
    if closed_on is None:
        closed_on = service.activated_on
        if service.paid_until_on is not None:
            closed_on = max(closed_on, service.paid_until_on + timedelta(days=1))
    is_whole = service.is_changed
    begins_on = closed_on if is_whole else state.billed_until_on or closed_on
    key = memo.key(service, plans, begins_on, as_of) if memo is not None and not is_whole else None
    fees = memo.get(key, service) if memo is not None else None
    if fees is None:
        fees = _fees(service, plans, before if is_whole else (), begins_on, as_of)
        if memo is not None:
            memo.put(key, fees)
    until_on = fees.until_on
    if not is_whole and state.billed_until_on is not None:
        until_on = max(state.billed_until_on, until_on or state.billed_until_on)
    is_final = service.ends_on is not None and service.ends_on <= as_of
    bill = ServiceBill(service, fees, state, is_due=fees.begun > 0 or is_final, is_final=is_final, lines=fees.lines)
    if state.closed_until_on is None and service.is_new and service.activated_on <= as_of:
        _add_once(bill, plans)
    bill.state = BillingState(
        round=state.round + 1,
        closed_until_on=closed_on,
        billed_until_on=until_on,
        usage_until_on=state.usage_until_on,
        next_on=fees.next_on,
        terms_digest=None if fees.is_open or until_on is None else terms_digest(service, until_on),
        is_settled=is_final,
    )
    return bill


def _fees(
    service: ServiceToBill, plans: Mapping[UUID, Plan], before: Sequence[BilledShare], begins_on: date, as_of: date
) -> FeeCharges:
    stretches = fee_stretches(
        service.terms,
        service.stops,
        plans,
        timing=Timing.POSTPAID,
        activated_on=service.activated_on,
        ends_on=service.ends_on,
        paid_until_on=service.paid_until_on,
    )
    known = _from(stretches, begins_on)
    facts = FeeFacts(service.id, known, service.billing_day, begins_on, service.ends_on, service.site)
    return fee_charges(facts, before, as_of)


def _from(stretches: Sequence[Stretch], begins_on: date) -> list[Stretch]:
    return [
        replace(one, from_on=max(one.from_on, begins_on)) if one.from_on < begins_on else one
        for one in stretches
        if one.until_on > begins_on
    ]


def _add_once(bill: ServiceBill, plans: Mapping[UUID, Plan]) -> None:
    """Add the installation fee of the plan that a service begins with, and, unless it has ended, the deposit."""
    service = bill.service
    terms = terms_on(service.terms, service.activated_on)
    if terms is None:
        return
    plan = plans[terms.plan_version_id]
    if plan.free or terms.free:
        return
    day = FeePeriod(0, service.activated_on, service.activated_on, 1)
    for item, kind, amount_minor, revenue, text in (
        (INSTALLATION, LineKind.INSTALLATION, plan.installation_minor, _INSTALLED, "Pemasangan / Installation"),
        (DEPOSIT, LineKind.DEPOSIT, plan.deposit_minor, DEPOSITS, "Uang jaminan / Deposit"),
    ):
        if not amount_minor or (item == DEPOSIT and bill.is_final):
            continue
        tax_code = plan.tax.code if item == INSTALLATION else None
        share = Share(item, amount_minor, tax_code, plan.tax.inclusive)
        bill.once.append(BilledShare(day, share, text, revenue, terms.plan_version_id, 1, amount_minor))
        details: dict[str, Any] = {"item": item}
        if item == INSTALLATION:
            details["telecom"] = False
        bill.lines.append(
            InvoiceLine(
                kind,
                service.id,
                f"{text}, {plan.name}",
                1,
                amount_minor,
                1,
                amount_minor,
                tax_code=tax_code,
                inclusive=plan.tax.inclusive,
                revenue=revenue,
                site=service.site,
                details=details,
            )
        )
        bill.is_due = True


_RANKS: Final = {LineKind.USAGE: 1, LineKind.LATE_USAGE: 2}
_ONE_OFF: Final = frozenset(
    (
        LineKind.TOP_UP, LineKind.INSTALLATION, LineKind.DEPOSIT, LineKind.LATE_FEE, LineKind.STAMP_DUTY,
        LineKind.MANUAL, LineKind.OPENING_BALANCE,
    )
)  # fmt: skip


def in_order(lines: Sequence[InvoiceLine], services: Sequence[UUID]) -> list[InvoiceLine]:
    """Return the lines of a document: by site, service, fees, usage, one-off; what is for no service comes last."""
    place = {service_id: number for number, service_id in enumerate(services)}

    def rank(line: InvoiceLine) -> tuple[bool, str, int, int]:
        kind = 3 if line.kind in _ONE_OFF else _RANKS.get(line.kind, 0)
        of_none = line.service_id is None
        return of_none, line.site or "", len(place) if line.service_id is None else place[line.service_id], kind

    return sorted(lines, key=rank)


def draft_of(
    invoice_id: UUID,
    payer: Payer,
    timezone: str,
    lines: Sequence[InvoiceLine],
    *,
    as_of: date,
    tax: TaxPolicy,
    buyer: Mapping[str, Any],
    note: str = "",
) -> Invoice:
    """Return the draft of one document over the span from the first day of its lines to the last, with its taxes.

    Raises:
        InvalidInputError: a line names a tax that has no rule.
    """
    taxed = document_lines(lines, tax, as_of, payer.currency, exempt=bool(buyer.get("exempt")))
    return Invoice(
        id=invoice_id,
        subscriber_id=payer.id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=min((line.from_on for line in taxed if line.from_on), default=as_of),
        period_end_on=max((line.until_on for line in taxed if line.until_on), default=as_of),
        timezone=timezone,
        currency=payer.currency,
        lines=taxed,
        tax_minor=sum(line.tax_minor for line in taxed),
        total_minor=sum(line.gross_minor for line in taxed),
        paid_minor=0,
        buyer=buyer,
        note=note,
    )


def usual_minor(bills: Sequence[ServiceBill], largest_minor: int) -> int:
    """Return what a subscriber's bill usually comes to: the largest so far, or a whole period of all their services."""
    whole_minor = 0
    for bill in bills:
        prices = {row.share.item: row.share.price_minor for row in bill.fees.billed if row.amount_minor > 0}
        whole_minor += sum(price for item, price in prices.items() if not item.startswith("discount:"))
        whole_minor += sum(row.amount_minor for row in bill.once)
    return max(largest_minor, whole_minor)


def refuse_absurd(draft: Invoice, *, usual_minor: int, absurd_minor: int, allowed_minor: int) -> None:
    """Refuse a bill that is more likely a mistake than a debt: a person has to look at it.

    Args:
        draft: of the document.
        usual_minor: see `usual_minor`; 0 where nothing is known.
        absurd_minor: above which any bill is.
        allowed_minor: up to which a person has let it through.

    Raises:
        RefusedError: it is.
    """
    total_minor = abs(draft.total_minor)
    if total_minor <= allowed_minor:
        return
    why = None
    if total_minor > absurd_minor:
        why = f"more than {absurd_minor}"
    elif usual_minor and total_minor > TIMES_THE_USUAL * usual_minor:
        why = f"more than {TIMES_THE_USUAL} times the usual {usual_minor}"
    if why is not None:
        raise RefusedError(
            f"the bill would be {draft.total_minor} {draft.currency}, {why}",
            hint="look at it, then `netbilld invoice allow NUMBER`, or mend the plan",
            code="absurd",
        )
