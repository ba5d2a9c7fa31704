"""Complaints as pages show them; each query is bounded and on an index."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, exists, func, or_, select, true

from netbilld.adapters.database.complaints import OPEN_STATES
from netbilld.adapters.database.in_areas import WhereaboutsQueries, in_areas
from netbilld.adapters.database.line_views import LineQueries
from netbilld.adapters.database.queries import escaped
from netbilld.adapters.database.tables import (
    complaint_categories,
    complaint_photos,
    complaint_steps,
    complaints,
    outages,
    services,
    staff,
    subscriber_places,
    subscribers,
    survey_answers,
    work_orders,
)
from netbilld.model.complaint import Category, Complaint, ComplaintState
from netbilld.model.outage import Outage
from netbilld.model.permissions import PERMISSIONS, Permission
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.complaint_views import (
    Complainant,
    ComplaintFile,
    ComplaintLine,
    ComplaintPage,
    Figures,
    Job,
    Measured,
    PhotoLine,
    Place,
    StepLine,
    SurveyLine,
    Wanted,
    Worker,
    WorkOrder,
)

_MOST_JOBS: Final = 30
_MOST_STEPS: Final = 300
_MOST_MEASURED: Final = 50_000
_PEOPLE_FOUND: Final = 500
_WORKERS: Final = tuple(role.value for role, rights in PERMISSIONS.items() if Permission.EDIT_COMPLAINTS in rights)


class ComplaintViewStore(LineQueries):
    """Read-only queries of one transaction."""

    async def lines(self, wanted: Wanted, now: datetime) -> ComplaintPage:
        """Return a page of complaints: open ones by when they must be done, others the newest first."""
        condition = and_(*(await self._conditions(wanted, now)))
        total = await self._number(select(func.count()).select_from(complaints).where(condition))
        is_open = wanted.state in {"open", "late", "unassigned", *OPEN_STATES}
        order = (complaints.c.resolve_by, complaints.c.number) if is_open else (complaints.c.opened_at.desc(),)
        query = _lines().where(condition).order_by(*order).limit(wanted.most).offset(wanted.offset)
        return ComplaintPage([_line(row) for row in await self._rows(query)], total)

    async def _conditions(self, wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        match wanted.state:
            case "all":
                pass
            case "open":
                conditions.append(complaints.c.state.in_(OPEN_STATES))
            case "late":
                conditions.append(_is_late(now))
            case "unassigned":
                conditions += [complaints.c.state.in_(OPEN_STATES), complaints.c.assignee_id.is_(None)]
            case state:
                conditions.append(complaints.c.state == state)
        if wanted.assignee_id is not None:
            conditions.append(complaints.c.assignee_id == wanted.assignee_id)
        if wanted.category:
            conditions.append(complaints.c.category == wanted.category)
        if wanted.text.strip():
            conditions.append(await self._says(wanted.text.strip()))
        conditions.append(_of_areas(wanted.areas))
        if wanted.area:
            conditions.append(_of_areas(await WhereaboutsQueries(self._connection).areas([wanted.area])))
        return conditions

    async def _says(self, text: str) -> ColumnElement[bool]:
        needle = f"%{escaped(text.lower())}%"
        people = (
            select(subscribers.c.id)
            .where(
                or_(
                    subscribers.c.number == text,
                    func.lower(subscribers.c.name).like(needle, escape="\\"),
                    subscribers.c.phone.like(f"%{escaped(text.removeprefix('0'))}%", escape="\\")
                    if len(text) > 4 and text.isdigit()
                    else subscribers.c.number == text,
                )
            )
            .limit(_PEOPLE_FOUND)
        )
        return or_(
            complaints.c.number == text.upper(),
            complaints.c.subscriber_id.in_(people),
            func.lower(complaints.c.text).like(needle, escape="\\"),
        )

    async def figures(self, now: datetime, areas: Areas = EVERYWHERE) -> Figures:
        """Return how many are open, by state, and how many of them are late or nobody's."""
        condition = and_(complaints.c.state.in_(OPEN_STATES), _of_areas(areas))
        query = select(complaints.c.state, func.count()).where(condition).group_by(complaints.c.state)
        states = {state: int(count) for state, count in await self._connection.execute(query)}
        nobodys = await self._number(select(func.count()).where(condition, complaints.c.assignee_id.is_(None)))
        late = await self._number(select(func.count()).where(condition, _is_late(now)))
        return Figures(states, nobodys, late)

    async def by_area(self, areas: Areas = EVERYWHERE) -> Mapping[str, int]:
        """Return how many are open in each area, as it is written at their subscribers now; empty for no area."""
        query = (
            select(subscribers.c.area, func.count())
            .select_from(complaints)
            .join(subscribers, subscribers.c.id == complaints.c.subscriber_id)
            .where(complaints.c.state.in_(OPEN_STATES), in_areas(areas))
            .group_by(subscribers.c.area)
        )
        counts: dict[str, int] = {}
        for area, count in await self._connection.execute(query):
            counts[area or ""] = counts.get(area or "", 0) + int(count)
        return counts

    async def areas(self) -> Sequence[str]:
        """Return every area that a subscriber is in, as they are written."""
        query = (
            select(subscribers.c.area).where(subscribers.c.area.is_not(None)).distinct().order_by(subscribers.c.area)
        )
        return list((await self._connection.scalars(query)).all())

    async def of_subscriber(self, subscriber_id: UUID, most: int = 20) -> Sequence[ComplaintLine]:
        """Return a subscriber's complaints, the newest first."""
        query = (
            _lines()
            .where(complaints.c.subscriber_id == subscriber_id)
            .order_by(complaints.c.opened_at.desc(), complaints.c.number.desc())
            .limit(most)
        )
        return [_line(row) for row in await self._rows(query)]

    async def of_outage(self, outage_id: UUID, most: int = 200) -> Sequence[ComplaintLine]:
        """Return the complaints that an outage explains."""
        query = _lines().where(complaints.c.outage_id == outage_id).order_by(complaints.c.number).limit(most)
        return [_line(row) for row in await self._rows(query)]

    # -- one ---------------------------------------------------------------------------------------------------------

    async def file(self, number: str) -> ComplaintFile | None:
        """Return one in full."""
        row = await self._row(select(complaints).where(complaints.c.number == number))
        if row is None:
            return None
        complaint = Complaint(**{**row, "state": ComplaintState(row["state"])})
        category = await self._row(
            select(complaint_categories).where(complaint_categories.c.code == complaint.category)
        )
        person = await self._complainant(subscribers.c.id == complaint.subscriber_id)
        if category is None or person is None:
            return None
        assignee = (
            await self._row(select(staff.c.name, staff.c.email).where(staff.c.id == complaint.assignee_id))
            if complaint.assignee_id is not None
            else None
        )
        outage = (
            await self._row(select(outages).where(outages.c.id == complaint.outage_id))
            if complaint.outage_id is not None
            else None
        )
        usernames = await self.usernames([complaint.service_id] if complaint.service_id is not None else [])
        work = await self._row(select(work_orders).where(work_orders.c.complaint_id == complaint.id))
        return ComplaintFile(
            complaint=complaint,
            category=Category(**category),
            subscriber=person,
            username=usernames.get(complaint.service_id) if complaint.service_id is not None else None,
            assignee=assignee["name"] if assignee else None,
            assignee_email=assignee["email"] if assignee else None,
            outage=Outage(**outage) if outage else None,
            steps=await self._steps(complaint.id),
            photos=await self._photos(complaint_photos.c.complaint_id == complaint.id),
            work=WorkOrder(**{name: value for name, value in work.items() if name != "complaint_id"}) if work else None,
            place=(await self._places([person.id])).get(person.id),
            survey=next(iter(await self._surveys(survey_answers.c.complaint_id == complaint.id)), None),
        )

    async def _steps(self, complaint_id: UUID) -> list[StepLine]:
        table = complaint_steps.c
        query = (
            select(
                table.at,
                table.actor,
                table.by_subscriber,
                table.kind,
                table.state,
                staff.c.name.label("assignee"),
                table.text,
                table.public,
            )
            .outerjoin(staff, staff.c.id == table.assignee_id)
            .where(table.complaint_id == complaint_id)
            .order_by(table.id)
            .limit(_MOST_STEPS)
        )
        return [StepLine(**row) for row in await self._rows(query)]

    async def _photos(self, *conditions: ColumnElement[bool]) -> list[PhotoLine]:
        table = complaint_photos.c
        query = (
            select(table.id, table.kind, table.file, table.width, table.height, table.public, table.at, table.actor)
            .where(*conditions)
            .order_by(table.at, table.id)
        )
        return [PhotoLine(**row) for row in await self._rows(query)]

    async def photo(self, number: str, photo_id: UUID) -> PhotoLine | None:
        """Return a photo of a complaint."""
        of_it = exists().where(complaints.c.id == complaint_photos.c.complaint_id, complaints.c.number == number)
        return next(iter(await self._photos(complaint_photos.c.id == photo_id, of_it)), None)

    async def owner_of(self, service_id: UUID) -> Complainant | None:
        """Return whose a service is."""
        whose = select(services.c.subscriber_id).where(services.c.id == service_id).scalar_subquery()
        return await self._complainant(subscribers.c.id == whose)

    async def _complainant(self, condition: ColumnElement[bool]) -> Complainant | None:
        table = subscribers.c
        row = await self._row(
            select(table.id, table.number, table.name, table.phone, table.email, table.address, table.area).where(
                condition
            )
        )
        return Complainant(**row) if row else None

    async def _places(self, subscriber_ids: Sequence[UUID]) -> dict[UUID, Place]:
        query = select(subscriber_places).where(subscriber_places.c.subscriber_id.in_(subscriber_ids))
        return {
            row["subscriber_id"]: Place(row["latitude_micro"], row["longitude_micro"])
            for row in await self._rows(query)
        }

    # -- who works on them -------------------------------------------------------------------------------------------

    async def jobs(self, staff_id: UUID, now: datetime, areas: Areas = EVERYWHERE) -> Sequence[Job]:
        """Return what somebody has to do, the most urgent first, with how each line is doing."""
        query = (
            _lines()
            .add_columns(subscribers.c.phone, subscribers.c.address, complaints.c.text, complaints.c.subscriber_id)
            .where(complaints.c.assignee_id == staff_id, complaints.c.state.in_(OPEN_STATES), in_areas(areas))
            .order_by(complaints.c.resolve_by, complaints.c.number)
            .limit(_MOST_JOBS)
        )
        rows = await self._rows(query)
        places = await self._places([row["subscriber_id"] for row in rows])
        return [
            Job(
                _line(row),
                row["text"],
                row["phone"],
                row["address"],
                places.get(row["subscriber_id"]),
                await self.lines_now(row["subscriber_id"], now),
            )
            for row in rows
        ]

    async def workers(self) -> Sequence[Worker]:
        """Return who may be given a complaint, by name."""
        having = (
            select(complaints.c.assignee_id, func.count().label("open"))
            .where(complaints.c.state.in_(OPEN_STATES))
            .group_by(complaints.c.assignee_id)
            .subquery()
        )
        query = (
            select(staff.c.email, staff.c.name, func.coalesce(having.c.open, 0).label("open"))
            .outerjoin(having, having.c.assignee_id == staff.c.id)
            .where(staff.c.active, staff.c.role.in_(_WORKERS))
            .order_by(staff.c.name, staff.c.email)
        )
        return [Worker(row["email"], row["name"], int(row["open"])) for row in await self._rows(query)]

    # -- figures -----------------------------------------------------------------------------------------------------

    async def measured(self, since_at: datetime, until_at: datetime, areas: Areas = EVERYWHERE) -> Sequence[Measured]:
        """Return what each complaint made in a time has taken; `person` is who resolved it, else who has it."""
        table = complaints.c
        query = (
            select(
                table.category,
                func.coalesce(table.resolved_by, staff.c.email).label("person"),
                table.area,
                table.opened_at,
                table.respond_by,
                table.resolve_by,
                table.responded_at,
                table.resolved_at,
                table.reopened,
            )
            .outerjoin(staff, staff.c.id == table.assignee_id)
            .where(table.opened_at >= since_at, table.opened_at < until_at, _of_areas(areas))
            .order_by(table.opened_at)
            .limit(_MOST_MEASURED)
        )
        return [Measured(**row) for row in await self._rows(query)]

    async def surveys(self, since_at: datetime, until_at: datetime, areas: Areas = EVERYWHERE) -> Sequence[SurveyLine]:
        """Return what was answered in a time, the newest first."""
        return await self._surveys(survey_answers.c.at >= since_at, survey_answers.c.at < until_at, _of_areas(areas))

    async def _surveys(self, *conditions: ColumnElement[bool]) -> list[SurveyLine]:
        table = survey_answers.c
        query = (
            select(
                complaints.c.number,
                table.at,
                table.overall,
                table.speed,
                table.manner,
                table.solved,
                table.remark,
                complaint_categories.c.name.label("category_name"),
                complaint_categories.c.name_en.label("category_name_en"),
                complaints.c.resolved_by,
            )
            .join(complaints, complaints.c.id == table.complaint_id)
            .join(complaint_categories, complaint_categories.c.code == complaints.c.category)
            .where(*conditions)
            .order_by(table.at.desc())
            .limit(_MOST_MEASURED)
        )
        return [SurveyLine(**row) for row in await self._rows(query)]


