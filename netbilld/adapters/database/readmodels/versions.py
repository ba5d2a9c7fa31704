"""Versions of a plan as staff look at them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select

from netbilld.adapters.database.plans import PlanStore
from netbilld.adapters.database.readmodels.arrears import ArrearsQueries
from netbilld.adapters.database.reports.simulated import SimulationStore
from netbilld.adapters.database.tables import services
from netbilld.services.plan_views import VersionFile
from netbilld.services.simulate_plan import Named

_MOST_VERSIONS: Final = 100


class VersionQueries(ArrearsQueries):
    """Reads versions of plans."""

    async def plan_versions(self, code: str) -> Sequence[VersionFile]:
        """Return all versions of a plan, newest first; none where there is no such plan."""
        history = (await PlanStore(self._connection).history(code))[:_MOST_VERSIONS]
        counted = (
            select(services.c.plan_version_id, func.count().label("services"))
            .where(services.c.plan_version_id.in_([one.id for one in history]), services.c.ended_at.is_(None))
            .group_by(services.c.plan_version_id)
        )
        counts = {row["plan_version_id"]: row["services"] for row in await self._rows(counted)}
        return [
            VersionFile(
                code=one.code,
                on_sale=one.on_sale,
                version=one.version,
                definition=one.definition,
                created_at=one.created_at,
                effective_on=one.effective_on,
                actor=one.actor,
                services=counts.get(one.id, 0),
            )
            for one in history
        ]

    async def services_having(self, from_at: datetime, to_on: date, code: str) -> Sequence[Named]:
        """Return the services of a plan that lived in a span, in order of number."""
        return await SimulationStore(self._connection).named(from_at, to_on, code)
