"""The audit trail, searched: bounded reads by number, by who, by what and by when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, String, and_, cast, false, func, or_, select, true

from netbilld.adapters.database.queries import Queries, first_username, like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    address_pools,
    changes,
    credentials,
    invoices,
    nas,
    plans,
    services,
    staff,
    subscribers,
)
from netbilld.billing.prices import code_key
from netbilld.model.staff import email_key
from netbilld.services.audit_trail import AuditFilter, AuditLine, AuditPage

_MOST_ACTORS: Final = 200
_MOST_KINDS: Final = 300
_OUT_OF_ORDER: Final = 10_000  # by how many numbers a change can be away from its place in time
_NAMED_IN_DETAILS: Final = ("username", "name", "email", "subscriber_no", "number")


class AuditQueries(Queries):
    """Newest first; the number of a change is the order they were made in."""

    async def search(self, wanted: AuditFilter, limit: int) -> AuditPage:
        """Return a page of the trail.

        The newest of each thing, person or action that is asked for come from an index that has them in order; so a
        page costs as much as it shows, however long the trail is.
        """
        within = await self._within(wanted)
        if wanted.actor:
            within.append(changes.c.actor.in_(await self._actors_like(wanted.actor)))
        actions = None if not wanted.kind else await self._actions_of(wanted.kind)
        if wanted.about:
            branches = await self._named(wanted.about)
            if actions is not None:
                within.append(changes.c.action.in_(actions))
        elif actions is not None:
            branches = [changes.c.action == action for action in actions]
        else:
            branches = [true()]
        newest: set[int] = set()
        for branch in branches:
            query = select(changes.c.id).where(branch, *within).order_by(changes.c.id.desc()).limit(limit + 1)
            newest.update(row["id"] for row in await self._rows(query))
        ids = sorted(newest, reverse=True)
        shown = select(changes).where(changes.c.id.in_(ids[:limit])).order_by(changes.c.id.desc())
        return AuditPage(await self._lines(await self._rows(shown)), more=len(ids) > limit)

    async def _within(self, wanted: AuditFilter) -> list[ColumnElement[bool]]:
        """Return the conditions of number and time.

        Numbers are given out nearly in order of time, so the first of a day tells where in the trail that is.
        """
        conditions: list[ColumnElement[bool]] = []
        if wanted.before_id is not None:
            conditions.append(changes.c.id < wanted.before_id)
        if wanted.from_at is not None:
            conditions.append(changes.c.at >= wanted.from_at)
            first = await self._row(_first_since(wanted.from_at))
            conditions.append(changes.c.id >= first["id"] - _OUT_OF_ORDER if first is not None else false())
        if wanted.until_at is not None:
            conditions.append(changes.c.at < wanted.until_at)
            after = await self._row(_first_since(wanted.until_at))
            if after is not None:
                conditions.append(changes.c.id <= after["id"] + _OUT_OF_ORDER)
        return conditions

    async def _actions_of(self, kind: str) -> Sequence[str]:
        """Return the actions on record that are of a kind: itself, and those whose name begins with it."""
        return [one for one in await self.actions() if one == kind or one.startswith(f"{kind}.")]

    async def about(self, entity: str, entity_id: UUID | int | str, limit: int = 50) -> Sequence[AuditLine]:
        """Return the newest changes of one thing, newest first."""
        query = (
            select(changes)
            .where(changes.c.entity == entity, changes.c.entity_id == str(entity_id))
            .order_by(changes.c.id.desc())
            .limit(limit)
        )
        return await self._lines(await self._rows(query))

    async def actions(self) -> Sequence[str]:
        """Return every action on record, in order."""
        return await self._distinct(changes.c.action, _MOST_KINDS)

    async def actors(self, limit: int) -> Sequence[str]:
        """Return everybody on record, in order."""
        return await self._distinct(changes.c.actor, limit)

    async def _actors_like(self, text: str) -> Sequence[str]:
        """Return those on record whose name has `text` in it: names are few, changes are many."""
        wanted = text.casefold()
        return [name for name in await self._distinct(changes.c.actor, _MOST_ACTORS) if wanted in name.casefold()]

    async def _distinct(self, column: Column[str], most: int) -> Sequence[str]:
        """Return the values of an indexed column, each looked up from the one before it: as many steps as values."""
        values = select(func.min(column).label("value")).cte("found", recursive=True)
        after = select(func.min(column)).where(column > values.c.value).scalar_subquery()
        values = values.union_all(select(after).where(values.c.value.is_not(None)))
        query = select(values.c.value).where(values.c.value.is_not(None)).limit(most)
        return [row["value"] for row in await self._rows(query)]

    async def _named(self, text: str) -> list[ColumnElement[bool]]:
        """Return conditions of which one says that a change is about something called that."""
        wanted = text.strip()
        found: list[tuple[str, str]] = []
        people = select(subscribers.c.id).where(
            or_(
                subscribers.c.number == wanted,
                subscribers.c.id.in_(
                    select(services.c.subscriber_id)
                    .join(credentials, credentials.c.service_id == services.c.id)
                    .where(credentials.c.name_key == credential_key(wanted))
                ),
            )
        )
        ids = [row["id"] for row in await self._rows(people)]
        found += [("subscriber", str(one)) for one in ids]
        of_them = select(services.c.id).where(services.c.subscriber_id.in_(ids))
        found += [("service", str(row["id"])) for row in await self._rows(of_them)]
        for entity, column, key in (
            ("nas", nas.c.name_key, wanted.casefold()),
            ("pool", address_pools.c.name_key, wanted.casefold()),
            ("staff", staff.c.email_key, email_key(wanted)),
        ):
            query = select(column.table.c.id).where(column == key)
            found += [(entity, str(row["id"])) for row in await self._rows(query)]
        plan = select(plans.c.code).where(plans.c.code_key == code_key(wanted))
        found += [("plan", row["code"]) for row in await self._rows(plan)]
        # whatever goes by its own name: months, coupons, areas, invoices, ids
        found += [(entity, wanted) for entity in await self._distinct(changes.c.entity, _MOST_KINDS)]
        conditions = [
            and_(changes.c.entity == entity, changes.c.entity_id == key) for entity, key in sorted(set(found))
        ]
        issued = await self._row(select(invoices.c.created_at).where(invoices.c.number == wanted))
        if issued is not None:  # a run writes one line down for many documents
            conditions.append(
                and_(
                    changes.c.action == "invoice.issue",
                    changes.c.at == issued["created_at"],
                    cast(changes.c.details, String).like(like(f'"{wanted}"'), escape="\\"),
                )
            )
        return conditions

    async def _lines(self, rows: Sequence[Mapping[Any, Any]]) -> list[AuditLine]:
        titles = await self._titles(rows)
        lines = []
        for row in rows:
            title, link = titles.get((row["entity"], row["entity_id"]), ("", None))
            lines.append(AuditLine(**{**row, "details": row["details"] or {}}, title=title or _title(row), link=link))
        return lines

    async def _titles(self, rows: Sequence[Mapping[Any, Any]]) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Return what the things on a page are called, and where their pages are; one query a kind."""
        by_kind: dict[str, set[str]] = {}
        for row in rows:
            by_kind.setdefault(row["entity"], set()).add(row["entity_id"])
        titles: dict[tuple[str, str], tuple[str, str | None]] = {}
        if ids := _uuids(by_kind.get("subscriber", ())):
            query = select(subscribers.c.id, subscribers.c.number, subscribers.c.name).where(subscribers.c.id.in_(ids))
            for row in await self._rows(query):
                titles["subscriber", str(row["id"])] = row["name"], f"/subscribers/{row['number']}"
        if ids := _uuids(by_kind.get("service", ())):
            named = (
                select(services.c.id, subscribers.c.number, first_username(services.c.id).label("username"))
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(services.c.id.in_(ids))
            )
            for row in await self._rows(named):
                titles["service", str(row["id"])] = row["username"] or "", f"/subscribers/{row['number']}"
        if ids := _uuids(by_kind.get("staff", ())):
            for row in await self._rows(select(staff.c.id, staff.c.email).where(staff.c.id.in_(ids))):
                titles["staff", str(row["id"])] = row["email"], f"/staff/{row['id']}"
        if ids := _uuids(by_kind.get("nas", ())):
            for row in await self._rows(select(nas.c.id, nas.c.name, nas.c.removed_at).where(nas.c.id.in_(ids))):
                link = None if row["removed_at"] else f"/nas/{row['name']}"
                titles["nas", str(row["id"])] = row["name"], link
        return titles


def _first_since(at: datetime) -> Select[Any]:
    return select(changes.c.id).where(changes.c.at >= at).order_by(changes.c.at, changes.c.id).limit(1)


def _uuids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _title(row: Mapping[Any, Any]) -> str:
    """Return what a thing is called by what was written down of it."""
    details = row["details"] or {}
    named = next((str(details[name]) for name in _NAMED_IN_DETAILS if details.get(name)), "")
    return named or str(row["entity_id"])
