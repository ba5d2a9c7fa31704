"""What pages and verbs show of complaints: lists, one in full, jobs, outages, figures; read only and bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.complaint import Category, Complaint, ComplaintState, Deadlines
from netbilld.model.outage import Outage
from netbilld.services.areas import EVERYWHERE, Areas

PAGE_LENGTH: Final = 50
FILTERS: Final = ("open", "late", "unassigned", *(state.value for state in ComplaintState), "all")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which complaints a list shows.

    Attributes:
        state: one of FILTERS.
        assignee_id: whose; None for anybody's.
        category: its code; empty for all.
        text: part of a number, or of a subscriber's name, number or phone, or of what they said.
        areas: only of subscribers there.
        area: and of these in this one and below it; empty for all.
    """

    state: str = "open"
    assignee_id: UUID | None = None
    category: str = ""
    text: str = ""
    areas: Areas = EVERYWHERE
    area: str = ""
    offset: int = 0
    most: int = PAGE_LENGTH


@dataclass(frozen=True, slots=True)
class ComplaintLine:
    """A complaint in a list."""

    number: str
    subscriber_no: str
    subscriber_name: str
    area: str | None
    category: str
    category_name: str
    category_name_en: str
    state: ComplaintState
    state_since_at: datetime
    assignee: str | None
    outage: str | None
    opened_at: datetime
    respond_by: datetime
    resolve_by: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    reopened: int

    @property
    def deadlines(self) -> Deadlines:
        return Deadlines(self.respond_by, self.resolve_by, self.responded_at, self.resolved_at)

    def late(self, now: datetime) -> str | None:
        """Return what of it is overdue; see Deadlines."""
        return self.deadlines.late(now)

    def called(self, locale: str) -> str:
        """Return what it is about in a language."""
        return self.category_name_en if locale == "en" else self.category_name


@dataclass(frozen=True, slots=True)
class ComplaintPage:
    """A page of the list, and how many there are in all."""

    lines: Sequence[ComplaintLine]
    total: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """One thing that happened, with names."""

    at: datetime
    actor: str
    by_subscriber: bool
    kind: str
    state: str | None
    assignee: str | None
    text: str | None
    public: bool


@dataclass(frozen=True, slots=True)
class PhotoLine:
    """A photo of a complaint."""

    id: UUID
    kind: str
    file: str
    width: int
    height: int
    public: bool
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What was done on the spot."""

    began_at: datetime
    done: str
    material: str
    technician: str
    signed_by: str | None
    signed_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a door is, in millionths of a degree."""

    latitude_micro: int
    longitude_micro: int

    @property
    def written(self) -> str:
        """Return it as maps write it: -6.914744,107.60981."""
        return ",".join(_degrees(part) for part in (self.latitude_micro, self.longitude_micro))


@dataclass(frozen=True, slots=True)
class SurveyLine:
    """What somebody thought of it."""

    number: str
    at: datetime
    overall: int
    speed: int
    manner: int
    solved: bool
    remark: str
    category_name: str
    category_name_en: str
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class Complainant:
    """Whose complaint it is, as far as who works on it needs to know: nothing of money."""

    id: UUID
    number: str
    name: str
    phone: str | None
    email: str | None
    address: str | None
    area: str | None


@dataclass(frozen=True, slots=True)
class ComplaintFile:
    """One complaint in full."""

    complaint: Complaint
    category: Category
    subscriber: Complainant
    username: str | None
    assignee: str | None
    assignee_email: str | None
    outage: Outage | None
    steps: Sequence[StepLine]
    photos: Sequence[PhotoLine]
    work: WorkOrder | None
    place: Place | None
    survey: SurveyLine | None

    def photos_of(self, *kinds: str) -> list[PhotoLine]:
        """Return its photos of some kinds, the oldest first."""
        return [photo for photo in self.photos if photo.kind in kinds]

    @property
    def destination(self) -> str | None:
        """Return where to drive: the place of the door, else the address as written; None where neither is known."""
        return self.place.written if self.place is not None else self.subscriber.address


