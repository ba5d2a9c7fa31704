"""What the store knows when somebody asks why a subscriber can't get online: a few bounded reads on indexes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from netbilld.adapters.database.addresses import AddressStore
from netbilld.adapters.database.queries import Queries, escaped
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    auth_attempts,
    changes,
    credentials,
    desired,
    enforcement_attempts,
    invoices,
    nas,
    observed,
    pending_orders,
    service_locks,
    services,
    sessions,
    subscribers,
)
from netbilld.enforcement.explain_facts import (
    AttemptFact,
    CredentialFact,
    NasFact,
    OrderFact,
    PoolFact,
    SessionFact,
)

_ATTEMPTS: Final = 20
_SESSIONS: Final = 20
_NEWEST_ATTEMPTS: Final = 5_000  # of all NAS, among which one NAS's are counted
_LOOKED_AT: Final = 20_000  # newest attempts of all, among which those of a service are looked for
_COUNTED: Final = timedelta(hours=1)
_CANDIDATES: Final = 3_000
_SIMILAR: Final = 0.75
_MOST_SIMILAR: Final = 3
_CHANGES: Final = 50
_UNREADABLE: Final = ("wrong_password", "malformed_credentials")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a name leads to."""

    service_id: UUID
    subscriber_id: UUID
    subscriber_no: str
    subscriber_name: str
    status_reason: str | None
    status_since_at: datetime
    credential: CredentialFact
    names: tuple[str, ...]  # every name of the service
    due_since_at: datetime | None
    oldest_due_on: date | None


