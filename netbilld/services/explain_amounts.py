"""Opens an amount down to what it follows from: fees to days and terms, usage to tariff steps, days, sessions, slices.

Every figure is worked out again on the way, by the rules that made it and from what is on record now.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.billing.fees import ADD_ON, COMPONENT, DISCOUNT, FEE, FeePeriod, Share, part_minor
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.plan_parts import Discount, ProRata
from netbilld.billing.prices import fee_price
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.period import RatedPeriod, UsageCharge
from netbilld.billing.rating.stretch import Stretch, stretch_at
from netbilld.billing.terms import Stop, Terms, spans
from netbilld.billing.usage_steps import UsagePiece, usage_steps
from netbilld.billing.what_if import PricedService, owed_now
from netbilld.model.periods import BillingPeriod, local_date
from netbilld.model.units import half_up
from netbilld.services import rate_usage
from netbilld.services.rate_usage import rated_by

_PERCENT: Final = 10_000
Json = dict[str, Any]


class FeeRow(NamedTuple):
    """What was billed of a share of a fee period in one round; `number` is None where no document bears it."""

    number: str | None
    item: str
    cycle_days: int
    of_days: int
    price_minor: int
    tax_code: str | None
    inclusive: bool
    plan_version_id: UUID | None
    days: int
    amount_minor: int

    @property
    def share(self) -> tuple[str, int, str | None, bool]:
        return self.item, self.price_minor, self.tax_code, self.inclusive


class UsageRow(NamedTuple):
    """What was billed of the usage of a period in one round; octets of the whole period as metered then."""

    number: str | None
    issued_on: date | None
    upload_octets: int
    download_octets: int
    amount_minor: int


class SliceRow(NamedTuple):
    """A slice, and the session it came from; without one where a meter beside the sessions told it."""

    session_id: int | None
    meter_id: int | None
    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int
    source: str
    estimated: bool
    acct_session_id: str | None
    nas: str | None
    started_at: datetime | None
    stopped_at: datetime | None
    updated_at: datetime | None


@dataclass(slots=True)
class BookedEntry:
    """An entry of the books with its postings: (account, side, amount)."""

    id: int
    at: datetime
    booked_on: date
    kind: str
    document: str
    document_id: str
    memo: str
    actor: str
    currency: str
    postings: list[tuple[str, str, int]]

    def as_json(self) -> Json:
        return {
            "id": self.id,
            "booked_on": self.booked_on.isoformat(),
            "kind": self.kind,
            "memo": self.memo,
            "actor": self.actor,
            "postings": [{"account": code, "side": side, "amount": amount} for code, side, amount in self.postings],
        }


class Explained(Protocol):
    async def version_names(self, version_ids: Sequence[UUID]) -> dict[UUID, tuple[str, int]]: ...
    async def usage_rows(self, service_id: UUID, start_on: date) -> list[UsageRow]: ...
    async def slices(self, service_id: UUID, from_at: datetime, to_at: datetime) -> list[SliceRow]: ...


class Work(rate_usage.Work, Protocol):
    @property
    def explained(self) -> Explained: ...


# -- fees --------------------------------------------------------------------------------------------------------------


def fee_part(
    rows: Sequence[FeeRow],
    number: str | None,
    wanted: Mapping[str, Any],
    plans: Mapping[UUID, Plan],
    service: PricedService,
) -> Json | None:
    """Return what a line bills of a fee period, worked out again: owed by then, less what was billed before.

    Where a discount was taken from a part of the days, the terms as they are now say what all of its rounds sum to.

    Args:
        rows: what was billed of the period, oldest first.
        number: of the document; None where the wallet paid.
        wanted: the line's details.
        plans: versions of plans.
        service: as its fees are worked out now.

    Returns:
        None where nothing on record fits the line.
    """
    at = next(
        (
            place
            for place, row in enumerate(rows)
            if row.number == number and (row.item, row.price_minor) == (wanted.get("item"), wanted.get("price"))
        ),
        None,
    )
    if at is None:
        return None
    row = rows[at]
    before = [one for one in rows[:at] if one.share == row.share]
    days_before, minor_before = sum(one.days for one in before), sum(one.amount_minor for one in before)
    period = _period(wanted, row)
    plan = plans.get(row.plan_version_id) if row.plan_version_id else None
    prorata = plan.recurring.prorata if plan and plan.recurring else ProRata.CALENDAR
    days = days_before + row.days
    found: Json = {
        "period": [period.start_on.isoformat(), period.end_on.isoformat()],
        "of_days": period.of_days,
        "item": row.item,
        "price": row.price_minor,
        "prorata": prorata.value,
        "days": days,
        "days_before": days_before,
        "billed_before": minor_before,
    }
    if row.item.partition(":")[0] == DISCOUNT:
        found["base"] = base_minor = _base_minor(rows[:at], row, plans)
        discount = _discount(row, plan, service.terms)
        if discount is not None and discount.percent_hundredths is None:
            owed_minor = -min(discount.amount_minor or 0, base_minor)
        else:
            found["percent_hundredths"] = row.price_minor
            owed_minor = -min(half_up(max(0, base_minor) * row.price_minor, _PERCENT), base_minor)
    else:
        owed_minor = part_minor(row.price_minor, days, period, prorata)
    if owed_minor - minor_before != row.amount_minor:
        timing = Timing.PREPAID if number is None else Timing.POSTPAID
        part = owed_now(service, plans, timing, period).get(Share(*row.share))
        after_minor = sum(one.amount_minor for one in rows[at + 1 :] if one.share == row.share)
        owed_minor = (part.amount_minor if part else 0) - after_minor
        found["by_terms_now"] = True
    found["owed"] = owed_minor
    found["recomputed"] = owed_minor - minor_before
    return found


def _period(wanted: Mapping[str, Any], row: FeeRow) -> FeePeriod:
    start_on, end_on = (date.fromisoformat(one) for one in wanted["period"])
    return FeePeriod(row.cycle_days, start_on, end_on, row.of_days)


def _base_minor(rows: Sequence[FeeRow], discount: FeeRow, plans: Mapping[UUID, Plan]) -> int:
    """Return the fees that a discount is taken from, as billed by then; of a plan's own only those of such plans."""
    same_tax = (discount.tax_code, discount.inclusive)
    giving = {
        key
        for key, plan in plans.items()
        if any(f"{DISCOUNT}:{one.name}"[:80] == discount.item for one in plan.discounts)
    }
    is_of_all = discount.plan_version_id not in giving
    return sum(
        one.amount_minor
        for one in rows
        if one.item.partition(":")[0] in {FEE, COMPONENT, ADD_ON}
        and (one.tax_code, one.inclusive) == same_tax
        and (is_of_all or one.plan_version_id in giving)
    )