@dataclass(frozen=True, slots=True)
class LineNow:
    """How a connection is doing: its newest session, its NAS, its last log-in attempt, what it is due.

    Attributes:
        sessions_today: how often it has come online in the last 24 hours; many say that it drops.
    """

    service_id: UUID
    username: str
    plan: str
    online: bool
    session_state: str | None
    framed_ip: str | None
    mac: str | None
    nas_id: UUID | None
    nas: str | None
    nas_last_heard_at: datetime | None
    started_at: datetime | None
    seen_at: datetime | None
    stopped_at: datetime | None
    terminate_cause: str | None
    upload_bps: int
    download_bps: int
    access: str | None
    reason: str | None
    sessions_today: int
    last_try_at: datetime | None
    last_try_result: str | None
    last_try_reason: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """A complaint of a technician's, with where to go and how the line is doing."""

    line: ComplaintLine
    text: str
    phone: str | None
    address: str | None
    place: Place | None
    lines: Sequence[LineNow]

    @property
    def destination(self) -> str | None:
        return self.place.written if self.place is not None else self.address


@dataclass(frozen=True, slots=True)
class Figures:
    """How many are open, by what they wait for."""

    states: Mapping[str, int]
    unassigned: int
    late: int

    @property
    def open(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class OutageLine:
    """An outage in a list."""

    outage: Outage
    nas: str | None
    subscribers: int
    complaints: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A NAS that has fallen silent and whose outage nobody has declared."""

    nas: str
    since_at: datetime
    subscribers: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What one complaint has taken; see services.complaint_report."""

    category: str
    person: str | None
    area: str | None
    opened_at: datetime
    respond_by: datetime
    resolve_by: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    reopened: int


@dataclass(frozen=True, slots=True)
class Worker:
    """A member of the staff who may be given a complaint, and how many they have."""

    email: str
    name: str
    open: int


class ComplaintViews(Protocol):
    async def lines(self, wanted: Wanted, now: datetime) -> ComplaintPage: ...

    async def file(self, number: str) -> ComplaintFile | None: ...

    async def photo(self, number: str, photo_id: UUID) -> PhotoLine | None: ...

    async def figures(self, now: datetime, areas: Areas = EVERYWHERE) -> Figures: ...

    async def by_area(self, areas: Areas = EVERYWHERE) -> Mapping[str, int]: ...

    async def areas(self) -> Sequence[str]: ...

    async def of_subscriber(self, subscriber_id: UUID, most: int = 20) -> Sequence[ComplaintLine]: ...

    async def jobs(self, staff_id: UUID, now: datetime, areas: Areas = EVERYWHERE) -> Sequence[Job]: ...

    async def lines_now(self, subscriber_id: UUID, now: datetime) -> Sequence[LineNow]: ...

    async def workers(self) -> Sequence[Worker]: ...

    async def measured(
        self, since_at: datetime, until_at: datetime, areas: Areas = EVERYWHERE
    ) -> Sequence[Measured]: ...

    async def surveys(
        self, since_at: datetime, until_at: datetime, areas: Areas = EVERYWHERE
    ) -> Sequence[SurveyLine]: ...

    async def outages(self, *, running: bool, most: int = 50) -> Sequence[OutageLine]: ...

    async def outage(self, number: str) -> OutageLine | None: ...

    async def of_outage(self, outage_id: UUID, most: int = 200) -> Sequence[ComplaintLine]: ...

    async def suspects(self) -> Sequence[Suspect]: ...

    async def owner_of(self, service_id: UUID) -> Complainant | None: ...


def _degrees(micro: int) -> str:
    whole, rest = divmod(abs(micro), 1_000_000)
    written = f"{whole}.{rest:06}".rstrip("0")
    return f"{'-' if micro < 0 else ''}{written}{'0' if written.endswith('.') else ''}"
