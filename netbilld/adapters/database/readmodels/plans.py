"""Plans with their versions, and how many services have each."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import plan_versions, plans, services
from netbilld.billing.plan_file import plan_from_definition
from netbilld.services.readmodels import PlanFile, PlanLine, PlanVersionLine

_MOST_PLANS = 500
_MOST_VERSIONS = 100


class PlanQueries(Queries):
    """Few rows: an ISP has tens of plans."""

    async def plan_lines(self, *, counted: bool = False) -> Sequence[PlanLine]:
        """Return every plan by its newest version, those on sale first; who has one is counted where that is asked."""
        newest = (
            select(plan_versions.c.plan_id, func.max(plan_versions.c.version).label("version"))
            .group_by(plan_versions.c.plan_id)
            .subquery()
        )
        query = (
            select(plans.c.id, plans.c.code, plans.c.on_sale, plan_versions.c.version, plan_versions.c.definition)
            .select_from(
                plans.join(newest, newest.c.plan_id == plans.c.id).join(
                    plan_versions,
                    (plan_versions.c.plan_id == newest.c.plan_id) & (plan_versions.c.version == newest.c.version),
                )
            )
            .order_by(plans.c.on_sale.desc(), plans.c.code_key)
            .limit(_MOST_PLANS)
        )
        counts = await self._services_by_version() if counted else {}
        plan_of = {
            row["id"]: row["plan_id"] for row in await self._rows(select(plan_versions.c.id, plan_versions.c.plan_id))
        }
        by_plan: dict[UUID, int] = {}
        for version_id, count in counts.items():
            by_plan[plan_of[version_id]] = by_plan.get(plan_of[version_id], 0) + count
        return [
            PlanLine(
                code=row["code"],
                version=row["version"],
                on_sale=row["on_sale"],
                plan=plan_from_definition(row["definition"]),
                services=by_plan.get(row["id"], 0),
            )
            for row in await self._rows(query)
        ]

    async def plan_file(self, code: str) -> PlanFile | None:
        """Return a plan with its versions, newest first."""
        plan = await self._row(select(plans).where(plans.c.code_key == code.casefold()))
        if plan is None:
            return None
        counts = await self._services_by_version()
        query = (
            select(plan_versions)
            .where(plan_versions.c.plan_id == plan["id"])
            .order_by(plan_versions.c.version.desc())
            .limit(_MOST_VERSIONS)
        )
        versions = [
            PlanVersionLine(
                version=row["version"],
                created_at=row["created_at"],
                actor=row["actor"],
                plan=plan_from_definition(row["definition"]),
                services=counts.get(row["id"], 0),
            )
            for row in await self._rows(query)
        ]
        return PlanFile(plan["code"], plan["on_sale"], plan["created_at"], versions)

    async def _services_by_version(self) -> dict[UUID, int]:
        query = (
            select(services.c.plan_version_id, func.count().label("services"))
            .where(services.c.ended_at.is_(None))
            .group_by(services.c.plan_version_id)
        )
        return {row["plan_version_id"]: row["services"] for row in await self._rows(query)}
