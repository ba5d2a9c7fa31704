"""The list of subscribers' services: filtered, ranked, paged; and the same people by area."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, text

from netbilld.adapters.database.among import among
from netbilld.adapters.database.complaints import OPEN_STATES
from netbilld.adapters.database.in_areas import WhereaboutsQueries, in_areas
from netbilld.adapters.database.people_search import exact_queries, matching, rank
from netbilld.adapters.database.queries import ONLINE_STATES, Queries, first_username, is_online
from netbilld.adapters.database.tables import (
    UNPAID,
    complaints,
    credentials,
    desired,
    invoices,
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
)
from netbilld.billing.prices import area_parts
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.people_views import AreaLine, PeopleFilter
from netbilld.services.readmodels import PAGE_LENGTH, SubscriberLine, SubscriberPage

MOST_AREAS: Final = 500
_OWED: Final = invoices.c.total_minor - invoices.c.paid_minor
# said as the index of unpaid invoices says it, so that SQLite sees that the index will do
_IS_UNPAID: Final = text(f"invoices.{UNPAID}")


class PeopleListQueries(Queries):
    """Reads of one transaction; a list is of services, since a subscriber may have several."""

    async def lines(self, wanted: PeopleFilter, today: date, offset: int) -> SubscriberPage:
        """Return a page of services; of a search, what fits best comes first, else by number."""
        source, condition = await self._listed(wanted, today)
        order = _order(wanted)
        # the page is picked by its keys alone: what is shown is looked up for fifty rows, not for all
        counted = func.count().over().label("total")  # in one go with the page: a search looks at everybody once
        picked = select(services.c.id, counted).select_from(source).where(condition).order_by(*order)
        page = await self._rows(picked.limit(PAGE_LENGTH).offset(offset))
        if not page:
            return SubscriberPage([], await self.count(wanted, today) if offset else 0)
        owed = (
            select(func.coalesce(func.sum(_OWED), 0))
            .where(invoices.c.subscriber_id == subscribers.c.id, _IS_UNPAID)
            .scalar_subquery()
        )
        shown = (
            subscribers.join(services, services.c.subscriber_id == subscribers.c.id)
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
            .outerjoin(desired, desired.c.service_id == services.c.id)
        )
        query = (
            select(
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                first_username(services.c.id).label("username"),
                subscribers.c.phone,
                subscribers.c.area,
                plans.c.code.label("plan"),
                services.c.status,
                desired.c.access,
                desired.c.reason,
                is_online().label("online"),
                owed.label("outstanding_minor"),
            )
            .select_from(shown)
            .where(services.c.id.in_([row["id"] for row in page]))
            .order_by(*order)
        )
        lines = [
            SubscriberLine(
                **{**row, "username": row["username"] or "", "outstanding_minor": int(row["outstanding_minor"])}
            )
            for row in await self._rows(query)
        ]
        return SubscriberPage(lines, int(page[0]["total"]))

    async def count(self, wanted: PeopleFilter, today: date) -> int:
        """Return how many services a list has."""
        source, condition = await self._listed(wanted, today)
        return await self._number(select(func.count()).select_from(source).where(condition))

    async def exactly(self, wanted: PeopleFilter) -> Sequence[str]:
        """Return the numbers of subscribers that its text names exactly; of a device or telephone two at most."""
        found: dict[str, None] = {}
        for query in exact_queries(wanted.text, sees_money=wanted.sees_money):
            found |= dict.fromkeys((await self._connection.scalars(query.where(in_areas(wanted.areas)))).all())
        return list(found)

    async def service_ids(self, wanted: PeopleFilter, today: date, limit: int) -> Sequence[UUID]:
        """Return the services that a list shows, in its order."""
        source, condition = await self._listed(wanted, today)
        query = select(services.c.id).select_from(source).where(condition).order_by(*_order(wanted)).limit(limit)
        return (await self._connection.scalars(query)).all()

    async def exported(self, service_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return each service that has not ended, by the columns of an export."""
        beside = (
            select(credentials.c.name)
            .where(credentials.c.service_id == services.c.id, credentials.c.kind == "mac")
            .order_by(credentials.c.created_at, credentials.c.name_key)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(
                services.c.id,
                first_username(services.c.id).label("username"),
                plans.c.code.label("plan"),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                subscribers.c.phone,
                subscribers.c.email,
                subscribers.c.address,
                subscribers.c.area,
                subscribers.c.customer_group.label("group"),
                beside.label("mac"),
                services.c.static_ip.label("ip"),
                services.c.ipv6_prefix,
                services.c.delegated_prefix,
                services.c.billing_day,
                services.c.paid_until_on.label("active_until"),
                func.coalesce(services.c.installed_on, services.c.activated_on).label("installed_on"),
            )
            .select_from(
                services.join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
                .join(plans, plans.c.id == plan_versions.c.plan_id)
            )
            .where(among(self._connection, services.c.id, service_ids), services.c.ended_at.is_(None))
        )
        return {
            row["id"]: {**row, "mac": None if row["mac"] == row["username"] else row["mac"]}
            for row in await self._rows(query)
        }

    async def areas(self, within: Areas = EVERYWHERE) -> Sequence[str]:
        """Return the areas that subscribers have, in order."""
        query = (
            select(subscribers.c.area)
            .where(subscribers.c.area.is_not(None), in_areas(within))
            .distinct()
            .order_by(subscribers.c.area)
            .limit(MOST_AREAS)
        )
        return [area for area in (await self._connection.scalars(query)).all() if area]

    async def area_lines(self, today: date, within: Areas = EVERYWHERE) -> Sequence[AreaLine]:
        """Return everybody, then each area with what is below it; the same figures as the lists they lead to."""
        inside = in_areas(within)
        open_now = (
            select(sessions.c.service_id)
            .where(sessions.c.stopped_at.is_(None), sessions.c.state.in_(ONLINE_STATES))
            .distinct()
            .subquery()
        )
        behind = _overdue(today).distinct().subquery()
        everybody = (  # once for all that is counted of services
            select(
                subscribers.c.area,
                desired.c.access,
                func.count(),
                func.count(open_now.c.service_id),
                func.count(behind.c.subscriber_id),
            )
            .select_from(
                subscribers.join(services, services.c.subscriber_id == subscribers.c.id)
                .outerjoin(desired, desired.c.service_id == services.c.id)
                .outerjoin(open_now, open_now.c.service_id == services.c.id)
                .outerjoin(behind, behind.c.subscriber_id == subscribers.c.id)
            )
            .where(inside)
            .group_by(subscribers.c.area, desired.c.access)
        )
        people: Counter[str] = Counter()
        online: Counter[str] = Counter()
        late: Counter[str] = Counter()
        access: dict[str, Counter[str]] = {}
        for area, name, number, are_online, are_late in await self._connection.execute(everybody):
            people[area or ""] += number
            online[area or ""] += are_online
            late[area or ""] += are_late
            access.setdefault(area or "", Counter())[name or ""] += number
        reported = await self._by_area(
            select(subscribers.c.area, func.count())
            .select_from(complaints.join(subscribers, subscribers.c.id == complaints.c.subscriber_id))
            .where(complaints.c.state.in_(OPEN_STATES), inside)
            .group_by(subscribers.c.area)
        )
        owing, overdue = await self._money_by_area(today, inside)
        lines = [
            AreaLine(
                area=area,
                services=sum(people.get(one, 0) for one in below),
                access=sum((access.get(one, Counter()) for one in below), Counter[str]()),
                online=sum(online.get(one, 0) for one in below),
                owing_minor=sum(owing.get(one, 0) for one in below),
                overdue_minor=sum(overdue.get(one, 0) for one in below),
                overdue=sum(late.get(one, 0) for one in below),
                complaints=sum(reported.get(one, 0) for one in below),
            )
            for area, below in _covered(sorted(people)).items()
        ]
        return sorted(lines, key=lambda line: (line.area is not None, -line.services, line.area or ""))

    async def _by_area(self, query: Select[Any]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for area, number in await self._connection.execute(query):
            found[area or ""] += int(number)
        return dict(found)

    async def _money_by_area(self, today: date, inside: ColumnElement[bool]) -> tuple[dict[str, int], dict[str, int]]:
        """Return what is owed by area, and how much of it was due before today."""
        late = case((invoices.c.due_on < today, _OWED), else_=0)
        query = (
            select(subscribers.c.area, func.sum(_OWED), func.sum(late))
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(_IS_UNPAID, invoices.c.total_minor > invoices.c.paid_minor, inside)
            .group_by(subscribers.c.area)
        )
        owing: Counter[str] = Counter()
        overdue: Counter[str] = Counter()
        for area, minor, late_minor in await self._connection.execute(query):
            owing[area or ""] += int(minor)
            overdue[area or ""] += int(late_minor)
        return dict(owing), dict(overdue)

    async def _listed(self, wanted: PeopleFilter, today: date) -> tuple[FromClause, ColumnElement[bool]]:
        source: FromClause = subscribers.join(services, services.c.subscriber_id == subscribers.c.id)
        conditions = [in_areas(wanted.areas), matching(wanted.text, sees_money=wanted.sees_money)]
        if wanted.access is not None:
            source = source.join(desired, desired.c.service_id == services.c.id)
            conditions.append(desired.c.access == wanted.access)
        if wanted.status is not None:
            conditions.append(services.c.status == wanted.status)
        if wanted.plan is not None:
            source = source.join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            source = source.join(plans, plans.c.id == plan_versions.c.plan_id)
            conditions.append(plans.c.code_key == wanted.plan.casefold())
        if wanted.area is not None:
            below = await WhereaboutsQueries(self._connection).areas([wanted.area])
            conditions.append(in_areas(below))
        if wanted.is_online is not None:
            conditions.append(is_online() if wanted.is_online else ~is_online())
        if wanted.money is not None:
            conditions.append(subscribers.c.id.in_(_overdue(today) if wanted.money == "overdue" else _owing()))
        return source, and_(*conditions)


def _owing() -> Select[Any]:
    return select(invoices.c.subscriber_id).where(_IS_UNPAID, invoices.c.total_minor > invoices.c.paid_minor)


def _overdue(today: date) -> Select[Any]:
    return _owing().where(invoices.c.due_on < today)


def _order(wanted: PeopleFilter) -> tuple[ColumnElement[Any], ...]:
    by_number = (func.length(subscribers.c.number), subscribers.c.number, services.c.created_at, services.c.id)
    return (rank(wanted.text), *by_number) if wanted.text.strip() else by_number


def _covered(areas: Sequence[str]) -> Mapping[str | None, Sequence[str]]:
    """Return each area with those that are it or lie in it; those without an area are apart, None is all of them."""
    parts = {area: area_parts(area) for area in areas if area}
    by_parts: dict[tuple[str, ...], list[str]] = {}
    for area, own in parts.items():
        for length in range(1, len(own) + 1):
            by_parts.setdefault(own[:length], []).append(area)
    found: dict[str | None, Sequence[str]] = {None: areas}
    found |= {area: by_parts[own] for area, own in parts.items() if own}
    return found | ({"": [""]} if "" in areas else {})
