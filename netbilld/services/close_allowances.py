"""CloseAllowances: a billing period that is over hands on what is left of its allowance, and settles what was used."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID, uuid5

from netbilld.billing.rating.allowance import AllowanceState, Unit, rolled_over
from netbilld.billing.rating.card import RateCard
from netbilld.model.actor import Actor
from netbilld.model.periods import BillingPeriod, monthly_period, next_anchor
from netbilld.services import rate_usage
from netbilld.services.rate_usage import rated

CLOSE_AFTER: Final = timedelta(minutes=30)  # most NAS have reported by then what was used before the period's end
_AT_ONCE: Final = 250
_MOST_MISSED: Final = 12  # periods that nobody closed, one after the other
_AGAIN: Final = timedelta(hours=1)
_NAMES: Final = UUID("5f6b7a1e-2f0d-4f0c-9d53-6d0b3c2e7a11")  # of rollovers: the same one however often it is made


class OpenAllowance(NamedTuple):
    """A service whose periods are to be closed, and up to which day they are; None where none ever was."""

    service_id: UUID
    billing_day: int
    timezone: str
    activated_on: date
    closed_until_on: date | None


class ClosedPeriod(NamedTuple):
    """A period that is over, in the order of the table's columns."""

    service_id: UUID
    unit: Unit
    start_on: date
    end_on: date
    own_units: int
    extra_units: int
    used_units: int
    rolled_units: int
    closed_at: datetime


class NewRollover(NamedTuple):
    """What is handed on, in the order of the table's columns."""

    id: UUID
    service_id: UUID
    unit: Unit
    units: int
    left_of_on: date
    from_on: date
    until_on: date


class Rating(rate_usage.Rating, Protocol):
    async def open_allowances(self, today: date) -> Sequence[OpenAllowance]: ...
    async def close(
        self,
        periods: Sequence[ClosedPeriod],
        uses: Sequence[tuple[UUID, date, int]],
        rolled: Sequence[NewRollover],
    ) -> None: ...


class Changes(Protocol):
    async def record(
        self,
        actor: Actor,
        at: datetime,
        action: str,
        entity: str,
        entity_id: UUID | int | str,
        details: Mapping[str, Any] | None = None,
    ) -> None: ...


class Work(Protocol):
    @property
    def rating(self) -> Rating: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class CloseAllowances:
    """Closes what is over; safe to repeat, and to kill at any point."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_at: datetime | None = None

    async def run(self, now: datetime, actor: Actor) -> int:
        """Close the periods that are over for half an hour; return how many.

        What is metered later of such a period changes what it costs, and not what was handed on.
        """
        if self._next_at is not None and now < self._next_at:
            return 0
        async with self._store.read() as work:
            waiting = await work.rating.open_allowances(now.date())
        closed = 0
        due: dict[UUID, BillingPeriod] = {}
        next_at = now + _AGAIN
        for one in waiting:
            current = monthly_period(now - CLOSE_AFTER, one.billing_day, one.timezone)
            next_at = min(next_at, current.end_at + CLOSE_AFTER)
            if (first := _first_open(one, current)) is not None:
                due[one.service_id] = first
        calendars = {one.service_id: one for one in waiting}
        for _ in range(_MOST_MISSED):
            if not due:
                break
            ids = list(due)
            for start in range(0, len(ids), _AT_ONCE):
                part = {service_id: due[service_id] for service_id in ids[start : start + _AT_ONCE]}
                async with self._store.write() as work:
                    closed += await self._close(work, part, now, actor)
            due = {
                service_id: following
                for service_id, period in due.items()
                if (following := _following(period, calendars[service_id], now)) is not None
            }
        self._next_at = next_at
        return closed

    async def _close(self, work: Work, due: Mapping[UUID, BillingPeriod], now: datetime, actor: Actor) -> int:
        found = await rated(work, due)
        cards = await work.rating.cards(due)
        periods: list[ClosedPeriod] = []
        uses: list[tuple[UUID, date, int]] = []
        rolled: list[NewRollover] = []
        for service_id, of_period in found.items():
            period = due[service_id]
            card = cards[service_id].of_period(period)
            states = [state for state in (of_period.data, of_period.time) if state is not None]
            for state in states:
                handed_on = _handed_on(card, period, state)
                if handed_on is not None:
                    rolled.append(handed_on)
                periods.append(
                    ClosedPeriod(
                        service_id,
                        state.unit,
                        period.start_on,
                        period.end_on,
                        state.own_units,
                        state.limit_units - state.own_units,
                        state.used_units,
                        handed_on.units if handed_on is not None else 0,
                        now,
                    )
                )
                uses += [(grant_id, period.start_on, units) for grant_id, units in state.used_of if units]
        await work.rating.close(periods, uses, rolled)
        concerned = sorted({one.service_id for one in rolled} | _users(cards.values(), uses))
        if concerned:
            details = {"service_ids": [str(service_id) for service_id in concerned]}
            await work.changes.record(actor, now, "allowance.roll_over", "service", concerned[0], details)
        return len(periods)


def _handed_on(card: RateCard, period: BillingPeriod, state: AllowanceState) -> NewRollover | None:
    """Return what comes along of what is left; None for nothing."""
    allowance = card.plan_on(period.end_on - timedelta(days=1)).allowance
    if state.unit is not Unit.DATA or allowance is None or allowance.rollover is None or card.shared is not None:
        return None
    used_of = dict(state.used_of)
    older = sum(
        grant.units - used_of.get(grant.id, 0)
        for grant in card.grants(period, Unit.DATA)
        if grant.until_on > period.end_on and grant.kind == "rollover"
    )
    units = rolled_over(state.own_left_units, allowance.rollover.cap_units, older)
    if units <= 0:
        return None
    until_on = period.end_on
    for _ in range(allowance.rollover.periods):
        until_on = next_anchor(until_on, card.billing_day)
    return NewRollover(
        uuid5(_NAMES, f"{card.service_id}:{state.unit}:{period.start_on}"),
        card.service_id,
        state.unit,
        units,
        period.start_on,
        period.end_on,
        until_on,
    )


def _users(cards: Collection[RateCard], uses: Sequence[tuple[UUID, date, int]]) -> set[UUID]:
    used = {grant_id for grant_id, _, _ in uses}
    return {card.service_id for card in cards if any(one.id in used for one in card.given)}


def _first_open(one: OpenAllowance, current: BillingPeriod) -> BillingPeriod | None:
    """Return the earliest period that is over and not closed: where none ever was, the one before this."""
    if one.activated_on >= current.start_on:
        return None
    before = monthly_period(current.start_at - timedelta(hours=1), one.billing_day, one.timezone)
    if one.closed_until_on is None or one.closed_until_on < before.start_on - timedelta(days=366):
        return before
    if one.closed_until_on >= current.start_on:
        return None
    end_on = next_anchor(one.closed_until_on, one.billing_day)
    return BillingPeriod(one.closed_until_on, end_on, one.timezone)


def _following(period: BillingPeriod, one: OpenAllowance, now: datetime) -> BillingPeriod | None:
    end_on = next_anchor(period.end_on, one.billing_day)
    following = BillingPeriod(period.end_on, end_on, period.timezone)
    return following if following.end_at + CLOSE_AFTER <= now else None
