"""Usage as metered, and what of the allowance is used."""

from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.periods import local_date, monthly_period
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import SERVICE, Answer, Endpoint
from netbilld.panel.api.problem import FieldProblem, invalid
from netbilld.panel.api.services import found_service
from netbilld.panel.api.shapes import Amount, Day, Moment, Octets, Query, Shape
from netbilld.services.api_views import ServiceRow

FIRST_DAY: Final = date(1990, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)
MOST_DAYS: Final = {"hour": 62, "day": 1100, "month": 3700, "session": 366}


class Bucket(Shape):
    start: Moment
    upload_octets: Octets
    download_octets: Octets
    charged: Amount | None = Field(description="In minor units; null by session, and without `view_money`.")
    session_id: int | None = Field(description="Only by session.")


class Quota(Shape):
    """The allowance of the running billing period."""

    limit_octets: Octets
    used_octets: Octets
    resets_at: Moment


class UsageDocument(Shape):
    """What a service has used, from the first to the last day."""

    service_id: UUID
    username: str
    from_on: Day = Field(serialization_alias="from")
    to: Day = Field(description="The last day, which counts.")
    upload_octets: Octets
    download_octets: Octets
    buckets: list[Bucket]
    quota: Quota | None = Field(description="Null where the plan has no allowance.")


class UsageQuery(Query):
    from_on: date | None = Field(
        default=None, alias="from", description="The first day; default that of the billing period."
    )
    to: date | None = Field(default=None, description="The last day, which counts; default today.")
    by: Literal["hour", "day", "month", "session"] = "day"


class TopDocument(Shape):
    service_id: UUID
    subscriber_no: str
    name: str
    username: str
    plan: str
    upload_octets: Octets
    download_octets: Octets


class TopPage(Shape):
    """Those who used most, the most first."""

    from_on: Day = Field(serialization_alias="from")
    to: Day
    items: list[TopDocument]


class TopQuery(Query):
    from_on: date | None = Field(default=None, alias="from", description="Default the first of the month.")
    to: date | None = Field(default=None, description="The last day, which counts; default today.")
    limit: int = Field(default=10, ge=1, le=200)
    direction: Literal["both", "up", "down"] = "both"


async def show(call: Call) -> Answer:
    """GET /services/{service}/usage."""
    query = call.query(UsageQuery)
    async with call.parts.database.read() as work:
        row = await found_service(work, call)
        period = monthly_period(call.now, row.billing_day, row.timezone)
        first_on, last_on = _days(query.from_on, query.to, period.start_on, local_date(call.now, row.timezone))
        if (last_on - first_on).days > MOST_DAYS[query.by]:
            said = f"by {query.by} at most {MOST_DAYS[query.by]} days"
            raise invalid([FieldProblem(field="to", code="too_long", message=said)])
        end_on = last_on + timedelta(days=1)
        totals = await work.usage.totals(row.id, first_on, end_on, row.timezone)
        buckets = await work.usage.buckets(row.id, first_on, end_on, query.by, row.timezone)
        quota = await _quota(work, row, call)
    money = call.may(Permission.VIEW_MONEY)
    return Answer(
        UsageDocument(
            service_id=row.id,
            username=row.username,
            from_on=first_on,
            to=last_on,
            upload_octets=totals.upload_octets,
            download_octets=totals.download_octets,
            buckets=[
                Bucket(
                    start=call.local(bucket.start_at),
                    upload_octets=bucket.upload_octets,
                    download_octets=bucket.download_octets,
                    charged=bucket.charged_minor if money else None,
                    session_id=bucket.session_id,
                )
                for bucket in buckets
            ],
            quota=quota,
        )
    )


async def show_top(call: Call) -> Answer:
    """GET /usage/top."""
    query = call.query(TopQuery)
    first_on, last_on = _days(query.from_on, query.to, call.today.replace(day=1), call.today)
    async with call.parts.database.read() as work:
        most = await work.usage.top(first_on, last_on + timedelta(days=1), query.limit, direction=query.direction)
    items = [
        TopDocument(
            service_id=one.service_id,
            subscriber_no=one.subscriber_no,
            name=one.name,
            username=one.username,
            plan=one.plan,
            upload_octets=one.upload_octets,
            download_octets=one.download_octets,
        )
        for one in most
    ]
    return Answer(TopPage(from_on=first_on, to=last_on, items=items))


def _days(from_on: date | None, to_on: date | None, first_on: date, today: date) -> tuple[date, date]:
    last_on = to_on or today
    first_on = from_on or min(first_on, last_on)
    if not FIRST_DAY <= first_on <= last_on <= LAST_DAY:
        said = f"is not a day from {max(first_on, FIRST_DAY)} to {LAST_DAY}"
        raise invalid([FieldProblem(field="to", code="bad_days", message=said)])
    return first_on, last_on


async def _quota(work: Any, row: ServiceRow, call: Call) -> Quota | None:
    """Return what of the allowance of the running billing period is used; None where the plan has none."""
    service = await work.services.by_id(row.id)
    version = await work.plans.version(service.plan_version_id)
    if version is None or version.plan.allowance is None:
        return None
    plan, zone, now = version.plan, row.timezone, call.now
    period = monthly_period(now, row.billing_day, zone)
    used = await work.usage.period_usage(row.id, local_date(now, zone))
    limits = await work.rating.limits(row.id, plan, now)
    used_octets = limits.others_octets
    if used is not None and used.start_on == period.start_on:
        counted = used.counted_octets
        used_octets += plan.counted_octets(used.upload_octets, used.download_octets) if counted is None else counted
    resets_at: datetime = period.end_at
    limit_octets = plan.allowance.data_octets if limits.octets is None else limits.octets
    if limit_octets is None:
        return None
    return Quota(limit_octets=limit_octets, used_octets=used_octets, resets_at=call.local(resets_at))


_TAG: Final = "Usage"

ENDPOINTS: Final = (
    Endpoint(
        name="getUsage",
        method="GET",
        path="/services/{service}/usage",
        params=(SERVICE,),
        tag=_TAG,
        says="Get what a service has used, and its allowance",
        handler=show,
        scope=Permission.VIEW_USAGE,
        query=UsageQuery,
        gives=UsageDocument,
    ),
    Endpoint(
        name="listTopUsage",
        method="GET",
        path="/usage/top",
        tag=_TAG,
        says="List who used most",
        handler=show_top,
        scope=Permission.VIEW_USAGE,
        query=TopQuery,
        gives=TopPage,
    ),
)
