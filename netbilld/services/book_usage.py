"""BookUsage: what was metered becomes slices, roll-ups and wallet charges, whatever metered it."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.roll_up import RollUp
from netbilld.accounting.usage import MeteredService, PeriodTotals, UsageSlice
from netbilld.billing.chart import Payer
from netbilld.billing.hours import inner_edges
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.plan import Charging, Plan, Timing
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.postings import usage_charged
from netbilld.billing.rating.period import plain_total_minor
from netbilld.model.actor import METER, Actor
from netbilld.model.periods import local_date

_MAX_PLANS: Final = 4096
_MAX_SERVICES: Final = 131_072
_PARTS_A_TURN: Final = 64  # RADIUS shares this loop, and its answers should not wait for a whole batch


class Moved(NamedTuple):
    """Octets that one session, or one meter beside the sessions, has moved between two instants.

    `source` is radius, snmp, mqtt, api or correction; exactly one of `session_id` and `meter_id` is given, and a
    session's NAS.
    """

    service_id: UUID | None
    session_id: int | None
    meter_id: int | None
    source: str
    from_at: datetime
    to_at: datetime
    upload_octets: int
    download_octets: int
    nas_id: UUID | None = None


class Usage(Protocol):
    async def metered_services(self, service_ids: Collection[UUID]) -> dict[UUID, MeteredService]: ...
    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]: ...
    async def add_slices(self, slices: Iterable[UsageSlice]) -> None: ...
    async def add_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None: ...
    async def rolled_until(self) -> datetime | None: ...
    async def add_days(self, rows: Sequence[tuple[UUID, date, int, int, int]]) -> None: ...
    async def add_nas_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None: ...
    async def add_nas_days(self, rows: Sequence[tuple[UUID, date, int, int]]) -> None: ...
    async def add_periods(self, rows: Sequence[tuple[UUID, date, date, int, int]]) -> list[PeriodTotals]: ...
    async def add_charge(self, service_id: UUID, start_on: date, hour_at: datetime, amount_minor: int) -> None: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Work(Protocol):
    @property
    def usage(self) -> Usage: ...
    @property
    def ledger(self) -> Ledger: ...


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose usage it is: services by id as a number, and the plans they have, by theirs."""

    services: Mapping[int, MeteredService]
    plans: Collection[int]


