"""How what services are due came about, step by step: from orders, effects and what was seen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    desired,
    effects,
    enforcement_attempts,
    nas,
    observed,
    sessions,
    static_attempts,
)
from netbilld.enforcement.effect import GONE, kind_of
from netbilld.services.enforcement_history import ServiceChange, Step, What, in_order

_REQUESTED = "requested"


@dataclass
class _Change:
    """A change while its steps are put together."""

    service_id: UUID
    at: datetime
    access: str
    reason: str | None
    cause: str | None = None
    cause_at: datetime | None = None
    ending: str | None = None
    steps: list[Step] = field(default_factory=list)

    def done(self) -> ServiceChange:
        due = [] if self.cause == "login" else [Step(self.at, "due")]
        steps = in_order([*due, *dict.fromkeys(self.steps)])
        return ServiceChange(
            self.service_id, self.access, self.reason, self.cause, self.cause_at, self.at, self.ending, steps
        )


class HistoryStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_services(self, service_ids: Collection[UUID], limit: int) -> list[ServiceChange]:
        """Return the newest changes of these services, the newest first."""
        ids = list(service_ids)
        changes: dict[tuple[UUID, datetime], _Change] = {}
        now_due = select(desired).where(desired.c.service_id.in_(ids))
        for row in (await self._connection.execute(now_due)).mappings():
            one = changes[row["service_id"], row["since_at"]] = _Change(
                row["service_id"], row["since_at"], row["access"], row["reason"]
            )
            one.cause = kind_of(row["cause"]).value
        with_effect = await self._add_effects(changes, ids, limit)
        await self._add_orders(changes, ids, limit, with_effect)
        await self._add_lines(changes, ids, limit)
        back = {step.at for change in changes.values() for step in change.steps if step.what == "back"}
        log_ins = await self._log_ins(ids, limit)
        found = [*changes.values(), *(one for one in log_ins if one.at not in back)]
        found.sort(key=lambda change: change.at, reverse=True)
        return [change.done() for change in found[:limit]]

    async def _add_effects(
        self, changes: dict[tuple[UUID, datetime], _Change], ids: list[UUID], limit: int
    ) -> dict[int, set[datetime]]:
        """Add the changes that needed a NAS; return of which sessions they tell, by when they were due."""
        query = (
            select(effects, nas.c.name.label("nas"))
            .join(nas, nas.c.id == effects.c.nas_id)
            .where(effects.c.service_id.in_(ids))
            .order_by(effects.c.due_at.desc(), effects.c.id.desc())
            .limit(limit)
        )
        told: dict[int, set[datetime]] = {}
        for row in (await self._connection.execute(query)).mappings():
            key = row["service_id"], row["due_at"]
            one = changes.setdefault(key, _Change(*key, row["access"], row["reason"]))
            one.cause, one.cause_at = row["kind"], row["cause_at"]
            one.ending = row["ending"]
            if row["session_id"] is None:
                continue  # of a line its orders tell when it was seen
            told.setdefault(row["session_id"], set()).add(row["due_at"])
            about: dict[str, Any] = {"nas": row["nas"], "session_id": row["session_id"]}
            if row["gone_at"] is not None and row["evidence"] != GONE:
                one.steps.append(Step(row["gone_at"], "gone", **about))
            if row["returned_at"] is not None:
                one.steps.append(Step(row["returned_at"], "back", **about))
            if row["seen_at"] is not None:
                one.steps.append(Step(row["seen_at"], "seen", evidence=row["evidence"], **about))
        return told

    async def _add_orders(
        self,
        changes: dict[tuple[UUID, datetime], _Change],
        ids: list[UUID],
        limit: int,
        with_effect: Mapping[int, set[datetime]],
    ) -> None:
        made = enforcement_attempts.c
        query = (
            select(enforcement_attempts, nas.c.name.label("nas"))
            .join(nas, nas.c.id == made.nas_id)
            .where(made.service_id.in_(ids))
            .order_by(made.sent_at.desc(), made.id.desc())
            .limit(limit)
        )
        for row in (await self._connection.execute(query)).mappings():
            key = row["service_id"], row["due_at"]
            one = changes.setdefault(key, _Change(*key, row["access"], row["reason"]))
            if row["reason"] == _REQUESTED:
                one.cause, one.cause_at = "command", row["due_at"]
            one.steps += _order_steps(row, is_told=row["due_at"] in with_effect.get(row["session_id"], ()))

    async def _add_lines(self, changes: dict[tuple[UUID, datetime], _Change], ids: list[UUID], limit: int) -> None:
        """Add what was done on routers for lines with fixed addresses."""
        made = static_attempts.c
        query = (
            select(static_attempts, nas.c.name.label("nas"))
            .join(nas, nas.c.id == made.nas_id)
            .where(made.service_id.in_(ids), made.access != "")  # what takes a line away is due by no entitlement
            .order_by(made.sent_at.desc(), made.id.desc())
            .limit(limit)
        )
        for row in (await self._connection.execute(query)).mappings():
            key = row["service_id"], row["due_at"]
            one = changes.setdefault(key, _Change(*key, row["access"], row["reason"]))
            one.steps.append(Step(row["sent_at"], "sent", "line", row["nas"]))
            if row["verified_at"] is not None:
                one.ending = "seen"
                one.steps.append(Step(row["verified_at"], "seen", "line", row["nas"], evidence="api"))
            elif row["ended_at"] is not None:
                one.steps.append(Step(row["ended_at"], "failed", "line", row["nas"], detail=row["detail"]))

    async def _log_ins(self, ids: list[UUID], limit: int) -> list[_Change]:
        """Return the log-ins that are known to have been given what was due."""
        query = (
            select(observed, nas.c.name.label("nas"))
            .select_from(observed.join(sessions, sessions.c.id == observed.c.session_id).join(nas))
            .where(observed.c.service_id.in_(ids), observed.c.evidence == "login")
            .order_by(observed.c.observed_at.desc())
            .limit(limit)
        )
        found = []
        for row in (await self._connection.execute(query)).mappings():
            seen = Step(
                row["observed_at"], "seen", nas=row["nas"], session_id=row["session_id"], evidence=row["evidence"]
            )
            found.append(
                _Change(
                    row["service_id"],
                    row["observed_at"],
                    row["access"],
                    None,
                    "login",
                    row["observed_at"],
                    "seen",
                    [seen],
                )
            )
        return found


def _order_steps(row: RowMapping, *, is_told: bool) -> list[Step]:
    """Return the steps of an order; what was seen of it is left to its effect, where there is one."""
    about: dict[str, Any] = {"action": row["action"], "nas": row["nas"], "session_id": row["session_id"]}
    steps = [Step(row["sent_at"], "sent", **about)]
    if row["answered_at"] is not None:
        answer: What = row["outcome"]
        if row["outcome"] in {"verified", "disproved"}:
            answer = "acked" if row["error_cause"] is None else "nacked"
        said = None if row["disproved_at"] is not None else row["detail"] or None
        steps.append(Step(row["answered_at"], answer, error_cause=row["error_cause"], detail=said, **about))
    if row["disproved_at"] is not None:
        steps.append(Step(row["disproved_at"], "disproved", detail=row["detail"] or None, **about))
    if row["verified_at"] is not None and not is_told:
        evidence = GONE if row["action"] == "disconnect" else "traffic"
        steps.append(Step(row["verified_at"], "seen", evidence=evidence, **about))
    return steps