def _discount(row: FeeRow, plan: Plan | None, terms: Sequence[Terms]) -> Discount | None:
    name = row.item.partition(":")[2]
    given = [*(plan.discounts if plan else ()), *(one for of in terms for one in of.discounts)]
    return next((one for one in given if f"{DISCOUNT}:{one.name}"[:80] == row.item or one.name == name), None)


def terms_of_days(
    terms: Sequence[Terms],
    stops: Sequence[Stop],
    plans: Mapping[UUID, Plan],
    names: Mapping[UUID, tuple[str, int]],
    from_on: date,
    until_on: date,
) -> list[Json]:
    """Return by what each stretch of days is billed, and why at that price."""
    found = []
    for span in spans(terms, stops, from_on, until_on):
        plan = plans[span.terms.plan_version_id]
        price = fee_price(plan, span.terms.price_minor, span.terms.customer_group, span.terms.area)
        code, version = names.get(span.terms.plan_version_id, (plan.code, 0))
        one: Json = {
            "from": span.from_on.isoformat(),
            "until": span.until_on.isoformat(),
            "days": span.days,
            "plan": code,
            "version": version,
            "price": price.price_minor,
            "price_by": price.reason.value,
        }
        if price.by is not None:
            one["price_of"] = price.by
        if span.stop is not None:
            one["stopped"] = span.stop.value
        if plan.free or span.terms.free:
            one["free"] = True
        if span.terms.reason:
            one["reason"] = span.terms.reason
            one["by"] = span.terms.actor
        found.append(one)
    return found


