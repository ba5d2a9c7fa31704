"""Effects: how long changes of what is due take until they are so, kept while they do and for a while after."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.tables import (
    desired,
    effects,
    enforcement_attempts,
    nas,
    observed,
    sessions,
    static_attempts,
    static_lines,
    static_states,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.effect import Effect, EffectFacts, Ending, Sighting, Tried, gives_back, kind_of
from netbilld.enforcement.effect_figures import Timed
from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.profile import Access
from netbilld.services.follow_effects import WaitedFor

_SERVICES_A_QUERY: Final = 1_000
_IDS_A_QUERY: Final = 5_000
_ACCESSES: Final = {str(access): access for access in Access}


class EffectStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, changed: Sequence[DesiredService]) -> None:
        """Begin to wait for these changes, as far as a NAS has to change a session that is open now, or a fixed line.

        To be called in the transaction that puts them on record, so that none is ever lost.
        """
        for start in range(0, len(changed), _SERVICES_A_QUERY):
            by_service = {one.service_id: one for one in changed[start : start + _SERVICES_A_QUERY]}
            query = (
                select(
                    sessions.c.id, sessions.c.service_id, sessions.c.nas_id, observed.c.access,
                    observed.c.profile_key, observed.c.evidence,
                )
                .select_from(sessions.outerjoin(observed, observed.c.session_id == sessions.c.id))
                .where(among(self._connection, sessions.c.service_id, by_service), sessions.c.stopped_at.is_(None))
            )  # fmt: skip
            rows = []
            for session_id, service_id, nas_id, access, profile_key, evidence in await self._connection.execute(query):
                wanted = by_service[service_id]
                if profile_key == wanted.profile_key and evidence != Evidence.UNSURE.value:
                    continue
                seen = None if access is None else _ACCESSES[access]
                is_return = gives_back(wanted.access, seen)
                rows.append(_opened(wanted, nas_id, is_return=is_return) | {"session_id": session_id, "line_id": None})
            rows += await self._of_lines(by_service)
            if rows:
                await self._connection.execute(insert_into(self._connection, effects).on_conflict_do_nothing(), rows)

    async def _of_lines(self, by_service: Mapping[UUID, DesiredService]) -> list[dict[str, Any]]:
        """Return the rows of lines with fixed addresses that have to be changed on their router."""
        query = (
            select(
                static_lines.c.id, static_lines.c.service_id, static_lines.c.nas_id, static_states.c.access,
                static_states.c.profile_key,
            )
            .select_from(static_lines.outerjoin(static_states, static_states.c.line_id == static_lines.c.id))
            .where(among(self._connection, static_lines.c.service_id, by_service), static_lines.c.removed_at.is_(None))
        )  # fmt: skip
        rows = []
        for line_id, service_id, nas_id, access, profile_key in await self._connection.execute(query):
            wanted = by_service[service_id]
            if profile_key != wanted.profile_key:
                is_return = gives_back(wanted.access, _ACCESSES.get(access or ""))
                rows.append(_opened(wanted, nas_id, is_return=is_return) | {"session_id": None, "line_id": line_id})
        return rows

    async def open_services(self) -> set[UUID]:
        """Return the services that a change is waited for of."""
        query = select(effects.c.service_id).where(effects.c.ending.is_(None)).distinct()
        return set((await self._connection.execute(query)).scalars())

    async def waited_for(self, service_ids: Collection[UUID]) -> list[tuple[WaitedFor, EffectFacts]]:
        """Return the changes of these services that are waited for, with what is on record about each."""
        wanted = list(service_ids)
        found: list[tuple[WaitedFor, EffectFacts]] = []
        for start in range(0, len(wanted), _SERVICES_A_QUERY):
            found += await self._waited_for(wanted[start : start + _SERVICES_A_QUERY])
        return found

    async def _waited_for(self, service_ids: Sequence[UUID]) -> list[tuple[WaitedFor, EffectFacts]]:
        query = (
            select(
                effects,
                sessions.c.stopped_at,
                sessions.c.started_at,
                observed.c.profile_key.label("seen_key"),
                observed.c.evidence.label("seen_by"),
                observed.c.observed_at,
                desired.c.since_at,
                static_lines.c.removed_at.label("line_removed_at"),
                static_states.c.profile_key.label("line_key"),
                static_states.c.observed_at.label("line_seen_at"),
            )
            .select_from(
                effects.outerjoin(static_lines, static_lines.c.id == effects.c.line_id)
                .outerjoin(static_states, static_states.c.line_id == effects.c.line_id)
                .outerjoin(sessions, sessions.c.id == effects.c.session_id)
                .outerjoin(observed, observed.c.session_id == effects.c.session_id)
                .outerjoin(desired, desired.c.service_id == effects.c.service_id)
            )
            .where(effects.c.ending.is_(None), among(self._connection, effects.c.service_id, service_ids))
            .order_by(effects.c.id)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        tried = await self._tried([row["session_id"] for row in rows if row["session_id"] is not None])
        tried_lines = await self._tried_lines([row["line_id"] for row in rows if row["line_id"] is not None])
        later = await self._later([row["service_id"] for row in rows if row["is_return"]])
        found = []
        for row in rows:
            waited_for = WaitedFor(row["id"], row["service_id"], row["kind"], _effect(row))
            if row["line_id"] is not None:
                found.append((waited_for, _line_facts(row, tried_lines.get((row["line_id"], row["due_at"]), ()))))
                continue
            here = None
            if row["seen_key"] is not None and row["started_at"] is not None:
                here = Sighting(row["seen_key"], row["seen_by"], row["observed_at"], row["started_at"])
            facts = EffectFacts(
                tried.get((row["session_id"], row["due_at"]), ()),
                row["started_at"] is None or row["stopped_at"] is not None,
                here,
                [
                    one
                    for session_id, one in later.get(row["service_id"], ())
                    if session_id != row["session_id"] and one.started_at >= row["due_at"]
                ],
                row["since_at"],
            )
            found.append((waited_for, facts))
        return found

    async def _tried(self, session_ids: Sequence[int]) -> Mapping[tuple[int, datetime], list[Tried]]:
        made = enforcement_attempts.c
        found: dict[tuple[int, datetime], list[Tried]] = {}
        for start in range(0, len(session_ids), _IDS_A_QUERY):
            query = select(
                made.session_id, made.due_at, made.action, made.sent_at, made.answered_at, made.verified_at,
                made.outcome, made.error_cause,
            ).where(made.session_id.in_(session_ids[start : start + _IDS_A_QUERY]))  # fmt: skip
            for session_id, due_at, *rest in await self._connection.execute(query):
                found.setdefault((session_id, due_at), []).append(Tried(*rest))
        return found

    async def _tried_lines(self, line_ids: Sequence[int]) -> Mapping[tuple[int, datetime], list[Tried]]:
        made = static_attempts.c
        found: dict[tuple[int, datetime], list[Tried]] = {}
        for start in range(0, len(line_ids), _IDS_A_QUERY):
            query = select(
                made.line_id, made.due_at, made.sent_at, made.ended_at, made.verified_at, made.outcome
            ).where(made.line_id.in_(line_ids[start : start + _IDS_A_QUERY]))
            for line_id, due_at, sent_at, ended_at, verified_at, outcome in await self._connection.execute(query):
                tried = Tried("line", sent_at, ended_at, verified_at, outcome, None)
                found.setdefault((line_id, due_at), []).append(tried)
        return found

    async def _later(self, service_ids: Sequence[UUID]) -> Mapping[UUID, list[tuple[int, Sighting]]]:
        """Return the open sessions of services with what they were seen with."""
        if not service_ids:
            return {}
        query = (
            select(
                sessions.c.service_id, sessions.c.id, observed.c.profile_key, observed.c.evidence,
                observed.c.observed_at, sessions.c.started_at,
            )
            .join(observed, observed.c.session_id == sessions.c.id)
            .where(among(self._connection, sessions.c.service_id, service_ids), sessions.c.stopped_at.is_(None))
        )  # fmt: skip
        found: dict[UUID, list[tuple[int, Sighting]]] = {}
        for service_id, session_id, *rest in await self._connection.execute(query):
            found.setdefault(service_id, []).append((session_id, Sighting(*rest)))
        return found

    async def save(self, changes: Sequence[WaitedFor]) -> None:
        """Keep what has become known of changes."""
        if not changes:
            return
        kept = ("sent_at", "acknowledged_at", "gone_at", "returned_at", "seen_at", "evidence", "ending")
        statement = (
            update(effects)
            .where(effects.c.id == bindparam("effect"), effects.c.ending.is_(None))
            .values({name: bindparam(f"new_{name}") for name in kept})
        )
        rows = []
        for change in changes:
            known = asdict(change.effect)
            rows.append({"effect": change.effect_id} | {f"new_{name}": known[name] for name in kept})
        await self._connection.execute(statement, rows)

    async def seen_since(self, since_at: datetime, limit: int) -> list[Timed]:
        """Return the changes that were seen since then, the newest first, as far as `limit` goes."""
        table = effects.c
        query = (
            select(
                table.kind, nas.c.name, table.cause_at, table.due_at, table.sent_at, table.acknowledged_at,
                table.gone_at, table.returned_at, table.seen_at,
            )
            .join(nas, nas.c.id == table.nas_id)
            .where(table.seen_at >= since_at)
            .order_by(table.seen_at.desc())
            .limit(limit)
        )  # fmt: skip
        return [Timed(*row) for row in await self._connection.execute(query)]

    async def endings_since(self, since_at: datetime) -> dict[str, int]:
        """Return how many changes became due since then, by what became of them; `waited_for` is not over."""
        query = select(effects.c.ending, func.count()).where(effects.c.due_at >= since_at).group_by(effects.c.ending)
        return {ending or "waited_for": count for ending, count in await self._connection.execute(query)}

    async def prune(self, before_at: datetime) -> int:
        """Let go of the changes that became due before then and are over; return how many."""
        done = await self._connection.execute(
            delete(effects).where(effects.c.due_at < before_at, effects.c.ending.is_not(None))
        )
        return done.rowcount


def _opened(wanted: DesiredService, nas_id: UUID, *, is_return: bool) -> dict[str, Any]:
    return {
        "service_id": wanted.service_id,
        "nas_id": nas_id,
        "cause": wanted.cause[:64],
        "kind": kind_of(wanted.cause).value,
        "access": wanted.access.value,
        "reason": wanted.reason,
        "profile_key": wanted.profile_key,
        "is_return": is_return,
        "cause_at": wanted.caused_at or wanted.since_at,
        "due_at": wanted.since_at,
    }


def _line_facts(row: Mapping[Any, Any], tried: Sequence[Tried]) -> EffectFacts:
    """Return what is on record about a line with a fixed address: what was read of it on its router."""
    here = None
    if row["line_key"]:
        here = Sighting(row["line_key"], Evidence.API.value, row["line_seen_at"], row["line_seen_at"])
    since_at = None if row["line_removed_at"] is not None else row["since_at"]  # nothing is due to what is to go
    return EffectFacts(tried, is_over=False, here=here, later=(), due_since=since_at)


def _effect(row: Mapping[Any, Any]) -> Effect:
    return Effect(
        row["session_id"],
        row["due_at"],
        row["cause_at"],
        row["profile_key"],
        row["is_return"],
        row["sent_at"],
        row["acknowledged_at"],
        row["gone_at"],
        row["returned_at"],
        row["seen_at"],
        row["evidence"],
        None if row["ending"] is None else Ending(row["ending"]),
    )
