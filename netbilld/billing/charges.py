"""What is billed of a service's fees on a day: what it owes by all that is known, less what was billed before.

docs/billing.md, rules 3 and 7: more is a charge, less is a credit. So runs may come in any order and as often as they
like, and a change that is told late is made good on the next invoice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from netbilld.billing.fees import ADD_ON, COMPONENT, DISCOUNT, FEE, FeePeriod, Owed, Share, Stretch, owed_in, periods
from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.plan_parts import BilledWhen, ProRata
from netbilld.model.errors import RefusedError

NOTHING: Final = "nothing"  # of a period of which nothing is owed: it was looked at
BACKLOG_DAYS_LIMIT: Final = 731
_THIRTY: Final = 30
_KINDS: Final = {COMPONENT: LineKind.COMPONENT, ADD_ON: LineKind.ADD_ON, DISCOUNT: LineKind.DISCOUNT}
_RANKS: Final = {FEE: 0, COMPONENT: 1, ADD_ON: 2, DISCOUNT: 3}


@dataclass(frozen=True, slots=True)
class BilledShare:
    """What was billed of a share of a period, once or in sum."""

    period: FeePeriod
    share: Share
    name: str
    revenue: str
    plan_version_id: UUID | None
    days: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class FeeFacts:
    """What is known of a service whose fees are billed.

    Attributes:
        stretches: in order; they end with the service.
        begins_on: the first day that can be billed; earlier ones are settled otherwise.
        ends_on: the day after its last one; None while it lives.
    """

    service_id: UUID
    stretches: Sequence[Stretch]
    billing_day: int
    begins_on: date
    ends_on: date | None
    site: str | None = None


@dataclass(slots=True)
class FeeCharges:
    """What is to be billed now.

    Attributes:
        lines: fee, components, add-ons, discounts; oldest period first.
        billed: what is to be written down, with the lines or without.
        begun: how many periods are billed that were not looked at before: an invoice is due.
        until_on: the end of the last period in a row of which everything is billed; None where nothing is yet.
        is_open: some of a period is billed and some is not yet, so `until_on` alone does not tell.
        next_on: when a further period is to be billed; None where nothing recurs.
    """

    lines: list[InvoiceLine] = field(default_factory=list)
    billed: list[BilledShare] = field(default_factory=list)
    begun: int = 0
    until_on: date | None = None
    is_open: bool = False
    next_on: date | None = None


def fee_charges(facts: FeeFacts, before: Iterable[BilledShare], as_of: date) -> FeeCharges:
    """Return what is to be billed of fees by a day.

    Args:
        facts: what is known of the service.
        before: everything that was billed of it, or nothing where `facts.begins_on` is the end of all of it.
        as_of: periods that have begun by then are billed in advance, those that have ended in arrears.

    Raises:
        RefusedError: more than two years would be billed at once.
    """
    kept: dict[FeePeriod, dict[Share, BilledShare]] = {}
    for one in before:
        _add(kept.setdefault(one.period, {}), one)
    charges = FeeCharges()
    reached = list(periods(facts.stretches, kept, facts.billing_day, facts.begins_on, as_of))
    first_on = min((period.start_on for period in reached if period not in kept), default=as_of)
    if as_of - first_on > timedelta(days=BACKLOG_DAYS_LIMIT):
        raise RefusedError(
            f"a service is unbilled since {first_on}, more than two years",
            hint=f"look at it, then bill step by step with --as-of {first_on + timedelta(days=BACKLOG_DAYS_LIMIT)}",
            code="backlog",
        )
    is_row = True
    unbilled: list[FeePeriod] = []
    following = _following(facts, {*reached, *kept})
    open_on = following.start_on if following else date.max  # from when on something may still have to be billed
    for period in sorted({*reached, *kept}, key=lambda one: (one.start_on, one.cycle_days)):
        before_it = len(charges.billed)
        is_closed = _settle(facts, period, kept.get(period), as_of, charges)
        is_row = is_row and is_closed
        if is_row:
            charges.until_on = max(charges.until_on or period.end_on, period.end_on)
        elif is_closed or period in kept or len(charges.billed) > before_it:
            charges.is_open = True
        if not is_closed:
            open_on = min(open_on, period.start_on)
            unbilled.append(period)
    if charges.until_on is not None and open_on < charges.until_on:  # a period of another length ends later
        charges.is_open = True
    charges.next_on = _next_on(facts, unbilled, following, as_of)
    return charges


def _following(facts: FeeFacts, looked_at: Collection[FeePeriod]) -> FeePeriod | None:
    """Return the first period that was not looked at; None where nothing recurs any more."""
    for period in periods(facts.stretches, looked_at, facts.billing_day, facts.begins_on, date.max):
        if period not in looked_at:
            return period
    return None


def share_charges(facts: FeeFacts, bought: Iterable[FeePeriod], before: Iterable[BilledShare]) -> FeeCharges:
    """Return what these periods cost, and what of those that were billed before is otherwise by now."""
    kept: dict[FeePeriod, dict[Share, BilledShare]] = {}
    for one in before:
        _add(kept.setdefault(one.period, {}), one)
    charges = FeeCharges()
    for period in sorted({*bought, *kept}, key=lambda one: (one.start_on, one.cycle_days)):
        _settle(facts, period, kept.get(period), date.max, charges)
    return charges


def _add(shares: dict[Share, BilledShare], one: BilledShare) -> None:
    old = shares.get(one.share)
    if old is not None:
        one = BilledShare(
            one.period,
            one.share,
            one.name,
            one.revenue,
            one.plan_version_id,
            old.days + one.days,
            old.amount_minor + one.amount_minor,
        )
    shares[one.share] = one


def _settle(
    facts: FeeFacts, period: FeePeriod, kept: dict[Share, BilledShare] | None, as_of: date, charges: FeeCharges
) -> bool:
    """Add the differences of a period; tell whether everything of it is billed by then."""
    owed = owed_in(period, facts.stretches, facts.billing_day)
    ends_on = min(period.end_on, facts.ends_on or period.end_on)
    is_over = ends_on <= as_of
    billed: list[BilledShare] = []
    lines: list[InvoiceLine] = []
    is_closed = is_over or _is_billed_first(facts, period, owed)
    is_new = kept is None
    for share in sorted({*owed, *(kept or ())}, key=_rank):
        part, old = owed.get(share), kept.get(share) if kept else None
        if old is None and part is not None and part.billed is BilledWhen.ARREARS and not is_over:
            is_closed = False
            continue
        days = (part.days if part else 0) - (old.days if old else 0)
        amount_minor = (part.amount_minor if part else 0) - (old.amount_minor if old else 0)
        if not days and not amount_minor:
            continue
        if old is None and part is not None and part.billed is BilledWhen.ARREARS:
            is_new = True  # the rest of a period of which some was billed when it began
        billed.append(_billed(period, share, part, old, days, amount_minor))
        if amount_minor:
            lines.append(_line(facts, period, share, part, old, amount_minor, days))
    if is_new and is_closed:
        charges.begun += 1
        if not billed and kept is None:
            nothing = Share(NOTHING, 0, None, inclusive=True)
            billed.append(BilledShare(period, nothing, "", "", None, 0, 0))
    charges.billed += billed
    lines.sort(key=lambda line: (line.amount_minor > 0) if line.kind is LineKind.ADJUSTMENT else True)
    charges.lines += lines
    return is_closed


def _is_billed_first(facts: FeeFacts, period: FeePeriod, owed: Mapping[Share, Owed]) -> bool:
    """Tell whether a period is billed when it begins: by what is owed, or by its plan where nothing is."""
    if owed:
        return True
    for stretch in facts.stretches:
        if stretch.fee.cycle_days == period.cycle_days and stretch.until_on > period.start_on:
            return stretch.fee.billed is BilledWhen.ADVANCE
    return True


def _rank(share: Share) -> tuple[int, str, int]:
    return _RANKS.get(share.item.partition(":")[0], 4), share.item, share.price_minor


def _billed(
    period: FeePeriod, share: Share, part: Owed | None, old: BilledShare | None, days: int, amount_minor: int
) -> BilledShare:
    source = part or old
    assert source is not None, "there is a difference to nothing"  # noqa: S101
    return BilledShare(period, share, source.name, source.revenue, source.plan_version_id, days, amount_minor)


def _line(
    facts: FeeFacts,
    period: FeePeriod,
    share: Share,
    part: Owed | None,
    old: BilledShare | None,
    amount_minor: int,
    days: int,
) -> InvoiceLine:
    source = part or old
    assert source is not None, "there is a difference to nothing"  # noqa: S101
    sort = share.item.partition(":")[0]
    is_change = old is not None
    from_on, until_on = (part.from_on, part.until_on) if part else (period.start_on, period.end_on)
    if is_change and days < 0:  # the days that are given back
        from_on, until_on = (part.until_on if part and part.days else period.start_on), period.end_on
        if from_on >= until_on:
            from_on, until_on = period.start_on, period.end_on
    shown = abs(days)
    per = _THIRTY if part and part.prorata is ProRata.THIRTY and not period.cycle_days else period.of_days
    is_part = not (part and part.prorata is ProRata.NONE) and shown != period.of_days
    sign = 1 if amount_minor > 0 else -1
    if sort == DISCOUNT or not shown:
        quantity, unit_price_minor, per = 1, amount_minor, 1
        is_part = False
    elif is_part:
        quantity, unit_price_minor = shown, sign * share.price_minor
    else:
        quantity, unit_price_minor, per = 1, sign * share.price_minor, 1
    text = f"{source.name}, {from_on:%d/%m/%Y} - {until_on - timedelta(days=1):%d/%m/%Y}"
    if is_part:
        text = f"{text} ({'-' if sign < 0 else ''}{shown}/{per})"
    if is_change and sort != DISCOUNT:
        kind = LineKind.ADJUSTMENT
    else:
        kind = _KINDS.get(sort, LineKind.PRORATA if is_part else LineKind.RECURRING)
    details: dict[str, Any] = {
        "period": [period.start_on.isoformat(), period.end_on.isoformat()],
        "item": share.item,
        "days": days,
        "of_days": period.of_days,
        "price": share.price_minor,
        "plan_version_id": str(source.plan_version_id),
    }
    if part is not None and not part.is_telecom:
        details["telecom"] = False
    return InvoiceLine(
        kind=kind,
        service_id=facts.service_id,
        text=text,
        quantity=quantity,
        unit_price_minor=unit_price_minor,
        per=per,
        amount_minor=amount_minor,
        tax_code=share.tax_code,
        inclusive=share.inclusive,
        revenue=source.revenue,
        from_on=from_on,
        until_on=until_on,
        site=facts.site,
        details=details,
    )


def _next_on(facts: FeeFacts, unbilled: Sequence[FeePeriod], following: FeePeriod | None, as_of: date) -> date | None:
    """Return the next day on which a period begins that is billed in advance, or one ends that is billed after it."""
    due = []
    for period in unbilled:
        ends_on = min(period.end_on, facts.ends_on or period.end_on)
        if ends_on > as_of:
            due.append(ends_on)
    if following is not None:
        ends_on = min(following.end_on, facts.ends_on or following.end_on)
        due.append(following.start_on if _is_closed_at(facts, following) else ends_on)
    return min(due, default=None)


def _is_closed_at(facts: FeeFacts, period: FeePeriod) -> bool:
    """Tell whether anything of a period is billed in advance."""
    for stretch in facts.stretches:
        overlaps = stretch.from_on < period.end_on and stretch.until_on > period.start_on
        if overlaps and stretch.fee.cycle_days == period.cycle_days and stretch.fee.billed is BilledWhen.ADVANCE:
            return True
    return False
