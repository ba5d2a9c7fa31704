"""Moves services to the terms whose day has come, and begins and ends pauses that were planned."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.terms import Stop
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Service
from netbilld.ports.changes import Changes
from netbilld.services import change_terms
from netbilld.services.change_terms import TermsOfService
from netbilld.services.live_rating import recount

_A_TRANSACTION: Final = 200
_STOPS: Final = 5_000  # pauses of some days that are looked at together
_A_DAY: Final = timedelta(days=1)  # no zone's local day is further from that of UTC


class WaitingStop(Protocol):
    @property
    def service_id(self) -> UUID: ...
    @property
    def stop(self) -> Stop: ...
    @property
    def timezone(self) -> str: ...
    @property
    def starts(self) -> bool: ...


class Terms(change_terms.TermsBook, Protocol):
    async def waiting_zones(self, latest: date) -> Sequence[str]: ...

    async def waiting(self, timezone: str, until_on: date, limit: int) -> Sequence[UUID]: ...

    async def mark_applied(self, service_id: UUID, from_on: date, at: datetime) -> None: ...

    async def waiting_stops(self, latest: date, limit: int) -> Sequence[WaitingStop]: ...


class Services(change_terms.Services, Protocol):
    async def by_id(self, service_id: UUID, *, lock: bool = False) -> Service | None: ...


class Work(change_terms.Work, Protocol):
    @property
    def terms(self) -> Terms: ...
    @property
    def services(self) -> Services: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ApplyTerms:
    """Run every second; safe to repeat, and to kill at any point."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, now: datetime, actor: Actor) -> int:
        """Apply what is due and return how many services it concerned."""
        return await self._apply(now, actor) + await self._follow_pauses(now, actor)

    async def _apply(self, now: datetime, actor: Actor) -> int:
        applied = 0
        async with self._store.read() as work:
            zones = await work.terms.waiting_zones(now.date() + _A_DAY)
        for zone in zones:
            today = local_date(now, zone)
            while True:
                async with self._store.read() as work:
                    due = await work.terms.waiting(zone, today, _A_TRANSACTION)
                if not due:
                    break
                async with self._store.write() as work:
                    for service_id in sorted(due):
                        await self._move(work, service_id, now, actor)
                applied += len(due)
        return applied

    async def _move(self, work: Work, service_id: UUID, now: datetime, actor: Actor) -> None:
        service = await work.services.by_id(service_id, lock=True)
        if service is None:
            return
        terms = await TermsOfService.load(work, service)
        today = terms.today(now)
        columns = terms.columns(today)
        await work.services.update(service.id, columns)
        await work.terms.mark_applied(service.id, today, now)
        await recount(work, [service.id], now)
        details = {
            "service_ids": [str(service.id)],
            "plan": terms.plan_on(today).code,
            "from": terms.on(today).from_on.isoformat(),
        }
        await work.changes.record(actor, now, "service.plan", "service", service.id, details)

    async def _follow_pauses(self, now: datetime, actor: Actor) -> int:
        async with self._store.read() as work:
            waiting = await work.terms.waiting_stops(now.date() + _A_DAY, _STOPS)
        due = []
        for one in waiting:
            today = local_date(now, one.timezone)
            ends = one.stop.until_on is not None and one.stop.until_on <= today
            if one.stop.covers(today) if one.starts else ends:
                due.append(one)
        if not due:
            return 0
        async with self._store.write() as work:
            for one in due:
                service = await work.services.by_id(one.service_id, lock=True)
                expected, status = ("active", "paused") if one.starts else ("paused", "active")
                if service is None or service.status != expected:
                    continue
                fields = {
                    "status": status,
                    "status_reason": one.stop.reason if one.starts else None,
                    "status_since_at": now,
                }
                await work.services.update(service.id, fields)
                details = {"service_ids": [str(service.id)], "status": [expected, status], "reason": one.stop.reason}
                action = "subscriber.pause" if one.starts else "subscriber.resume"
                await work.changes.record(actor, now, action, "service", service.id, details)
        return len(due)
