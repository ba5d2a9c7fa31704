"""Sessions, open ones and those that have ended."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import SESSION, Answer, Endpoint
from netbilld.panel.api.paging import cursor_of, place_of, refused_cursor, split
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Asked, Moment, Octets, Page, PageQuery, Shape
from netbilld.panel.within import Within
from netbilld.services.api_views import SessionRow

_LARGEST: Final = 2**63 - 1


class SessionDocument(Shape):
    """A session; `input_octets` is the upload, `output_octets` the download, as in RFC 2866."""

    id: int
    username: str
    service_id: UUID | None = Field(description="Null: the name is nobody's.")
    nas: str
    acct_session_id: str
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    state: str = Field(description="starting, live, late, stale or closed.")
    started_at: Moment
    updated_at: Moment
    stopped_at: Moment | None
    terminate_cause: str | None
    input_octets: Octets
    output_octets: Octets
    session_time: int = Field(description="Seconds.")
    upload_bps: int = Field(description="Bit/s over the last reported interval.")
    download_bps: int


class SessionPage(Page):
    items: list[SessionDocument]


class SessionQuery(PageQuery):
    service: Annotated[UUID, Field(description="A service's id.")] | None = None
    all: bool = Field(default=False, description="Also those that have ended.")


class DisconnectBody(Asked):
    """Nothing to say."""


async def show_list(call: Call) -> Answer:
    """GET /sessions."""
    query = call.query(SessionQuery)
    place = place_of(query.cursor, int)
    if place and not 0 <= place[0] <= _LARGEST:
        raise refused_cursor()
    async with call.parts.database.read() as work:
        rows = await work.api_reads.sessions(
            call.areas,
            after=place[0] if place else None,
            limit=query.limit + 1,
            service_id=query.service,
            open_only=not query.all,
        )
    shown, last = split(rows, query.limit)
    items = [_document(row, call) for row in shown]
    return Answer(SessionPage(items=items, next_cursor=cursor_of(last.id) if last else None))


async def show(call: Call) -> Answer:
    """GET /sessions/{id}."""
    async with call.parts.database.read() as work:
        row = await work.api_reads.session(int(call.params["id"]))
    if row is None:
        raise Problem(404, "not_found", f"no session has the id {call.params['id']}")
    return Answer(_document(row, call))


async def disconnect(call: Call) -> Answer:
    """POST /sessions/{id}/disconnect."""
    await call.parts.control_sessions.disconnect(int(call.params["id"]), call.actor, call.now)
    await call.parts.nudge()
    return await show(call)


def _document(row: SessionRow, call: Call) -> SessionDocument:
    return SessionDocument(
        id=row.id,
        username=row.username,
        service_id=row.service_id,
        nas=row.nas,
        acct_session_id=row.acct_session_id,
        framed_ip=row.framed_ip,
        ipv6_prefix=row.ipv6_prefix,
        delegated_prefix=row.delegated_prefix,
        mac=row.mac,
        state=row.state,
        started_at=call.local(row.started_at),
        updated_at=call.local(row.updated_at),
        stopped_at=call.local_or_none(row.stopped_at),
        terminate_cause=row.terminate_cause,
        input_octets=row.upload_octets,
        output_octets=row.download_octets,
        session_time=row.session_seconds,
        upload_bps=row.upload_bps,
        download_bps=row.download_bps,
    )


_TAG: Final = "Sessions"

ENDPOINTS: Final = (
    Endpoint(
        name="listSessions",
        method="GET",
        path="/sessions",
        tag=_TAG,
        says="List sessions",
        more="The newest first; open ones unless `all=true`.",
        handler=show_list,
        scope=Permission.VIEW_USAGE,
        query=SessionQuery,
        gives=SessionPage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="getSession",
        method="GET",
        path="/sessions/{id}",
        params=(SESSION,),
        tag=_TAG,
        says="Get a session",
        handler=show,
        scope=Permission.VIEW_USAGE,
        gives=SessionDocument,
    ),
    Endpoint(
        name="disconnectSession",
        method="POST",
        path="/sessions/{id}/disconnect",
        params=(SESSION,),
        tag=_TAG,
        says="Order the end of a session",
        more="The order is written down and repeated until the session is gone.",
        handler=disconnect,
        scope=Permission.CONTROL_SESSIONS,
        body=DisconnectBody,
        gives=SessionDocument,
        status=202,
        conflicts=True,
    ),
)
