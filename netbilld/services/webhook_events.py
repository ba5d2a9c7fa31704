"""Events that programs outside are told of: made of the trail of changes and of crossings of allowances."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subscriber.added": "A subscriber or a further service was added.",
        "subscriber.changed": "A subscriber, a service or a credential was changed.",
        "subscriber.isolated": "A subscriber was walled off for arrears.",
        "subscriber.restored": "A subscriber's access came back after arrears.",
        "service.plan_changed": "A service has, or will have, another plan.",
        "service.suspended": "Staff suspended a service.",
        "service.paused": "A service was paused.",
        "service.resumed": "A service runs again.",
        "service.terminated": "A service ended for good.",
        "service.renewed": "A prepaid service was renewed from the wallet.",
        "invoice.issued": "An invoice got its number.",
        "invoice.credited": "A credit note was issued for an invoice.",
        "invoice.written_off": "What was owed on an invoice was given up.",
        "payment.received": "Money came in.",
        "payment.reversed": "A payment was taken back.",
        "complaint.filed": "A complaint was taken in.",
        "complaint.assigned": "A complaint was given to a member of the staff.",
        "complaint.resolved": "Somebody says that it works again.",
        "complaint.closed": "A complaint is over.",
        "complaint.reopened": "A complaint is not over after all.",
        "quota.crossed": "A service has used up its allowance.",
    }
)
_OF_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subscriber.add": "subscriber.added",
        "subscriber.set": "subscriber.changed",
        "dunning.isolir": "subscriber.isolated",
        "dunning.restored": "subscriber.restored",
        "service.plan": "service.plan_changed",
        "subscriber.suspend": "service.suspended",
        "subscriber.pause": "service.paused",
        "subscriber.resume": "service.resumed",
        "subscriber.terminate": "service.terminated",
        "service.renew": "service.renewed",
        "invoice.issue": "invoice.issued",
        "invoice.credit": "invoice.credited",
        "invoice.write_off": "invoice.written_off",
        "complaint.file": "complaint.filed",
        "complaint.assigned": "complaint.assigned",
        "complaint.resolved": "complaint.resolved",
        "complaint.closed": "complaint.closed",
        "complaint.reopened": "complaint.reopened",
        "payment.add": "payment.received",
        "payment.reverse": "payment.reversed",
    }
)


class Change(Protocol):
    """A line of the trail."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `id` is the same however often it is told."""

    id: str
    kind: str
    at: datetime
    data: Mapping[str, Any]

    def body(self, timezone: str) -> str:
        """Return what is sent: JSON, the instant with the local offset."""
        at = self.at.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")
        return json.dumps(
            {"id": self.id, "type": self.kind, "at": at, "data": dict(self.data)}, ensure_ascii=False, default=str
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of things besides what the trail says of them.

    Attributes:
        invoices: by number.
        subscribers: their numbers, by id.
    """

    invoices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    subscribers: Mapping[UUID, str] = field(default_factory=dict)


def events_of(change: Change, told: Told) -> Iterator[Event]:
    """Yield the events that a change is: none, one, or one for each invoice of a run.

    Args:
        change: of the trail; what personal data it holds stays there.
        told: what is told besides.
    """
    kind = _OF_ACTIONS.get(change.action)
    if kind is None:
        return
    if kind == "invoice.issued":
        for number in numbers_of(change):
            yield Event(f"chg-{change.id}-{number}", kind, change.at, told.invoices.get(number, {"number": number}))
        return
    data = {"actor": change.actor, **_TOLD[kind.partition(".")[0]](change)}
    if (subscriber_id := subscriber_of(change)) is not None and subscriber_id in told.subscribers:
        data["subscriber_no"] = told.subscribers[subscriber_id]
    yield Event(f"chg-{change.id}", kind, change.at, data)


def subscriber_of(change: Change) -> UUID | None:
    """Return whose thing a change is about, where the trail says it by id."""
    said = change.entity_id if change.entity == "subscriber" else change.details.get("subscriber_id")
    try:
        return UUID(str(said)) if change.action in _OF_ACTIONS and said else None
    except ValueError:
        return None


def numbers_of(change: Change) -> Sequence[str]:
    """Return the numbers of the invoices that a change has issued."""
    if change.action != "invoice.issue":
        return ()
    numbers = change.details.get("numbers") or [change.details.get("number") or change.entity_id]
    return [str(number) for number in numbers]


def _subscriber(change: Change) -> dict[str, Any]:
    told = _some(change, "username", "plan", "amount", "invoices")
    if isinstance(fields := change.details.get("fields"), Mapping):
        told["fields"] = sorted(fields)
    return {"service_ids": list(change.details.get("service_ids", ())), **told}


def _service(change: Change) -> dict[str, Any]:
    told = _some(change, "username", "reason", "status", "from", "until", "paid_until", "plan")
    if isinstance(fields := change.details.get("fields"), Mapping) and "plan" in fields:
        told["plan"] = fields["plan"]
    return {"service_ids": list(change.details.get("service_ids", ())), **told}


def _invoice(change: Change) -> dict[str, Any]:
    return {"invoice": change.entity_id, **_some(change, "number", "credits", "amount", "to_wallet", "status", "why")}


def _payment(change: Change) -> dict[str, Any]:
    told = _some(change, "amount", "method", "reference", "to_wallet", "withheld", "because", "invoices")
    return {"payment_id": change.entity_id, "subscriber_no": change.details.get("number"), **told}


def _complaint(change: Change) -> dict[str, Any]:
    return {"complaint": change.entity_id, **_some(change, "category", "via")}


_TOLD: Final[Mapping[str, Callable[[Change], dict[str, Any]]]] = MappingProxyType(
    {"subscriber": _subscriber, "service": _service, "invoice": _invoice, "payment": _payment, "complaint": _complaint}
)


def _some(change: Change, *names: str) -> dict[str, Any]:
    return {name: change.details[name] for name in names if name in change.details}


class Crossing(Protocol):
    """An allowance that was used up."""

    @property
    def id(self) -> int: ...
    @property
    def service_id(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def limit_octets(self) -> int: ...
    @property
    def over_octets(self) -> int: ...


def event_of_crossing(crossing: Crossing) -> Event:
    """Return the event that a crossing is."""
    data = {
        "service_id": str(crossing.service_id),
        "limit_octets": crossing.limit_octets,
        "used_octets": crossing.limit_octets + crossing.over_octets,
    }
    return Event(f"crs-{crossing.id}", "quota.crossed", crossing.at, data)
