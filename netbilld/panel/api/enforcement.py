"""Desired and observed: what each service is due, and what was seen of it."""

from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import SERVICE, Answer, Endpoint
from netbilld.panel.api.services import found_service
from netbilld.panel.api.shapes import Asked, Moment, Page, Query, Shape

Access = Literal["active", "throttled", "walled", "blocked"]


class EnforcementDocument(Shape):
    """What a service is due and was seen with."""

    username: str
    service_id: UUID
    desired: str | None = Field(description="Null: not decided yet.")
    reason: str | None
    since: Moment | None = Field(description="Since when it is due.")
    observed: str | None = Field(description="Null: there is no session, or nothing is known of it.")
    evidence: str | None = Field(description="login, ack, traffic or api.")
    observed_at: Moment | None
    agrees: bool = Field(description="Nothing is to be done, and its effect was seen.")
    attempts: int = Field(description="Of the order under way.")
    last_error: str | None
    next_attempt_at: Moment | None
    session_id: int | None


class MismatchDocument(Shape):
    """A session, or a line without one, that is not yet as it should be."""

    username: str
    service_id: UUID | None
    session_id: int | None
    subscriber_no: str | None
    nas: str
    desired: str
    reason: str
    since: Moment
    observed: str | None
    evidence: str | None
    attempts: int
    last_error: str | None
    next_attempt_at: Moment | None


class MismatchPage(Page):
    items: list[MismatchDocument]


class MismatchQuery(Query):
    limit: int = Field(default=50, ge=1, le=200, description="At most so many.")


class RetryBody(Asked):
    """Nothing to say."""


class RetryDocument(Shape):
    services: int = Field(description="Of how many services waiting orders are tried again.")


async def show(call: Call) -> Answer:
    """GET /services/{service}/enforcement."""
    async with call.parts.database.read() as work:
        row = await found_service(work, call)
        lines = await work.enforcement.status(row.username)
    line = lines[0] if lines else None
    if line is None:
        undecided = EnforcementDocument(
            username=row.username,
            service_id=row.id,
            desired=None,
            reason=None,
            since=None,
            observed=None,
            evidence=None,
            observed_at=None,
            agrees=False,
            attempts=0,
            last_error=None,
            next_attempt_at=None,
            session_id=None,
        )
        return Answer(undecided)
    return Answer(
        EnforcementDocument(
            username=line.username,
            service_id=line.service_id,
            desired=line.desired,
            reason=line.reason,
            since=call.local(line.since),
            observed=line.observed,
            evidence=line.evidence,
            observed_at=call.local_or_none(line.observed_at),
            agrees=line.agrees,
            attempts=line.attempts,
            last_error=line.last_error,
            next_attempt_at=call.local_or_none(line.next_attempt_at),
            session_id=line.session_id,
        )
    )


async def show_mismatches(call: Call) -> Answer:
    """GET /enforcement/mismatches."""
    async with call.parts.database.read() as work:
        lines = await work.readmodels.mismatches(call.query(MismatchQuery).limit)
    items = [
        MismatchDocument(
            username=line.username,
            service_id=line.service_id,
            session_id=line.session_id,
            subscriber_no=line.subscriber_no,
            nas=line.nas,
            desired=line.due_access,
            reason=line.due_reason,
            since=call.local(line.since_at),
            observed=line.seen_access,
            evidence=line.evidence,
            attempts=line.attempts,
            last_error=line.last_error,
            next_attempt_at=call.local_or_none(line.next_attempt_at),
        )
        for line in lines
    ]
    return Answer(MismatchPage(items=items, next_cursor=None))


async def retry(call: Call) -> Answer:
    """POST /enforcement/retry."""
    tried = await call.parts.control_sessions.retry(call.actor, call.now)
    await call.parts.nudge()
    return Answer(RetryDocument(services=tried))


_TAG: Final = "Enforcement"

ENDPOINTS: Final = (
    Endpoint(
        name="getEnforcement",
        method="GET",
        path="/services/{service}/enforcement",
        params=(SERVICE,),
        tag=_TAG,
        says="Get what a service is due and was seen with",
        handler=show,
        scope=Permission.VIEW_USAGE,
        gives=EnforcementDocument,
    ),
    Endpoint(
        name="listMismatches",
        method="GET",
        path="/enforcement/mismatches",
        tag=_TAG,
        says="List what is not yet as it should be",
        handler=show_mismatches,
        scope=Permission.VIEW_USAGE,
        query=MismatchQuery,
        gives=MismatchPage,
    ),
    Endpoint(
        name="retryOrders",
        method="POST",
        path="/enforcement/retry",
        tag=_TAG,
        says="Try every waiting order at once",
        handler=retry,
        scope=Permission.CONTROL_SESSIONS,
        body=RetryBody,
        gives=RetryDocument,
    ),
)
