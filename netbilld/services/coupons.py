"""Coupons: a discount that so many services may take, within some days, for some plans."""

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.plan_parts import Discount
from netbilld.billing.prices import code_key
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.subscriber import FoundService
from netbilld.ports.changes import Changes
from netbilld.services.subscriber_fields import clean_text

USES_LIMIT: Final = 10**7
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon; `used` is how many services have taken it. Days are inclusive, None for no limit."""

    code: str
    name: str
    percent_hundredths: int | None
    amount_minor: int | None
    periods: int | None
    from_on: date | None
    until_on: date | None
    most_uses: int | None
    plans: tuple[str, ...]
    used: int = 0


class Coupons(Protocol):
    async def coupon(self, code: str, *, lock: bool = False) -> Coupon | None: ...

    async def use(self, code: str, service_id: UUID, from_on: date, actor: str, at: datetime) -> bool: ...


class CouponBook(Coupons, Protocol):
    async def add(self, coupon: Coupon, actor: str, at: datetime) -> None: ...

    async def set(self, code: str, fields: dict[str, Any]) -> None: ...


class Plans(Protocol):
    async def by_code(self, code: str, *, lock: bool = False) -> Any: ...


class Work(Protocol):
    @property
    def coupons(self) -> CouponBook: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManageCoupons:
    """Makes coupons, and ends them; a service that has one keeps it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, coupon: Coupon, actor: Actor, now: datetime) -> None:
        """Store a coupon.

        Raises:
            InvalidInputError: it can't be.
            NotFoundError: it is for a plan that there is not.
            RefusedError: there is one of that code.
        """
        if not _CODE.fullmatch(coupon.code):
            raise InvalidInputError(f"coupon {coupon.code[:80]!r} is not 1 to 64 letters, digits, '.', '_' or '-'")
        clean_text("name", coupon.name, 200)
        if (coupon.percent_hundredths is None) == (coupon.amount_minor is None):
            raise InvalidInputError("a coupon is for a percent or an amount: one of both")
        if coupon.from_on is not None and coupon.until_on is not None and coupon.until_on < coupon.from_on:
            raise InvalidInputError(f"the coupon would end on {coupon.until_on}, before {coupon.from_on}")
        if coupon.most_uses is not None and not 1 <= coupon.most_uses <= USES_LIMIT:
            raise InvalidInputError(f"--uses {coupon.most_uses} is not from 1 to {USES_LIMIT}")
        if coupon.periods is not None and not 1 <= coupon.periods <= 120:
            raise InvalidInputError(f"--periods {coupon.periods} is not from 1 to 120")
        async with self._store.write() as work:
            for code in coupon.plans:
                if await work.plans.by_code(code) is None:
                    raise NotFoundError(f"no plan has code {code!r}", hint="`netbilld plan list` shows them")
            await work.coupons.add(coupon, actor.name, now)
            details = {"name": coupon.name, "percent": coupon.percent_hundredths, "amount": coupon.amount_minor}
            await work.changes.record(actor, now, "coupon.add", "coupon", coupon.code, details)

    async def end(self, code: str, until_on: date, actor: Actor, now: datetime) -> None:
        """Let it be taken until a day, that day included.

        Raises:
            NotFoundError: there is none of that code.
        """
        async with self._store.write() as work:
            found = await work.coupons.coupon(code, lock=True)
            if found is None:
                raise _unknown(code)
            await work.coupons.set(found.code, {"until_on": until_on})
            details = {"until_on": until_on.isoformat()}
            await work.changes.record(actor, now, "coupon.set", "coupon", found.code, details)


async def take_coupon(
    coupons: Coupons, code: str, found: FoundService, plan_code: str, day: date, actor: Actor, now: datetime
) -> Discount:
    """Return the discount that a service takes by a coupon from a day on, and count the use.

    Raises:
        NotFoundError: there is none of that code.
        RefusedError: it is not for that day or plan, used up, or the service had it.
    """
    coupon = await coupons.coupon(code, lock=True)
    if coupon is None:
        raise _unknown(code)
    if coupon.from_on is not None and day < coupon.from_on:
        raise RefusedError(f"coupon {coupon.code} begins on {coupon.from_on}")
    if coupon.until_on is not None and day > coupon.until_on:
        raise RefusedError(f"coupon {coupon.code} ended on {coupon.until_on}")
    if coupon.plans and code_key(plan_code) not in map(code_key, coupon.plans):
        raise RefusedError(f"coupon {coupon.code} is for {_listed(coupon.plans)}, not for {plan_code}")
    if coupon.most_uses is not None and coupon.used >= coupon.most_uses:
        raise RefusedError(f"coupon {coupon.code} is used up: {coupon.used} of {coupon.most_uses}")
    if not await coupons.use(coupon.code, found.service.id, day, actor.name, now):
        raise RefusedError(f"{found.credential.name} has had coupon {coupon.code} already")
    return Discount(coupon.name, coupon.percent_hundredths, coupon.amount_minor, coupon.periods, day)


def _unknown(code: str) -> NotFoundError:
    return NotFoundError(f"no coupon {code!r}", hint="`netbilld coupon list` shows them")


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(codes)
