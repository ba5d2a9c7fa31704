"""Jobs and what they do one by one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, delete, insert, select, update

from netbilld.adapters.database.among import among
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.queries import Queries, first_username
from netbilld.adapters.database.tables import changes, job_items, jobs, plan_versions, services, subscribers
from netbilld.billing.overrides import with_overrides
from netbilld.billing.plan_file import plan_from_definition
from netbilld.services.jobs import ItemState, Job, JobItem, JobKind, JobState, Subject

_SHOWN: Final = tuple(column for column in jobs.c if column.name != "payload_sealed")
_AT_WORK: Final = (JobState.CHECKING.value, JobState.WAITING.value, JobState.RUNNING.value)
_OVER: Final = (JobState.DONE.value, JobState.STOPPED.value, JobState.FAILED.value)
_ITEM: Final = ("job_id", "position", "subject_id", "subject", "before", "after", "state", "said")
_LONGEST: Final = 300


class JobStore(Queries):
    """Queries of one transaction."""

    async def add(self, job: Job, items: Sequence[JobItem], payload: bytes | None = None) -> None:
        """Store a job with what it does."""
        await self._connection.execute(
            insert(jobs).values(
                id=job.id,
                kind=job.kind.value,
                state=job.state.value,
                asked=dict(job.asked),
                payload_sealed=payload,
                total=job.total,
                done=job.done,
                refused=job.refused,
                stop_wanted=job.stop_wanted,
                said=job.said,
                actor=job.actor,
                origin=job.origin,
                created_at=job.created_at,
            )
        )
        await self.add_items(job.id, items)

    async def find(self, job_id: UUID, *, lock: bool = False) -> Job | None:
        """Return a job."""
        query = select(*_SHOWN).where(jobs.c.id == job_id)
        row = await self._row(query.with_for_update() if lock else query)
        return _job(row) if row else None

    async def newest(self, limit: int) -> Sequence[Job]:
        """Return the newest jobs first."""
        query = select(*_SHOWN).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
        return [_job(row) for row in await self._rows(query)]

    async def next(self) -> Job | None:
        """Return the oldest job that is to be worked on; one that was begun before others."""
        query = (
            select(*_SHOWN)
            .where(jobs.c.state.in_(_AT_WORK))
            .order_by(jobs.c.started_at.is_(None), jobs.c.created_at, jobs.c.id)
            .limit(1)
        )
        row = await self._row(query)
        return _job(row) if row else None

    async def update(self, job_id: UUID, **fields: Any) -> None:
        """Set columns of a job."""
        await self._connection.execute(update(jobs).where(jobs.c.id == job_id).values(**fields))

    async def payload(self, job_id: UUID) -> bytes | None:
        """Return the file that a job works through, sealed."""
        found = await self._connection.scalar(select(jobs.c.payload_sealed).where(jobs.c.id == job_id))
        return None if found is None else bytes(found)

    async def items(self, job_id: UUID, state: ItemState | None, offset: int, limit: int) -> Sequence[JobItem]:
        """Return a page of what a job does, in order."""
        query = select(job_items).where(job_items.c.job_id == job_id)
        if state is not None:
            query = query.where(job_items.c.state == state.value)
        rows = await self._rows(query.order_by(job_items.c.position).limit(limit).offset(offset))
        return [
            JobItem(
                row["position"],
                row["subject_id"],
                row["subject"],
                row["before"],
                row["after"],
                ItemState(row["state"]),
                row["said"],
            )
            for row in rows
        ]

    async def settle(self, job_id: UUID, position: int, state: ItemState, said: str) -> None:
        """Put on record what came of an item, and count it; one that is settled stays as it is."""
        settled = await self._connection.execute(
            update(job_items)
            .where(
                job_items.c.job_id == job_id,
                job_items.c.position == position,
                job_items.c.state == ItemState.WAITING.value,
            )
            .values(state=state.value, said=said[:_LONGEST])
        )
        if int(settled.rowcount) == 1:
            column = jobs.c.done if state is ItemState.DONE else jobs.c.refused
            await self._connection.execute(update(jobs).where(jobs.c.id == job_id).values({column: column + 1}))

    async def add_items(self, job_id: UUID, items: Sequence[JobItem]) -> None:
        """Add to what a job does."""
        rows = [
            (
                job_id,
                item.position,
                item.subject_id,
                item.subject[:_LONGEST],
                item.before,
                item.after,
                item.state.value,
                item.said[:_LONGEST],
            )
            for item in items
        ]
        await insert_rows(self._connection, job_items, _ITEM, rows)

    async def drop_items(self, job_id: UUID) -> None:
        """Forget what a job does."""
        await self._connection.execute(delete(job_items).where(job_items.c.job_id == job_id))

    async def subjects(self, service_ids: Sequence[UUID]) -> Sequence[Subject]:
        """Return services as a proposal needs to know them, in order of number."""
        query = (
            select(
                services.c.id,
                services.c.subscriber_id,
                services.c.status,
                services.c.overrides,
                subscribers.c.number,
                subscribers.c.name,
                subscribers.c.email,
                subscribers.c.phone,
                plan_versions.c.id.label("version_id"),
                first_username(services.c.id).label("username"),
            )
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .where(among(self._connection, services.c.id, service_ids))
            .order_by(subscribers.c.number, services.c.created_at, services.c.id)
        )
        rows = await self._rows(query)
        wanted = {row["version_id"] for row in rows}
        definitions = select(plan_versions.c.id, plan_versions.c.definition).where(
            among(self._connection, plan_versions.c.id, wanted)
        )
        plans = {row["id"]: plan_from_definition(row["definition"]) for row in await self._rows(definitions)}
        found = []
        for row in rows:
            plan = with_overrides(plans[row["version_id"]], row["overrides"])
            found.append(
                Subject(
                    row["id"],
                    row["subscriber_id"],
                    row["number"],
                    row["name"],
                    row["username"] or "",
                    row["status"],
                    plan.code,
                    plan.recurring.price_minor if plan.recurring is not None else None,
                    bool(row["email"] or row["phone"]),
                )
            )
        return found

    async def username(self, service_id: UUID) -> str | None:
        """Return the name that stands for a service."""
        found: str | None = await self._connection.scalar(
            select(first_username(services.c.id)).where(services.c.id == service_id)
        )
        return found

    async def imported_lines(self, file_name: str, since: datetime) -> set[int]:
        """Return the lines of a file that have gone in since a moment."""
        query = select(changes.c.details).where(changes.c.action == "subscriber.add", changes.c.at >= since)
        return {
            int(row["details"]["line"]) for row in await self._rows(query) if row["details"].get("file") == file_name
        }

    async def forget(self, before: datetime) -> int:
        """Let go of files that jobs brought which were over, or proposed and never started, before a moment."""
        abandoned = await self._connection.execute(
            update(jobs)
            .where(jobs.c.state == JobState.PROPOSED.value, jobs.c.created_at < before)
            .values(state=JobState.STOPPED.value, ended_at=before, payload_sealed=None)
        )
        let_go = await self._connection.execute(
            update(jobs)
            .where(jobs.c.state.in_(_OVER), jobs.c.payload_sealed.is_not(None), jobs.c.ended_at < before)
            .values(payload_sealed=None)
        )
        return int(abandoned.rowcount) + int(let_go.rowcount)


def _job(row: RowMapping) -> Job:
    return Job(**{**row, "kind": JobKind(row["kind"]), "state": JobState(row["state"])})