# -- usage -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class OpenedUsage:
    """The usage of a service in a billing period, opened.

    Attributes:
        rated: as it is rated from what is metered now.
        after_minor: what of it invoices bear; the rest was taken from the wallet.
        billed: what invoices have borne, round by round.
        shown: all of it, as plain JSON.
    """

    rated: RatedPeriod
    stretches: tuple[Stretch, ...]
    after_minor: int
    billed: Sequence[UsageRow]
    shown: Json

    @property
    def octets(self) -> tuple[int, int]:
        """Return upload and download as metered now."""
        return (
            sum(one.upload_octets for one in self.rated.uses),
            sum(one.download_octets for one in self.rated.uses),
        )

    @property
    def is_equal(self) -> bool:
        """Return whether what was billed of the period is what it costs by what is metered now."""
        return sum(row.amount_minor for row in self.billed) == self.after_minor

    def charge(self, details: Mapping[str, Any], from_on: date | None) -> UsageCharge | None:
        """Return the charge that a line bills."""
        for one in self.rated.charges:
            if (one.tier, one.window, one.unit.value) == (
                details.get("tier"), details.get("window"), details.get("unit"),
            ) and one.from_on == from_on:  # fmt: skip
                return one
        return None


async def open_usage(work: Work, service_id: UUID, period: BillingPeriod, *, with_slices: bool) -> OpenedUsage | None:
    """Return the usage of a period down to its slices; None where the service has no terms.

    Sessions and days say what they added to the price, oldest slice first. Slices that were let go are told by what is
    missing: `octets_without_slices`.
    """
    cards = await work.rating.cards([service_id])
    card = cards.get(service_id)
    if card is None or not (stretches := card.stretches(period)):
        return None
    rated = (await rated_by(work, {service_id: period}, cards))[service_id]
    after_minor = sum(
        one.amount_minor for one in rated.charges if stretch_at(stretches, one.from_on).plan.timing is Timing.POSTPAID
    )
    billed = await work.explained.usage_rows(service_id, period.start_on)
    opened = OpenedUsage(rated, stretches, after_minor, billed, {})
    opened.shown = _usage_shown(opened)
    holidays = await work.rating.holidays(period.start_on, period.end_on)
    slices = await work.explained.slices(service_id, period.start_at, period.end_at)
    opened.shown |= _slices_shown(card, opened, slices, holidays, with_slices=with_slices)
    return opened


def _usage_shown(opened: OpenedUsage) -> Json:
    rated = opened.rated
    shown: Json = {
        "period": [rated.period.start_on.isoformat(), rated.period.end_on.isoformat()],
        "timezone": rated.period.timezone,
        "charges": [
            {
                "from": one.from_on.isoformat(),
                "until": one.until_on.isoformat(),
                "plan": one.plan_code,
                "unit": one.unit.value,
                "window": one.window,
                "tier": one.tier,
                "units": one.units,
                "price": one.price_minor,
                "per": one.per_units,
                "amount": one.amount_minor,
                "capped": one.is_capped,
            }
            for one in rated.charges
        ],
        "uses": [
            {
                "from": one.from_on.isoformat(),
                "until": one.until_on.isoformat(),
                "plan": one.plan_code,
                "window": one.window,
                "weight": f"{one.weight[0]}/{one.weight[1]}",
                "upload_octets": one.upload_octets,
                "download_octets": one.download_octets,
            }
            for one in rated.uses
        ],
        "counted_octets": rated.counted_octets,
        "amount": rated.amount_minor,
        "billed": [
            {
                "number": row.number,
                "issued_on": row.issued_on.isoformat() if row.issued_on else None,
                "upload_octets": row.upload_octets,
                "download_octets": row.download_octets,
                "amount": row.amount_minor,
            }
            for row in opened.billed
        ],
        "equal": opened.is_equal,
    }
    for name, state in (("allowance", rated.data), ("time_allowance", rated.time)):
        if state is not None:
            shown[name] = {
                "own": state.own_units,
                "rolled_over": state.rolled_units,
                "bought": state.bought_units,
                "limit": state.limit_units,
                "used": state.used_units,
            }
    if rated.seconds:
        shown["seconds_online"] = rated.seconds
    return shown


