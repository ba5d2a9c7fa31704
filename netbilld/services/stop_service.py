"""Stopping a service and letting it run again: its status, and the whole days on which it was stopped."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from netbilld.billing.terms import Stop, StopKind
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import FoundService, Service
from netbilld.ports.changes import Changes


class Stops(Protocol):
    async def add_stop(self, service_id: UUID, stop: Stop, at: datetime) -> None: ...

    async def end_stops(self, service_id: UUID, on: date) -> None: ...


class Services(Protocol):
    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None: ...


class StatusWork(Protocol):
    @property
    def services(self) -> Services: ...
    @property
    def changes(self) -> Changes: ...


class StopWork(Protocol):
    @property
    def terms(self) -> Stops: ...


async def set_status(
    work: StatusWork, found: FoundService, status: str, reason: str | None, action: str, actor: Actor, now: datetime
) -> None:
    """Let a service be active, suspended, paused or ended."""
    fields = {"status": status, "status_reason": reason, "status_since_at": now}
    if status == "ended":
        fields["ended_at"] = now
    await work.services.update(found.service.id, fields)
    details = {
        "service_ids": [str(found.service.id)],
        "username": found.credential.name,
        "status": [found.service.status, status],
        "reason": reason,
    }
    await work.changes.record(actor, now, action, "subscriber", found.subscriber.id, details)


async def begin_stop(
    work: StopWork, service: Service, kind: StopKind, reason: str | None, actor: Actor, now: datetime
) -> None:
    """Write down that a service stops now: the first whole day on which it doesn't run is tomorrow."""
    tomorrow = local_date(now, service.timezone) + timedelta(days=1)
    await work.terms.end_stops(service.id, tomorrow)
    await work.terms.add_stop(service.id, Stop(kind, tomorrow, None, reason, actor.name), now)


def ended_service(username: str) -> RefusedError:
    """Return the refusal of whatever would change a service that is over."""
    return RefusedError(
        f"the service of {username!r} was terminated",
        hint="give the subscriber a new one with `subscriber add … --of NUMBER`",
        code="terminated",
    )