def _of_areas(areas: Areas) -> ColumnElement[bool]:
    """Return the condition that a complaint's subscriber is in these areas."""
    if not areas.is_limited:
        return true()
    return complaints.c.subscriber_id.in_(select(subscribers.c.id).where(in_areas(areas)))


def _is_late(now: datetime) -> ColumnElement[bool]:
    return and_(
        complaints.c.state.in_(OPEN_STATES),
        or_(
            complaints.c.resolve_by < now,
            and_(complaints.c.responded_at.is_(None), complaints.c.respond_by < now),
        ),
    )


def _lines() -> Select[Any]:
    table = complaints.c
    return (
        select(
            table.number,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name.label("subscriber_name"),
            subscribers.c.area,
            table.category,
            complaint_categories.c.name.label("category_name"),
            complaint_categories.c.name_en.label("category_name_en"),
            table.state,
            table.state_since_at,
            staff.c.name.label("assignee"),
            outages.c.number.label("outage"),
            table.opened_at,
            table.respond_by,
            table.resolve_by,
            table.responded_at,
            table.resolved_at,
            table.closed_at,
            table.reopened,
        )
        .select_from(complaints)
        .join(subscribers, subscribers.c.id == table.subscriber_id)
        .join(complaint_categories, complaint_categories.c.code == table.category)
        .outerjoin(staff, staff.c.id == table.assignee_id)
        .outerjoin(outages, outages.c.id == table.outage_id)
    )


def _line(row: RowMapping) -> ComplaintLine:
    values = {name: row[name] for name in ComplaintLine.__dataclass_fields__}
    return ComplaintLine(**{**values, "state": ComplaintState(row["state"])})