class ExplainStore(Queries):
    """Queries of one transaction."""

    async def person(self, username: str) -> Person | None:
        """Return whom a name to log in with leads to; None for nobody."""
        query = (
            select(
                credentials.c.name,
                credentials.c.kind,
                credentials.c.password_sealed,
                credentials.c.nt_hash_sealed,
                credentials.c.created_at,
                services.c.id.label("service_id"),
                services.c.status_reason,
                services.c.status_since_at,
                subscribers.c.id.label("subscriber_id"),
                subscribers.c.number,
                subscribers.c.name.label("subscriber_name"),
                desired.c.since_at,
            )
            .select_from(
                credentials.join(services, services.c.id == credentials.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .outerjoin(desired, desired.c.service_id == services.c.id)
            )
            .where(credentials.c.name_key == credential_key(username))
        )
        row = await self._row(query)
        if row is None:
            return None
        names = select(credentials.c.name).where(credentials.c.service_id == row["service_id"])
        oldest = select(func.min(invoices.c.due_on)).where(
            invoices.c.subscriber_id == row["subscriber_id"],
            invoices.c.status.in_(("issued", "part_paid")),
            invoices.c.total_minor > invoices.c.paid_minor,
        )
        return Person(
            service_id=row["service_id"],
            subscriber_id=row["subscriber_id"],
            subscriber_no=row["number"],
            subscriber_name=row["subscriber_name"],
            status_reason=row["status_reason"],
            status_since_at=row["status_since_at"],
            credential=CredentialFact(
                name=row["name"],
                kind=row["kind"],
                has_password=row["password_sealed"] is not None,
                has_nt_hash=row["nt_hash_sealed"] is not None or row["password_sealed"] is not None,
                created_at=row["created_at"],
                password_changed_at=await self._password_changed_at(row["subscriber_id"], row["service_id"]),
            ),
            names=tuple((await self._connection.execute(names)).scalars()),
            due_since_at=row["since_at"],
            oldest_due_on=await self._connection.scalar(oldest),
        )

    async def _password_changed_at(self, subscriber_id: UUID, service_id: UUID) -> datetime | None:
        query = (
            select(changes.c.at, changes.c.details)
            .where(
                changes.c.entity == "subscriber",
                changes.c.entity_id == str(subscriber_id),
                changes.c.action.in_(("subscriber.set", "service.plan")),
            )
            .order_by(changes.c.id.desc())
            .limit(_CHANGES)
        )
        for row in await self._connection.execute(query):
            at: datetime = row.at
            fields = row.details.get("fields") or {}
            if str(service_id) in row.details.get("service_ids", ()) and {"password", "username", "mac"} & set(fields):
                return at
        return None

    async def similar(self, username: str) -> list[str]:
        """Return names that look like one that is nobody's, the most similar first."""
        key = credential_key(username)
        bare = key.partition("@")[0].rpartition("\\")[2] or key
        column = credentials.c.name_key
        near: list[ColumnElement[bool]] = [column == bare]
        for piece, before, after in ((bare[:3], "", "%"), (bare[-3:], "%", ""), (bare[1:5], "%", "%")):
            if len(piece) >= 2:
                near.append(column.like(before + escaped(piece) + after, escape="\\"))
        length = len(bare)
        query = (
            select(credentials.c.name, column)
            .where(or_(*near), func.length(column).between(max(1, length - 3), length + 12))
            .limit(_CANDIDATES)
        )
        ranked: list[tuple[float, str]] = []
        for name, name_key in await self._connection.execute(query):
            theirs = name_key.partition("@")[0].rpartition("\\")[2] or name_key
            ratio = SequenceMatcher(None, bare, theirs, autojunk=False).ratio()
            if ratio >= _SIMILAR:
                ranked.append((ratio, name))
        ranked.sort(key=lambda pair: (-pair[0], pair[1]))
        return [name for _ratio, name in ranked[:_MOST_SIMILAR]]

    async def attempts(self, names: Sequence[str], service_id: UUID | None) -> list[AttemptFact]:
        """Return the newest log-in attempts by any of these names, newest first.

        Those that led to the service by another name, such as one with a realm, are found among the newest of all.
        """
        table = auth_attempts.c
        shown = (
            table.id, table.at, table.username, nas.c.name.label("nas"), table.method, table.result, table.reason,
            table.mac, table.detail,
        )  # fmt: skip
        query = (
            select(*shown)
            .select_from(auth_attempts.outerjoin(nas, nas.c.id == table.nas_id))
            .order_by(table.at.desc(), table.id.desc())
            .limit(_ATTEMPTS)
        )
        rows = list(await self._rows(query.where(table.username_key.in_({credential_key(name) for name in names}))))
        if service_id is not None:
            newest = int(await self._connection.scalar(select(func.max(table.id))) or 0)
            recent = and_(table.id > newest - _LOOKED_AT, table.service_id == service_id)
            rows += await self._rows(query.where(recent))
        found = {row["id"]: row for row in rows}
        newest_first = sorted(found.values(), key=lambda row: (row["at"], row["id"]), reverse=True)[:_ATTEMPTS]
        return [AttemptFact(**{name: value for name, value in row.items() if name != "id"}) for row in newest_first]

    async def open_sessions(self, service_id: UUID) -> list[SessionFact]:
        """Return the open sessions of a service, newest first."""
        open_ones = and_(sessions.c.service_id == service_id, sessions.c.stopped_at.is_(None))
        return await self._sessions(open_ones, sessions.c.started_at, _SESSIONS)

    async def last_session(self, service_id: UUID) -> SessionFact | None:
        """Return the session that ended last; None for none."""
        ended = and_(sessions.c.service_id == service_id, sessions.c.stopped_at.is_not(None))
        return next(iter(await self._sessions(ended, sessions.c.started_at, 1)), None)

    async def _sessions(
        self, condition: ColumnElement[bool], order: ColumnElement[datetime], limit: int
    ) -> list[SessionFact]:
        query = (
            select(
                sessions.c.id, nas.c.name.label("nas"), sessions.c.state, sessions.c.framed_ip, sessions.c.mac,
                sessions.c.started_at, sessions.c.updated_at, sessions.c.stopped_at, sessions.c.terminate_cause,
                sessions.c.interval_seconds, sessions.c.is_local, observed.c.access.label("seen_access"),
            )
            .select_from(
                sessions.join(nas, nas.c.id == sessions.c.nas_id).outerjoin(
                    observed, observed.c.session_id == sessions.c.id
                )
            )
            .where(condition)
            .order_by(order.desc(), sessions.c.id.desc())
            .limit(limit)
        )  # fmt: skip
        return [SessionFact(**row) for row in await self._rows(query)]

    async def nas(self, name: str | None, now: datetime) -> NasFact | None:
        """Return what is known of a NAS: of one by its name, else of the only one in service; None for several."""
        if name is None:
            query = select(nas).where(nas.c.removed_at.is_(None)).limit(2)
        else:
            query = select(nas).where(nas.c.name_key == name.casefold()).order_by(nas.c.removed_at.is_not(None))
        rows = await self._rows(query)
        if not rows or (name is None and len(rows) > 1):
            return None
        row = rows[0]
        counted = await self._counted(row["id"], now)
        return NasFact(
            name=row["name"],
            address=row["address"],
            in_service=row["removed_at"] is None,
            last_heard_at=row["last_heard_at"],
            **counted,
        )

    async def _counted(self, nas_id: UUID, now: datetime) -> dict[str, Any]:
        table = auth_attempts.c
        newest = select(auth_attempts).order_by(table.id.desc()).limit(_NEWEST_ATTEMPTS).subquery()
        query = (
            select(
                newest.c.result,
                newest.c.reason,
                newest.c.method,
                func.count(newest.c.username_key.distinct()).label("names"),
                func.count().label("attempts"),
                func.max(newest.c.id).label("newest"),
            )
            .where(newest.c.nas_id == nas_id, newest.c.at >= now - _COUNTED)
            .group_by(newest.c.result, newest.c.reason, newest.c.method)
        )
        accepted = refused = 0
        last = None
        for row in await self._rows(query):
            last = max(last or 0, row["newest"])
            if row["method"] == "pap" and row["result"] == "accept":
                accepted += row["attempts"]
            if row["method"] == "pap" and row["reason"] in _UNREADABLE:
                refused += row["names"]
        at = None
        if last is not None:
            at = await self._connection.scalar(select(table.at).where(table.id == last))
        return {"accepted": accepted, "refused_names": refused, "last_attempt_at": at}

    async def order(self, service_id: UUID) -> OrderFact | None:
        """Return the newest order to a NAS about a service, and whether one still waits."""
        newest = (
            select(enforcement_attempts, nas.c.name.label("nas_name"))
            .select_from(enforcement_attempts.join(nas, nas.c.id == enforcement_attempts.c.nas_id))
            .where(enforcement_attempts.c.service_id == service_id)
            .order_by(enforcement_attempts.c.sent_at.desc(), enforcement_attempts.c.id.desc())
            .limit(1)
        )
        row = await self._row(newest)
        if row is None:
            return None
        waiting = await self._row(
            select(pending_orders.c.attempts, pending_orders.c.next_attempt_at)
            .where(pending_orders.c.service_id == service_id)
            .order_by(pending_orders.c.attempts.desc())
            .limit(1)
        )
        return OrderFact(
            action=row["action"],
            outcome=row["outcome"],
            nas=row["nas_name"],
            sent_at=row["sent_at"],
            error_cause=row["error_cause"],
            detail=row["detail"],
            pending=waiting is not None,
            attempts=waiting["attempts"] if waiting is not None else 0,
            next_attempt_at=waiting["next_attempt_at"] if waiting is not None else None,
        )

    async def locks(self, service_id: UUID) -> Mapping[str, frozenset[str]]:
        """Return where a service may log in from, by kind; a NAS by its name."""
        query = select(service_locks.c.kind, service_locks.c.value).where(service_locks.c.service_id == service_id)
        found: dict[str, set[str]] = defaultdict(set)
        for row in await self._rows(query):
            value = row["value"]
            if row["kind"] == "nas":
                value = await self._nas_name(value) or value
            found[row["kind"]].add(value)
        return {kind: frozenset(values) for kind, values in found.items()}

    async def _nas_name(self, nas_id: str) -> str | None:
        try:
            wanted = UUID(nas_id)
        except ValueError:
            return None
        name: str | None = await self._connection.scalar(select(nas.c.name).where(nas.c.id == wanted))
        return name

    async def pool(self, name: str) -> PoolFact | None:
        """Return how full a pool of ours is; None where that name is the NAS's own."""
        addresses = AddressStore(self._connection)
        pool = await addresses.by_name(name)
        if pool is None:
            return None
        in_use, held = (await addresses.usage()).get(pool.id, (0, 0))
        return PoolFact(pool.name, in_use + held, pool.size)
