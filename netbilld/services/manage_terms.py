"""A service's own terms: its plan, price, speed, timing, add-ons and discounts, from a day on, with who and why."""

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.plan import Speed, Timing
from netbilld.billing.plan_file import speed_definition
from netbilld.billing.plan_parts import Discount
from netbilld.billing.prices import code_key
from netbilld.billing.terms import Terms
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.subscriber import FoundService
from netbilld.model.units import parse_amount, parse_rate_bps
from netbilld.ports.changes import Changes
from netbilld.services import change_terms, take_plan
from netbilld.services.change_terms import TermsOfService
from netbilld.services.coupons import Coupons, take_coupon
from netbilld.services.find_service import Subscribers, find_service
from netbilld.services.idempotency import Idempotency, once
from netbilld.services.stop_service import ended_service
from netbilld.services.subscriber_fields import optional_text
from netbilld.services.take_plan import offer_of, refuse_offer

PERIODS_LIMIT: Final = 120
NOTHING: Final = "none"
_VERB: Final = "terms set"
_OF_THE_PLAN: Final = "plan"
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?\s*%")
_PRICE_LIMIT_MINOR: Final = 10**12


class Work(take_plan.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def terms(self) -> change_terms.TermsBook: ...
    @property
    def coupons(self) -> Coupons: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class TermsWanted:
    """What to set, as written; None leaves it as it is, `none` goes back to what the plan says.

    Attributes:
        starts: now, next or a day; None: an upgrade and whatever is no plan now, a downgrade with the next period.
        reset: what was used of the allowance counts no more.
        timing: prepaid, postpaid, or plan.
        add_ons, without: codes of the plan's add-ons to take, and to give back.
        discount: `10%` or an amount, beside those it has.
        periods: how long that discount lasts.
        why: needed for whatever the plan does not say.
    """

    plan: str | None = None
    starts: str | None = None
    reset: bool = False
    price: str | None = None
    speed: str | None = None
    free: bool | None = None
    timing: str | None = None
    add_ons: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    discount: str | None = None
    periods: int | None = None
    coupon: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class TermsSet:
    """What has changed, and the day from which it holds."""

    names: tuple[str, ...]
    from_on: date
    waits: bool


class ManageTerms:
    """Changes the terms of one service in one transaction, with its line in the audit trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def set(
        self, username: str, wanted: TermsWanted, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> TermsSet:
        """Set what is wanted, all from the same day on; under the same key once, as a discount comes beside the others.

        Raises:
            InvalidInputError: a value can't be, or there is no reason given.
            NotFoundError: there is no such service, plan, add-on or coupon.
            RefusedError: the service has ended; the plan or the coupon is not for this subscriber, or not any more.
        """
        why = optional_text("why", wanted.why, 200)
        if why is None and _needs_reason(wanted):
            raise InvalidInputError("say why with --why", hint="it is kept with the change, and who made it")

        async def make(work: Work) -> dict[str, Any]:
            done = await _set(work, username, wanted, why, actor, now)
            return {"names": list(done.names), "from_on": done.from_on.isoformat(), "waits": done.waits}

        request = {"username": username, **asdict(wanted)}
        said = await once(self._store, idempotency_key, _VERB, request, now, make)
        return TermsSet(tuple(said["names"]), date.fromisoformat(said["from_on"]), said["waits"])


async def _set(
    work: Work, username: str, wanted: TermsWanted, why: str | None, actor: Actor, now: datetime
) -> TermsSet:
    found = await find_service(work.subscribers, username)
    if found.service.status == "ended":
        raise ended_service(username)
    terms = await TermsOfService.load(work, found.service)
    today = terms.today(now)
    version = None
    if wanted.plan is not None:
        offer = await offer_of(work, wanted.plan, today)
        version = await refuse_offer(work, offer, found.subscriber)
    day = terms.starting_day(wanted.starts, today, version)
    plan = version.plan if version is not None else terms.plan_on(day)
    before = terms.on(day)
    changes = _overrides(wanted, found, plan.speed)
    if wanted.add_ons or wanted.without:
        changes["add_ons"] = _add_ons(wanted, before, {code_key(one.code): one.code for one in plan.add_ons})
    discounts = _discounts(wanted, before, found, why, day)
    if wanted.coupon is not None:
        coupon = await take_coupon(work.coupons, wanted.coupon, found, plan.code, day, actor, now)
        discounts = (*(before.discounts if discounts is None else discounts), coupon)
    if discounts is not None:
        changes["discounts"] = discounts
    changed = {name: value for name, value in changes.items() if value != getattr(before, name)}
    is_moved = version is not None and (
        version.id != before.plan_version_id or any(one.plan_version_id != version.id for one in terms.planned(day))
    )
    names = tuple(sorted((*changed, *(("plan",) if is_moved else ()), *(("reset",) if wanted.reset else ()))))
    if not names:
        return TermsSet((), day, waits=False)
    old = terms.plan_on(today) if version is None else terms.plan_told(today, version)
    done = await terms.change(
        day,
        now,
        to=version if is_moved else None,
        **changed,
        is_reset=wanted.reset,
        reason=why,
        actor=actor.name,
    )
    if is_moved and version is not None and version.code != old.code:
        await terms.tell(found.subscriber.id, old, version.plan, done, now)
    details = {
        "service_ids": [str(found.service.id)],
        "username": found.credential.name,
        "fields": {name: [_said(getattr(before, name)), _said(value)] for name, value in changed.items()}
        | ({"plan": [old.code, plan.code]} if is_moved else {}),
        "from": day.isoformat(),
        "reason": why,
    }
    action = "service.plan" if is_moved else "service.terms"
    await work.changes.record(actor, now, action, "subscriber", found.subscriber.id, details)
    return TermsSet(names, day, waits=done.waits)


def _needs_reason(wanted: TermsWanted) -> bool:
    own = (wanted.price, wanted.speed, wanted.discount, wanted.timing)
    return wanted.free is True or any(value not in {None, NOTHING, _OF_THE_PLAN} for value in own)


def _overrides(wanted: TermsWanted, found: FoundService, plan_speed: Speed) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if wanted.price is not None:
        changes["price_minor"] = None if wanted.price == NOTHING else _price(wanted.price, found.subscriber.currency)
    if wanted.speed is not None:
        changes["speed"] = None if wanted.speed == NOTHING else _speed(wanted.speed, plan_speed)
    if wanted.free is not None:
        changes["free"] = wanted.free
    if wanted.timing is not None:
        if wanted.timing not in {_OF_THE_PLAN, *Timing}:
            raise InvalidInputError(f"timing {wanted.timing!r} is not prepaid, postpaid or plan")
        changes["timing"] = None if wanted.timing == _OF_THE_PLAN else Timing(wanted.timing)
    return changes


def _price(written: str, currency: str) -> int:
    price_minor = parse_amount(written, currency)
    if not 0 <= price_minor <= _PRICE_LIMIT_MINOR:
        raise InvalidInputError(f"price {written!r} is not from 0 to {_PRICE_LIMIT_MINOR}")
    return price_minor


def _speed(written: str, plan_speed: Speed) -> Speed:
    down, slash, up = written.partition("/")
    if not slash:
        raise InvalidInputError(f"speed {written!r} is not down/up", hint="write 20M/10M")
    return Speed(parse_rate_bps(down), parse_rate_bps(up), priority=plan_speed.priority)


def _add_ons(wanted: TermsWanted, before: Terms, offered: dict[str, str]) -> tuple[str, ...]:
    taken = {code_key(code): code for code in before.add_ons}
    for code in wanted.add_ons:
        if code_key(code) not in offered:
            hint = f"it has: {', '.join(offered.values())}" if offered else "it has none"
            raise NotFoundError(f"the plan has no add-on {code!r}", hint=hint)
        taken[code_key(code)] = offered[code_key(code)]
    for code in wanted.without:
        if taken.pop(code_key(code), None) is None:
            raise NotFoundError(f"the service has no add-on {code!r}")
    return tuple(sorted(taken.values()))


def _discounts(
    wanted: TermsWanted, before: Terms, found: FoundService, why: str | None, day: date
) -> tuple[Discount, ...] | None:
    if wanted.discount is None:
        return None
    if wanted.discount == NOTHING:
        return ()
    if wanted.periods is not None and not 1 <= wanted.periods <= PERIODS_LIMIT:
        raise InvalidInputError(f"--periods {wanted.periods} is not from 1 to {PERIODS_LIMIT}")
    percent, amount = parse_reduction(wanted.discount, found.subscriber.currency)
    return (*before.discounts, Discount(why or "", percent, amount, wanted.periods, day))


def parse_reduction(written: str, currency: str) -> tuple[int | None, int | None]:
    """Return hundredths of a percent, or an amount in minor units, of `10%`, `2.5 %` or `5000`.

    Raises:
        InvalidInputError: it is none of these, or above 100 %.
    """
    if percent := _PERCENT.fullmatch(written.strip()):
        hundredths = int(percent[1]) * 100 + int((percent[2] or "0").ljust(2, "0"))
        if not 0 < hundredths <= 10_000:
            raise InvalidInputError(f"discount {written!r} is not from 0.01% to 100%")
        return hundredths, None
    amount_minor = parse_amount(written, currency)
    if not 0 < amount_minor <= _PRICE_LIMIT_MINOR:
        raise InvalidInputError(f"discount {written!r} is not an amount above 0, or a percent such as 10%")
    return None, amount_minor


def _said(value: object) -> object:
    """Return a value as the audit trail keeps it."""
    if isinstance(value, Speed):
        return speed_definition(value)
    if isinstance(value, tuple):
        return [one.name if isinstance(one, Discount) else one for one in value]
    return str(value) if isinstance(value, UUID | Timing) else value
