"""Complaints: the states one goes through, and what is too late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from netbilld.model.errors import RefusedError


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"


_NEW, _ASSIGNED, _WORKING, _RESOLVED, _CLOSED, _REOPENED = ComplaintState

# assigned → assigned hands it to somebody else; an open one may be resolved at any time, as the end of an outage does
NEXT: Final[Mapping[ComplaintState, frozenset[ComplaintState]]] = MappingProxyType(
    {
        _NEW: frozenset({_ASSIGNED, _RESOLVED}),
        _ASSIGNED: frozenset({_ASSIGNED, _WORKING, _RESOLVED}),
        _WORKING: frozenset({_ASSIGNED, _RESOLVED}),
        _RESOLVED: frozenset({_CLOSED, _REOPENED}),
        _CLOSED: frozenset({_REOPENED}),
        _REOPENED: frozenset({_ASSIGNED, _RESOLVED}),
    }
)
OPEN: Final = frozenset({_NEW, _ASSIGNED, _WORKING, _REOPENED})  # somebody has something to do


def check_step(number: str, before: ComplaintState, after: ComplaintState) -> None:
    """Refuse a step that the table does not have.

    Raises:
        RefusedError: a complaint in the one state does not become the other.
    """
    if after not in NEXT[before]:
        allowed = ", ".join(sorted(state.value for state in NEXT[before]))
        raise RefusedError(
            f"complaint {number} is {before.value} and can't become {after.value}",
            hint=f"next is {allowed}",
            code="complaint_step",
            values={"number": number, "before": before.value, "after": after.value},
        )


@dataclass(frozen=True, slots=True)
class Targets:
    """How soon a category is to be answered and resolved, around the clock."""

    first_response_minutes: int
    resolution_minutes: int

    def respond_by(self, opened_at: datetime) -> datetime:
        """Return when somebody must have taken it in hand."""
        return opened_at + timedelta(minutes=self.first_response_minutes)

    def resolve_by(self, opened_at: datetime) -> datetime:
        """Return when it must be resolved."""
        return opened_at + timedelta(minutes=self.resolution_minutes)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What one complaint was promised, and what has come of it.

    Attributes:
        respond_by, resolve_by: until when.
        responded_at: when somebody first took it in hand: assigned it, answered it or resolved it.
        resolved_at: when it was resolved, the last time; None while it is open.
    """

    respond_by: datetime
    resolve_by: datetime
    responded_at: datetime | None
    resolved_at: datetime | None

    def late(self, now: datetime) -> str | None:
        """Return `resolution` or `response` where that is overdue by now; None where nothing is, or all is done.

        A moment that is just the target is in time.
        """
        if self.resolved_at is not None:
            return None
        if now > self.resolve_by:
            return "resolution"
        return "response" if self.responded_at is None and now > self.respond_by else None


@dataclass(frozen=True, slots=True)
class Category:
    """What a complaint may be about.

    Attributes:
        name, name_en: as subscribers read it.
        about_line: an outage of the area or the NAS explains it.
        active: may be chosen.
    """

    code: str
    name: str
    name_en: str
    first_response_minutes: int
    resolution_minutes: int
    about_line: bool
    position: int
    active: bool

    @property
    def targets(self) -> Targets:
        return Targets(self.first_response_minutes, self.resolution_minutes)

    def called(self, locale: str) -> str:
        """Return its name in a language."""
        return self.name_en if locale == "en" else self.name


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as it is kept; `version` grows with every step, so that a form knows whether it is stale."""

    id: UUID
    number: str
    subscriber_id: UUID
    service_id: UUID | None
    category: str
    text: str
    via: str
    area: str | None
    state: ComplaintState
    state_since_at: datetime
    version: int
    assignee_id: UUID | None
    outage_id: UUID | None
    opened_at: datetime
    opened_by: str
    respond_by: datetime
    resolve_by: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    closed_at: datetime | None
    reopened: int

    @property
    def deadlines(self) -> Deadlines:
        return Deadlines(self.respond_by, self.resolve_by, self.responded_at, self.resolved_at)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def may_reopen(state: ComplaintState, resolved_at: datetime | None, days: int, now: datetime) -> bool:
    """Tell whether a subscriber may say that it is not over after all: for that many days after it was resolved."""
    return _REOPENED in NEXT[state] and resolved_at is not None and now <= resolved_at + timedelta(days=days)
