"""What moves now and what has moved: for the overview."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, func, select, text

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.queries import ONLINE_STATES, Queries, first_username, is_online
from netbilld.adapters.database.tables import (
    RESTRICTED,
    desired,
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
    throughput_samples,
    usage_nas_hours,
)
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.readmodels import Octets, Restricted, Sample, Talker, Traffic

_MOST_SAMPLES = 2000


class TrafficQueries(Queries):
    """Sums over open sessions, and the roll-ups."""

    async def traffic(self) -> Traffic:
        """Return how many sessions are alive and what they carry together."""
        query = select(
            func.count().label("online"),
            func.coalesce(func.sum(case((sessions.c.state == "late", 1), else_=0)), 0).label("late"),
            func.coalesce(func.sum(sessions.c.upload_bps), 0).label("upload_bps"),
            func.coalesce(func.sum(sessions.c.download_bps), 0).label("download_bps"),
        ).where(sessions.c.stopped_at.is_(None), sessions.c.state.in_(ONLINE_STATES))
        row = await self._row(query)
        assert row is not None, "an aggregate has one row"  # noqa: S101
        return Traffic(**{name: int(value) for name, value in row.items()})

    async def throughput(self, since_at: datetime) -> Sequence[Sample]:
        """Return the samples since then, oldest first."""
        query = (
            select(throughput_samples)
            .where(throughput_samples.c.at >= since_at)
            .order_by(throughput_samples.c.at.desc())
            .limit(_MOST_SAMPLES)
        )
        return [Sample(**row) for row in reversed(await self._rows(query))]

    async def octets_since(self, hour_at: datetime) -> Octets:
        """Return what was metered on all NAS together in hours that began at or after that instant."""
        query = select(
            func.coalesce(func.sum(usage_nas_hours.c.upload_octets), 0).label("upload_octets"),
            func.coalesce(func.sum(usage_nas_hours.c.download_octets), 0).label("download_octets"),
        ).where(usage_nas_hours.c.hour_at >= hour_at)
        row = await self._row(query)
        assert row is not None, "an aggregate has one row"  # noqa: S101
        return Octets(int(row["upload_octets"]), int(row["download_octets"]))

    async def access_counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many services there are by (access, reason); ended ones are left out."""
        query = (
            select(desired.c.access, desired.c.reason, func.count().label("services"))
            .where(desired.c.reason != "terminated")
            .group_by(desired.c.access, desired.c.reason)
        )
        return {(row["access"], row["reason"]): row["services"] for row in await self._rows(query)}

    async def restricted(self, limit: int, areas: Areas = EVERYWHERE) -> Sequence[Restricted]:
        """Return services that are not fully open, the newest case first."""
        newest = (
            select(desired.c.service_id)
            .where(text(RESTRICTED))
            .order_by(desired.c.since_at.desc(), desired.c.service_id)
            .limit(limit)
        )
        if areas.is_limited:
            newest = (
                newest.join(services, services.c.id == desired.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(in_areas(areas))
            )
        query = (
            select(
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                first_username(services.c.id).label("username"),
                plans.c.code.label("plan"),
                desired.c.access,
                desired.c.reason,
                desired.c.since_at,
                desired.c.until_at,
                is_online().label("online"),
            )
            .select_from(
                desired.join(services, services.c.id == desired.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
                .join(plans, plans.c.id == plan_versions.c.plan_id)
            )
            .where(desired.c.service_id.in_(newest))
            .order_by(desired.c.since_at.desc(), subscribers.c.number)
        )
        return [Restricted(**row) for row in await self._rows(query)]

    async def talkers(self, limit: int, areas: Areas = EVERYWHERE) -> Sequence[Talker]:
        """Return the sessions with the highest rate over their last interval."""
        rate_bps = sessions.c.upload_bps + sessions.c.download_bps
        busiest = (  # by themselves: whose they are is looked up for these few
            select(sessions.c.id)
            .where(sessions.c.stopped_at.is_(None), sessions.c.state.in_(ONLINE_STATES), rate_bps > 0)
            .order_by(rate_bps.desc(), sessions.c.id)
            .limit(limit)
        )
        if areas.is_limited:
            busiest = (
                busiest.join(services, services.c.id == sessions.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(in_areas(areas))
            )
        query = (
            select(
                sessions.c.id.label("session_id"),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                sessions.c.username,
                sessions.c.upload_bps,
                sessions.c.download_bps,
            )
            .select_from(
                sessions.outerjoin(services, services.c.id == sessions.c.service_id).outerjoin(
                    subscribers, subscribers.c.id == services.c.subscriber_id
                )
            )
            .where(sessions.c.id.in_(busiest))
            .order_by(rate_bps.desc(), sessions.c.id)
        )
        return [Talker(**row) for row in await self._rows(query)]
