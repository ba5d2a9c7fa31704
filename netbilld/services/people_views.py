"""What lists and pages of people show: which of them, found by whatever somebody knows, and what is kept about one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.readmodels import SubscriberPage

ACCESS: Final = ("active", "throttled", "walled", "blocked")
STATUSES: Final = ("active", "suspended", "paused", "ended")
MONEY: Final = ("owing", "overdue")


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which services a list shows; empty text and None are no condition.

    Attributes:
        text: what somebody knows: words of a name, number, phone, address, area, name to log in with or e-mail; a MAC
            address in any writing; an IP address, also one a session has now; the number of an invoice.
        access: active, throttled, walled or blocked.
        status: of the service: active, suspended, paused or ended.
        plan: code of a plan.
        area: an area, and whatever is below it.
        is_online: whether a session is open.
        money: `owing` anything, or `overdue`.
        sees_money: numbers of invoices lead to nobody for those who may not see money.
        areas: where whoever asks may look.
    """

    text: str = ""
    access: str | None = None
    status: str | None = None
    plan: str | None = None
    area: str | None = None
    is_online: bool | None = None
    money: str | None = None
    sees_money: bool = True
    areas: Areas = EVERYWHERE

    @property
    def query(self) -> dict[str, str]:
        """Return the filter as the address of the list has it."""
        online = {True: "yes", False: "no"}.get(self.is_online) if self.is_online is not None else None
        said = {
            "q": self.text,
            "access": self.access,
            "status": self.status,
            "plan": self.plan,
            "area": self.area,
            "online": online,
            "money": self.money,
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class AreaLine:
    """An area with what is below it: people, network, money and complaints.

    Every number is how many lines the list has that it leads to; services are counted, as in the list of subscribers.
    """

    area: str | None  # empty: those who have none; None: everybody
    services: int
    access: Mapping[str, int]  # of those that are due something
    online: int
    owing_minor: int
    overdue_minor: int
    overdue: int  # services of those who are
    complaints: int  # open ones


@dataclass(frozen=True, slots=True)
class Note:
    """Something staff wrote down about a subscriber."""

    id: int
    text: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file about a subscriber, without its content."""

    id: UUID
    name: str
    kind: str
    octets: int
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A message to a subscriber, as far as it has come."""

    id: int
    kind: str
    state: str
    channel: str | None
    recipient: str | None
    said: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing of a subscriber's story.

    Attributes:
        kind: change, invoice, payment, message, note, order.
        code: what of that kind: the change's action, the invoice's kind, the payment's method.
        actor: who; empty where nobody in particular.
        details: what its line is written with; plain values.
    """

    at: datetime
    kind: str
    code: str
    actor: str
    details: Mapping[str, Any]


class PeopleViews(Protocol):
    """Everything these pages read; each answer is bounded."""

    async def lines(self, wanted: PeopleFilter, today: date, offset: int) -> SubscriberPage:
        """Return a page of services; of a search, what fits best comes first."""
        ...

    async def count(self, wanted: PeopleFilter, today: date) -> int:
        """Return how many services a list has."""
        ...

    async def exactly(self, wanted: PeopleFilter) -> Sequence[str]:
        """Return the numbers of subscribers that its text names exactly: by number, name to log in with, and so on."""
        ...

    async def service_ids(self, wanted: PeopleFilter, today: date, limit: int) -> Sequence[UUID]:
        """Return the services that a list shows, in its order."""
        ...

    async def areas(self, within: Areas = EVERYWHERE) -> Sequence[str]:
        """Return the areas that subscribers have, in order."""
        ...

    async def area_lines(self, today: date, within: Areas = EVERYWHERE) -> Sequence[AreaLine]:
        """Return people, network, money and complaints: of everybody, then of each area, the largest first."""
        ...

    async def notes(self, subscriber_id: UUID) -> Sequence[Note]: ...

    async def files(self, subscriber_id: UUID) -> Sequence[KeptFile]: ...

    async def told(self, subscriber_id: UUID, limit: int) -> Sequence[Told]: ...

    async def paper_states(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Return where paper invoices are, by number; one that is not on paper is not there."""
        ...

    async def story(
        self, subscriber_id: UUID, before: datetime | None, limit: int, *, sees_money: bool
    ) -> Sequence[Happening]:
        """Return what has happened to a subscriber, newest first, before a moment."""
        ...
