"""BookUsage: what was metered becomes slices, roll-ups and wallet charges, whatever metered it."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.roll_up import RollUp
from netbilld.accounting.usage import MeteredService, PeriodTotals, UsageSlice
from netbilld.billing.chart import Payer
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.rating.windows import plan_edges
from netbilld.model.periods import local_date
from netbilld.services import charge_wallets, live_rating
from netbilld.services.charge_wallets import PLAIN, WalletCharge, WalletRules
from netbilld.services.live_rating import RememberedPeriods, is_live, rate_live

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


class Usage(charge_wallets.Usage, Protocol):
    async def metered_services(self, service_ids: Collection[UUID]) -> dict[UUID, MeteredService]: ...
    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]: ...
    async def add_slices(self, slices: Iterable[UsageSlice]) -> None: ...
    async def add_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None: ...
    async def rolled_until(self) -> datetime | None: ...
    async def add_days(self, rows: Sequence[tuple[UUID, date, int, int, int]]) -> None: ...
    async def add_nas_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None: ...
    async def add_nas_days(self, rows: Sequence[tuple[UUID, date, int, int]]) -> None: ...
    async def add_periods(self, rows: Sequence[tuple[UUID, date, date, int, int]]) -> list[PeriodTotals]: ...


class Work(live_rating.Work, charge_wallets.Work, Protocol):
    @property
    def usage(self) -> Usage: ...


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose usage it is: services by id as a number, and the plans they have, by theirs."""

    services: Mapping[int, MeteredService]
    plans: Collection[int]


class Booked(NamedTuple):
    """What came of usage that was booked.

    Attributes:
        periods: what the billing periods concerned hold now.
        wallets: services whose wallet was charged, and what is in it now.
        crossed: services whose access may be another one, since a share of an allowance was passed or a wallet emptied.
    """

    periods: Sequence[PeriodTotals] = ()
    wallets: Mapping[UUID, int] = MappingProxyType({})
    crossed: frozenset[UUID] = frozenset()


NOTHING_BOOKED: Final = Booked()


class BookUsage:
    """Writes usage within the transaction of who has metered it, so that both happen or neither."""

    def __init__(
        self, timezone: str, remembered: "RememberedServices | None" = None, *, wallets: WalletRules = PLAIN
    ) -> None:
        """Take the zone of usage that is nobody's and of booking dates, what is remembered, and how wallets pay."""
        self._timezone, self._wallets = timezone, wallets
        self._plans: dict[int, Plan] = {}  # by the id of their version as a number
        self._edges: dict[int, tuple[int, ...]] = {}
        self._remembered = remembered

    async def handle(self, work: Work, moved: Sequence[Moved], now: datetime) -> Booked:
        """Write slices, their roll-ups, and what the wallet is charged for it."""
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

    async def write(self, work: Work, owners: Owners, roll_up: RollUp, now: datetime) -> Booked:
        """Write what `cut` has made."""
        metered, slices = owners.services, roll_up.slices
        if not slices:
            return NOTHING_BOOKED
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
        live_plans = {number for number in owners.plans if is_live(self._plans[number])}
        if not live_plans:
            return Booked(periods)
        live = [one for one in periods if metered[one.service_id.int].plan_version_id.int in live_plans]
        known = None if self._remembered is None else self._remembered.periods
        rated = await rate_live(work, live, roll_up, known, now)
        wallets = await self._charge(work, metered, roll_up, rated.amounts, now, rolled_until)
        if rated.counted:
            counted = rated.counted
            periods = [
                one
                if (octets := counted.get((one.service_id, one.start_on))) is None
                else one._replace(counted_octets=octets)
                for one in periods
            ]
        return Booked(periods, wallets, rated.crossed)

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
        amounts: Sequence[tuple[PeriodTotals, int]],
        now: datetime,
        rolled_until: datetime | None,
    ) -> Mapping[UUID, int]:
        """Charge wallets; return what is in them now, by service."""
        if not amounts:
            return {}
        charges = []
        days: Counter[tuple[UUID, date]] = Counter()
        last_hours = roll_up.last_hours()
        for period, amount_minor in amounts:
            service = metered[period.service_id.int]
            hour_at = last_hours[period.service_id, period.start_on]
            if rolled_until is not None and hour_at < rolled_until:
                days[period.service_id, local_date(hour_at, service.timezone)] += amount_minor
            charges.append(
                WalletCharge(
                    Payer(service.subscriber_id, service.subscriber_number, service.currency),
                    period.service_id,
                    period.start_on,
                    hour_at,
                    period.charged_minor,
                    amount_minor,
                    self._plans[service.plan_version_id.int].tax,
                    f"Usage in the period from {period.start_on}",
                )
            )
        if days:
            await work.usage.add_days([(*key, 0, 0, days[key]) for key in sorted(days, key=_place)])
        await asyncio.sleep(0)
        today = local_date(now, self._timezone)
        return await charge_wallets.charge_wallets(work, charges, self._wallets, now=now, today=today)

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
                self._edges[plan_version_id.int] = plan_edges(plan)
        return in_use.keys()


def _place(key: tuple[UUID, date]) -> tuple[int, date]:
    """Return a row's place in the one order for everyone who locks such rows."""
    return key[0].int, key[1]


class RememberedServices:
    """What the meter needs to know of services, from one batch to the next; changes of services are told to `forget`.

    At most `most` of them. What is read while something is forgotten is not kept: it may be from before.
    """

    def __init__(self, most: int = _MAX_SERVICES) -> None:
        self.state = 0  # how often something was forgotten
        self.periods = RememberedPeriods()
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
        service_ids = None if service_ids is None else list(service_ids)
        self.periods.forget(service_ids)
        if service_ids is None:
            self._services.clear()
            return
        for service_id in service_ids:
            self._services.pop(service_id.int, None)