class BookUsage:
    """Writes usage within the transaction of who has metered it, so that both happen or neither."""

    def __init__(self, timezone: str, remembered: "RememberedServices | None" = None) -> None:
        """Take the zone of usage that is nobody's and of booking dates, and what is remembered of services."""
        self._timezone = timezone
        self._plans: dict[int, Plan] = {}  # by the id of their version as a number
        self._edges: dict[int, tuple[int, ...]] = {}
        self._remembered = remembered

    async def handle(
        self, work: Work, moved: Sequence[Moved], now: datetime
    ) -> tuple[list[PeriodTotals], frozenset[UUID]]:
        """Write slices, their roll-ups, and what the wallet is charged for it.

        Returns:
            what the billing periods concerned hold now, and whose wallet was charged.
        """
        owners = await self.owners(work, moved)
        return await self.write(work, owners, await self.cut(moved, owners), now)

    async def owners(self, work: Work, moved: Sequence[Moved]) -> Owners:
        """Return whose usage it is; the database is asked for what is not remembered."""
        metered = await self._metered(work, moved)
        return Owners(metered, await self._learn_plans(work, metered.values()))

    async def cut(self, moved: Sequence[Moved], owners: Owners) -> RollUp:
        """Return the slices of what was metered, and their sums; nothing is asked of the database."""
        metered = owners.services
        edges = {number: edges for number in owners.plans if (edges := self._edges[number])}
        roll_up = RollUp()
        take, timezone = roll_up.take, self._timezone
        for start in range(0, len(moved), _PARTS_A_TURN):
            await asyncio.sleep(0)
            for one in moved[start : start + _PARTS_A_TURN]:
                service_id, session_id, meter_id, source, from_at, to_at, upload_octets, download_octets, nas_id = one
                service = None if service_id is None else metered.get(service_id.int)
                take(
                    service,
                    nas_id,
                    timezone if service is None else service.timezone,
                    service_id,
                    session_id,
                    meter_id,
                    source,
                    from_at,
                    to_at,
                    upload_octets,
                    download_octets,
                    () if service is None or not edges else edges.get(service.plan_version_id.int, ()),
                )
        return roll_up

    async def write(
        self, work: Work, owners: Owners, roll_up: RollUp, now: datetime
    ) -> tuple[list[PeriodTotals], frozenset[UUID]]:
        """Write what `cut` has made; return what `handle` does."""
        metered, in_use, slices = owners.services, owners.plans, roll_up.slices
        if not slices:
            return [], frozenset()
        rolled_until = await work.usage.rolled_until()
        await work.usage.add_slices(slices)
        hours = roll_up.hour_rows()
        await work.usage.add_hours(hours)
        await asyncio.sleep(0)
        periods = await work.usage.add_periods(roll_up.period_rows())
        nas_hours = roll_up.nas_hour_rows()
        await work.usage.add_nas_hours(nas_hours)
        if rolled_until is not None:
            await self._add_late(work, metered, hours, nas_hours, rolled_until)
        return periods, await self._charge(work, metered, roll_up, periods, now, rolled_until, in_use)

    async def _metered(self, work: Work, moved: Iterable[Moved]) -> dict[int, MeteredService]:
        """Return whose usage it is, by id as a number."""
        wanted = {one.service_id.int: one.service_id for one in moved if one.service_id is not None}
        known = self._remembered
        if known is None:
            found = await work.usage.metered_services(list(wanted.values()))
            return {service_id.int: service for service_id, service in found.items()}
        metered = {number: service for number in wanted if (service := known.get(number)) is not None}
        unknown = [service_id for number, service_id in wanted.items() if number not in metered]
        if unknown:
            state = known.state
            found = await work.usage.metered_services(unknown)
            known.put(found.values(), state)
            metered |= {service_id.int: service for service_id, service in found.items()}
        return metered

    async def _add_late(
        self,
        work: Work,
        metered: Mapping[int, MeteredService],
        hours: Iterable[tuple[UUID, datetime, int, int]],
        nas_hours: Iterable[tuple[UUID, datetime, int, int]],
        rolled_until: datetime,
    ) -> None:
        """Add what belongs to hours that were rolled up before: their days have them already, and not this."""
        days: Counter[tuple[UUID, date, int]] = Counter()
        for service_id, hour_at, upload_octets, download_octets in hours:
            if hour_at < rolled_until:
                on = local_date(hour_at, metered[service_id.int].timezone)
                days[service_id, on, 0] += upload_octets
                days[service_id, on, 1] += download_octets
        keys = sorted({(service_id, on) for service_id, on, _ in days}, key=_place)
        await work.usage.add_days([(*key, days[*key, 0], days[*key, 1], 0) for key in keys])
        nas_days: Counter[tuple[UUID, date, int]] = Counter()
        for nas_id, hour_at, upload_octets, download_octets in nas_hours:
            if hour_at < rolled_until:
                on = local_date(hour_at, self._timezone)
                nas_days[nas_id, on, 0] += upload_octets
                nas_days[nas_id, on, 1] += download_octets
        keys = sorted({(nas_id, on) for nas_id, on, _ in nas_days}, key=_place)
        await work.usage.add_nas_days([(*key, nas_days[*key, 0], nas_days[*key, 1]) for key in keys])

    async def _charge(
        self,
        work: Work,
        metered: Mapping[int, MeteredService],
        roll_up: RollUp,
        periods: Iterable[PeriodTotals],
        now: datetime,
        rolled_until: datetime | None,
        in_use: Collection[int],
    ) -> frozenset[UUID]:
        """Charge prepaid pay-per-use services for their whole period so far, less what was charged already."""
        if not any(_is_charged(self._plans[number]) for number in in_use):
            return frozenset()
        charged: set[UUID] = set()
        entries = []
        last_hours = roll_up.last_hours()
        for period in periods:
            service = metered[period.service_id.int]
            plan = self._plans[service.plan_version_id.int]
            if not _is_charged(plan):
                continue
            total_octets = plan.counted_octets(period.upload_octets, period.download_octets)
            amount_minor = plain_total_minor(plan, total_octets, 0) - period.charged_minor
            if amount_minor <= 0:
                continue
            hour_at = last_hours[period.service_id, period.start_on]
            await work.usage.add_charge(period.service_id, period.start_on, hour_at, amount_minor)
            if rolled_until is not None and hour_at < rolled_until:
                on = local_date(hour_at, service.timezone)
                await work.usage.add_days([(period.service_id, on, 0, 0, amount_minor)])
            payer = Payer(service.subscriber_id, service.subscriber_number, service.currency)
            memo = f"Usage in the period from {period.start_on}"
            entries.append(usage_charged(payer, period.service_id, amount_minor, memo))
            charged.add(period.service_id)
        if entries:
            await work.ledger.post_many(entries, at=now, booked_on=local_date(now, self._timezone), actor=METER)
        return frozenset(charged)

    async def _learn_plans(self, work: Work, services: Iterable[MeteredService]) -> Collection[int]:
        """Learn the plans of these services; return their versions' ids as numbers."""
        in_use = {service.plan_version_id.int: service.plan_version_id for service in services}
        unknown = [plan_version_id for number, plan_version_id in in_use.items() if number not in self._plans]
        if unknown:
            if len(self._plans) > _MAX_PLANS:
                self._plans, self._edges = {}, {}
                unknown = list(in_use.values())
            for plan_version_id, definition in (await work.usage.plan_definitions(unknown)).items():
                plan = plan_from_definition(definition)
                self._plans[plan_version_id.int] = plan
                self._edges[plan_version_id.int] = inner_edges(plan.hours)
        return in_use.keys()


def _place(key: tuple[UUID, date]) -> tuple[int, date]:
    """Return a row's place in the one order for everyone who locks such rows."""
    return key[0].int, key[1]


def _is_charged(plan: Plan) -> bool:
    return plan.charging is Charging.PER_USE and plan.timing is Timing.PREPAID


class RememberedServices:
    """What the meter needs to know of services, from one batch to the next; changes of services are told to `forget`.

    At most `most` of them. What is read while something is forgotten is not kept: it may be from before.
    """

    def __init__(self, most: int = _MAX_SERVICES) -> None:
        self.state = 0  # how often something was forgotten
        self._most = most
        self._services: dict[int, MeteredService] = {}

    def get(self, number: int) -> MeteredService | None:
        """Return the service whose id is that number, None where it must be read."""
        return self._services.get(number)

    def put(self, services: Iterable[MeteredService], state: int) -> None:
        """Keep what was read since `state`."""
        if state != self.state:
            return
        for service in services:
            if len(self._services) >= self._most:
                self._services.clear()
            self._services[service.service_id.int] = service

    def forget(self, service_ids: Iterable[UUID] | None = None) -> None:
        """Have services read again: these, or all of them."""
        self.state += 1
        if service_ids is None:
            self._services.clear()
            return
        for service_id in service_ids:
            self._services.pop(service_id.int, None)
