"""Plans and their versions: a version is written once and never changed; services point at one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import credentials, plan_versions, plans, service_terms, services, subscribers
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.errors import RefusedError


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of a plan, as stored; `id` is what a service points at."""

    id: UUID
    plan_id: UUID
    code: str
    on_sale: bool
    version: int
    name: str
    definition: Mapping[str, Any]
    created_at: datetime
    actor: str
    effective_on: date | None

    @property
    def plan(self) -> Plan:
        """Return what is sold."""
        return plan_from_definition(self.definition)


@dataclass(frozen=True, slots=True)
class ListedPlan:
    """A plan's newest version, and how many services that have not ended run on any of its versions."""

    newest: PlanVersion
    services: int


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs on a plan, and whose it is."""

    service_id: UUID
    subscriber_id: UUID
    subscriber_no: str
    subscriber_name: str
    username: str | None


class PlanStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, plan_id: UUID, version_id: UUID, definition: Mapping[str, Any], *, at: datetime, actor: str
    ) -> None:
        """Store a new plan as version 1, on sale.

        Raises:
            RefusedError: a plan has that code, in whatever case.
        """
        code = definition["code"]
        try:
            await self._connection.execute(
                insert(plans).values(id=plan_id, code=code, code_key=code.casefold(), on_sale=True, created_at=at)
            )
        except IntegrityError:
            raise RefusedError(f"plan {code} exists", hint=f"`plan set {code} FILE.toml` makes a new version") from None
        await self.add_version(plan_id, version_id, 1, definition, at=at, actor=actor)

    async def add_version(
        self,
        plan_id: UUID,
        version_id: UUID,
        version: int,
        definition: Mapping[str, Any],
        *,
        at: datetime,
        actor: str,
        effective_on: date | None = None,
    ) -> None:
        """Store a further version, sold from a day on; services keep theirs until they are moved."""
        await self._connection.execute(
            insert(plan_versions).values(
                id=version_id,
                plan_id=plan_id,
                version=version,
                name=definition["name"],
                definition=dict(definition),
                created_at=at,
                actor=actor,
                effective_on=effective_on,
            )
        )

    async def set_on_sale(self, plan_id: UUID, *, on_sale: bool) -> None:
        """Say whether new services may take the plan; running ones keep it."""
        await self._connection.execute(update(plans).where(plans.c.id == plan_id).values(on_sale=on_sale))

    async def by_code(self, code: str, *, lock: bool = False) -> PlanVersion | None:
        """Return the newest version of the plan with that code, in whatever case.

        Args:
            code: of the plan.
            lock: let nobody else add a version until the transaction ends.
        """
        wanted = plans.c.code_key == code.strip().casefold()
        if lock:
            await self._connection.execute(select(plans.c.id).where(wanted).with_for_update())
        query = _versions().where(wanted).order_by(plan_versions.c.version.desc()).limit(1)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return PlanVersion(**row) if row else None

    async def version(self, version_id: UUID) -> PlanVersion | None:
        """Return one version."""
        query = _versions().where(plan_versions.c.id == version_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return PlanVersion(**row) if row else None

    async def versions(self, version_ids: Collection[UUID]) -> dict[UUID, PlanVersion]:
        """Return those of the versions that exist."""
        query = _versions().where(plan_versions.c.id.in_(list(version_ids)))
        return {row["id"]: PlanVersion(**row) for row in (await self._connection.execute(query)).mappings()}

    async def history(self, code: str) -> list[PlanVersion]:
        """Return all versions of a plan, newest first; empty where there is no such plan."""
        wanted = plans.c.code_key == code.strip().casefold()
        query = _versions().where(wanted).order_by(plan_versions.c.version.desc())
        return [PlanVersion(**row) for row in (await self._connection.execute(query)).mappings()]

    async def plans_by_version(self) -> dict[UUID, Plan]:
        """Return every version there is, parsed; for those who look at many services."""
        query = select(plan_versions.c.id, plan_versions.c.definition)
        return {row.id: plan_from_definition(row.definition) for row in await self._connection.execute(query)}

    async def listed(self) -> list[ListedPlan]:
        """Return all plans in order of their code."""
        newest = (
            select(plan_versions.c.plan_id, func.max(plan_versions.c.version).label("version"))
            .group_by(plan_versions.c.plan_id)
            .subquery()
        )
        query = (
            _versions()
            .join(newest, (newest.c.plan_id == plan_versions.c.plan_id) & (newest.c.version == plan_versions.c.version))
            .order_by(plans.c.code_key)
        )
        versions = [PlanVersion(**row) for row in (await self._connection.execute(query)).mappings()]
        counted = (
            select(plan_versions.c.plan_id, func.count().label("number"))
            .join(services, services.c.plan_version_id == plan_versions.c.id)
            .where(services.c.ended_at.is_(None))
            .group_by(plan_versions.c.plan_id)
        )
        running = {row.plan_id: int(row.number) for row in await self._connection.execute(counted)}
        return [ListedPlan(version, running.get(version.plan_id, 0)) for version in versions]

    async def running(self, version_ids: Collection[UUID]) -> list[RunningService]:
        """Return the services that have not ended and run on these versions, or will by a change that is planned."""
        ids = list(version_ids)
        planned = select(service_terms.c.service_id).where(
            service_terms.c.plan_version_id.in_(ids), service_terms.c.applied_at.is_(None)
        )
        name = (
            select(credentials.c.name)
            .where(credentials.c.service_id == services.c.id)
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(services.c.id, services.c.subscriber_id, subscribers.c.number, subscribers.c.name, name)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(
                services.c.ended_at.is_(None),
                or_(services.c.plan_version_id.in_(ids), services.c.id.in_(planned)),
            )
            .order_by(func.length(subscribers.c.number), subscribers.c.number, services.c.created_at, services.c.id)
        )
        return [RunningService(*row) for row in await self._connection.execute(query)]


def _versions() -> Select[Any]:
    return select(
        plan_versions.c.id,
        plan_versions.c.plan_id,
        plans.c.code,
        plans.c.on_sale,
        plan_versions.c.version,
        plan_versions.c.name,
        plan_versions.c.definition,
        plan_versions.c.created_at,
        plan_versions.c.actor,
        plan_versions.c.effective_on,
    ).join(plans, plans.c.id == plan_versions.c.plan_id)