def _slices_shown(
    card: RateCard, opened: OpenedUsage, slices: Sequence[SliceRow], holidays: frozenset[date], *, with_slices: bool
) -> Json:
    period = opened.rated.period
    pieces = [UsagePiece(one.start_at, one.end_at, one.upload_octets, one.download_octets, one) for one in slices]
    days: dict[date, Json] = {}
    sessions: dict[tuple[int | None, int | None], Json] = {}
    digest, listed = hashlib.sha256(), []
    sum_minor = 0
    for step in usage_steps(card, period, opened.stretches, pieces, holidays):
        row: SliceRow = step.piece.key
        day = days.setdefault(step.on, _empty(on=step.on.isoformat()))
        session = sessions.get((row.session_id, row.meter_id))
        if session is None:
            session = sessions[row.session_id, row.meter_id] = _session(row)
        for sums in (day, session):
            sums["upload_octets"] += row.upload_octets
            sums["download_octets"] += row.download_octets
            sums["amount"] += step.amount_minor
        sum_minor += step.amount_minor
        shown = {
            "start": row.start_at.isoformat(),
            "end": row.end_at.isoformat(),
            "upload_octets": row.upload_octets,
            "download_octets": row.download_octets,
            "source": row.source,
            "estimated": row.estimated,
            "window": step.window,
            "counted_octets": step.counted_octets,
            "amount": step.amount_minor,
        }
        digest.update(json.dumps([session["session"], shown], sort_keys=True).encode())
        if with_slices:
            listed.append({"session": session["session"], **shown})
    upload, download = opened.octets
    found: Json = {
        "days": [days[on] for on in sorted(days)],
        "sessions": list(sessions.values()),
        "slices": len(slices),
        "slices_sha256": digest.hexdigest(),
        "octets_without_slices": upload + download - sum(one.upload_octets + one.download_octets for one in slices),
        "slices_amount": sum_minor,
    }
    if with_slices:
        found["slice_list"] = listed
    return found


def _empty(**first: Any) -> Json:
    return first | {"upload_octets": 0, "download_octets": 0, "amount": 0}


def _session(row: SliceRow) -> Json:
    if row.session_id is None:
        return _empty(session=f"meter {row.meter_id}" if row.meter_id else row.source)
    return _empty(
        session=row.acct_session_id or str(row.session_id),
        id=row.session_id,
        nas=row.nas,
        started=row.started_at.isoformat() if row.started_at else None,
        stopped=row.stopped_at.isoformat() if row.stopped_at else None,
        last_heard=row.updated_at.isoformat() if row.updated_at else None,
    )


def heard_after(opened: OpenedUsage, issued_on: date | None) -> list[Json]:
    """Return the sessions of a period that were heard of after a day: what came late is among theirs."""
    if issued_on is None:
        return []
    zone = opened.rated.period.timezone
    return [
        session
        for session in opened.shown["sessions"]
        if session.get("last_heard") and local_date(datetime.fromisoformat(session["last_heard"]), zone) >= issued_on
    ]


def last_day(until: str) -> str:
    """Return the day before the one on which half-open days end."""
    return (date.fromisoformat(until) - timedelta(days=1)).isoformat()
