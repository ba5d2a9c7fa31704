"""Complaints: taken in, read, and moved on."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.errors import RefusedError
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import ANY, Call
from netbilld.panel.api.endpoint import COMPLAINT, PREFIX, Answer, Endpoint
from netbilld.panel.api.invoices import SubscriberNo
from netbilld.panel.api.paging import offset_cursor, offset_of
from netbilld.panel.api.problem import FieldProblem, Problem, invalid
from netbilld.panel.api.shapes import Asked, Moment, Page, PageQuery, Shape, Word
from netbilld.panel.within import Within
from netbilld.services.complaint_steps import LONGEST_TEXT, Doing
from netbilld.services.complaint_views import ComplaintFile, ComplaintLine, Wanted
from netbilld.services.file_complaint import NewComplaint

State = Literal["new", "assigned", "in_progress", "resolved", "closed", "reopened"]
Words = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class ComplaintSummary(Shape):
    """A complaint in a list."""

    number: str
    subscriber_no: str
    subscriber_name: str
    area: str | None
    category: str
    category_name: str
    state: State
    state_since_at: Moment
    late: str | None = Field(description="response or resolution, where that is overdue.")
    assignee: str | None
    outage: str | None = Field(description="The number of the outage it belongs to.")
    opened_at: Moment
    respond_by: Moment
    resolve_by: Moment
    responded_at: Moment | None
    resolved_at: Moment | None
    closed_at: Moment | None
    reopened: int = Field(description="How often.")


class ComplaintStep(Shape):
    """One thing that happened."""

    at: Moment
    actor: str
    by_subscriber: bool
    kind: str
    state: State | None
    assignee: str | None
    text: str | None
    public: bool = Field(description="The subscriber reads it.")


class ComplaintDocument(Shape):
    """A complaint in full."""

    number: str
    subscriber_no: str
    subscriber_name: str
    phone: str | None
    address: str | None
    area: str | None
    service_id: UUID | None
    username: str | None
    category: str
    category_name: str
    text: str
    via: str
    state: State
    state_since_at: Moment
    assignee: str | None
    assignee_email: str | None
    opened_at: Moment
    opened_by: str
    respond_by: Moment
    resolve_by: Moment
    responded_at: Moment | None
    resolved_at: Moment | None
    resolved_by: str | None
    closed_at: Moment | None
    reopened: int
    photos: int = Field(description="How many there are.")
    steps: list[ComplaintStep]


class ComplaintPage(Page):
    items: list[ComplaintSummary]
    total: int


class ComplaintQuery(PageQuery):
    state: Literal["open", "late", "unassigned", "new", "assigned", "in_progress", "resolved", "closed", "reopened",
                   "all"] = "open"  # fmt: skip
    category: Word | None = None
    search: Word | None = Field(
        default=None, description="Part of a number, of a subscriber's name, number or phone, or of what they said."
    )


class NewComplaintBody(Asked):
    subscriber_no: SubscriberNo
    category: Word = Field(description="Code of a category that may be chosen.")
    text: Words
    service_id: Annotated[UUID, Field(strict=False)] | None = Field(
        default=None, description="The connection it is about, of theirs."
    )


class AssignBody(Asked):
    email: Annotated[str, Field(min_length=3, max_length=200)] = Field(description="Of a member of the staff.")
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""


class NoteBody(Asked):
    text: Words
    public: bool = Field(default=False, description="The subscriber reads it, and is told.")


class WordsBody(Asked):
    text: Words = Field(description="What was done, or what is still wrong; the subscriber reads it.")


class NothingBody(Asked):
    """Nothing to say."""


async def show_list(call: Call) -> Answer:
    """GET /complaints."""
    query = call.query(ComplaintQuery)
    offset = offset_of(query.cursor)
    wanted = Wanted(
        state=query.state,
        category=query.category or "",
        text=query.search or "",
        areas=call.areas,
        offset=offset,
        most=query.limit,
    )
    async with call.parts.database.read() as work:
        found = await work.complaint_views.lines(wanted, call.now)
    more = offset_cursor(offset, found.lines, found.total)
    items = [_summary(line, call) for line in found.lines]
    return Answer(ComplaintPage(items=items, total=found.total, next_cursor=more))


async def show(call: Call) -> Answer:
    """GET /complaints/{complaint}."""
    return await _shown(call, call.params["complaint"])


async def add(call: Call) -> Answer:
    """POST /complaints."""
    body = call.body(NewComplaintBody)
    async with call.parts.database.read() as work:
        row = await work.api_reads.subscriber(body.subscriber_no)
        service = await work.api_reads.service(body.service_id) if body.service_id else None
    if row is None or not call.areas.include(row.area):
        said = f"no subscriber has the number {body.subscriber_no}"
        raise invalid([FieldProblem(field="subscriber_no", code="not_found", message=said)])
    if body.service_id is not None and (service is None or service.subscriber_id != row.id):
        raise invalid([FieldProblem(field="service_id", code="not_found", message="is no service of theirs")])
    new = NewComplaint(body.category, body.text, via="api", service_id=body.service_id)
    filed = await call.parts.complaints.file.run(row.id, new, Doing(call.actor, call.now, key=call.key))
    await call.parts.nudge()
    answer = await _shown(call, filed.number)
    place = f"{PREFIX}/complaints/{filed.number}"
    return Answer(answer.document, version=answer.version, headers={"Location": place})


async def assign(call: Call) -> Answer:
    """POST /complaints/{complaint}/assign."""
    body = call.body(AssignBody)
    return await _act(call, lambda n, doing: call.parts.complaints.handle.assign(n, body.email, doing, body.text))


async def start(call: Call) -> Answer:
    """POST /complaints/{complaint}/start."""
    return await _act(call, call.parts.complaints.handle.start)


async def note(call: Call) -> Answer:
    """POST /complaints/{complaint}/notes."""
    body = call.body(NoteBody)
    return await _act(call, lambda n, doing: call.parts.complaints.handle.note(n, body.text, doing, public=body.public))


async def resolve(call: Call) -> Answer:
    """POST /complaints/{complaint}/resolve."""
    text = call.body(WordsBody).text
    return await _act(call, lambda n, doing: call.parts.complaints.handle.resolve(n, text, doing))


async def close(call: Call) -> Answer:
    """POST /complaints/{complaint}/close."""
    return await _act(call, call.parts.complaints.handle.close)


async def reopen(call: Call) -> Answer:
    """POST /complaints/{complaint}/reopen."""
    text = call.body(WordsBody).text
    return await _act(call, lambda n, doing: call.parts.complaints.handle.reopen(n, text, doing))


async def _act(call: Call, act: Callable[[str, Doing], Awaitable[object]]) -> Answer:
    """Move the complaint in the address on, if it is still what the caller has seen."""
    number = call.params["complaint"]
    try:
        await act(number, Doing(call.actor, call.now, version=_version(call), key=call.key))
    except RefusedError as error:
        if error.code != "complaint_changed":
            raise
        raise Problem(412, "changed_meanwhile", str(error.args[0]), "Read it again, and decide anew.") from None
    await call.parts.nudge()
    return await _shown(call, number)


def _version(call: Call) -> int | None:
    """Return the version that the caller has seen; one that is no number of ours fits none."""
    if call.expected is None or ANY in call.expected:
        return None
    known = [int(one) for one in call.expected if one.isascii() and one.isdigit() and len(one) < 10]
    return known[0] if len(known) == 1 == len(call.expected) else -1


async def _shown(call: Call, number: str) -> Answer:
    async with call.parts.database.read() as work:
        found = await work.complaint_views.file(number)
    if found is None:
        raise Problem(404, "not_found", f"there is no complaint {number[:20]}")
    return Answer(_document(found, call), version=found.complaint.version)


def _summary(line: ComplaintLine, call: Call) -> ComplaintSummary:
    return ComplaintSummary(
        number=line.number,
        subscriber_no=line.subscriber_no,
        subscriber_name=line.subscriber_name,
        area=line.area,
        category=line.category,
        category_name=line.category_name,
        state=line.state.value,
        state_since_at=call.local(line.state_since_at),
        late=line.late(call.now),
        assignee=line.assignee,
        outage=line.outage,
        opened_at=call.local(line.opened_at),
        respond_by=call.local(line.respond_by),
        resolve_by=call.local(line.resolve_by),
        responded_at=call.local_or_none(line.responded_at),
        resolved_at=call.local_or_none(line.resolved_at),
        closed_at=call.local_or_none(line.closed_at),
        reopened=line.reopened,
    )


def _document(found: ComplaintFile, call: Call) -> ComplaintDocument:
    complaint, person = found.complaint, found.subscriber
    return ComplaintDocument(
        number=complaint.number,
        subscriber_no=person.number,
        subscriber_name=person.name,
        phone=person.phone,
        address=person.address,
        area=complaint.area,
        service_id=complaint.service_id,
        username=found.username,
        category=complaint.category,
        category_name=found.category.name,
        text=complaint.text,
        via=complaint.via,
        state=complaint.state.value,
        state_since_at=call.local(complaint.state_since_at),
        assignee=found.assignee,
        assignee_email=found.assignee_email,
        opened_at=call.local(complaint.opened_at),
        opened_by=complaint.opened_by,
        respond_by=call.local(complaint.respond_by),
        resolve_by=call.local(complaint.resolve_by),
        responded_at=call.local_or_none(complaint.responded_at),
        resolved_at=call.local_or_none(complaint.resolved_at),
        resolved_by=complaint.resolved_by,
        closed_at=call.local_or_none(complaint.closed_at),
        reopened=complaint.reopened,
        photos=len(found.photos),
        steps=[
            ComplaintStep(
                at=call.local(step.at),
                actor=step.actor,
                by_subscriber=step.by_subscriber,
                kind=step.kind,
                state=step.state,
                assignee=step.assignee,
                text=step.text,
                public=step.public,
            )
            for step in found.steps
        ],
    )


_TAG: Final = "Complaints"


def _action(name: str, word: str, says: str, body: type[Asked], handler: Any) -> Endpoint:
    return Endpoint(
        name=name,
        method="POST",
        path=f"/complaints/{{complaint}}/{word}",
        params=(COMPLAINT,),
        tag=_TAG,
        says=says,
        handler=handler,
        scope=Permission.EDIT_COMPLAINTS,
        body=body,
        gives=ComplaintDocument,
        is_keyed=True,
        is_conditional=True,
        conflicts=True,
    )


ENDPOINTS: Final = (
    Endpoint(
        name="listComplaints",
        method="GET",
        path="/complaints",
        tag=_TAG,
        says="List complaints",
        more="Open ones by when they must be done, others the newest first.",
        handler=show_list,
        scope=Permission.VIEW_COMPLAINTS,
        query=ComplaintQuery,
        gives=ComplaintPage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="addComplaint",
        method="POST",
        path="/complaints",
        tag=_TAG,
        says="Take a complaint in",
        more="It gets a number, and its subscriber an acknowledgement.",
        handler=add,
        scope=Permission.EDIT_COMPLAINTS,
        body=NewComplaintBody,
        gives=ComplaintDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
        within=Within.AREAS,
    ),
    Endpoint(
        name="getComplaint",
        method="GET",
        path="/complaints/{complaint}",
        params=(COMPLAINT,),
        tag=_TAG,
        says="Get a complaint with everything that happened",
        handler=show,
        scope=Permission.VIEW_COMPLAINTS,
        gives=ComplaintDocument,
    ),
    _action("assignComplaint", "assign", "Give a complaint to a member of the staff", AssignBody, assign),
    _action("startComplaint", "start", "Say that whoever has it is at it", NothingBody, start),
    _action("noteComplaint", "notes", "Add words, internal or for the subscriber", NoteBody, note),
    _action("resolveComplaint", "resolve", "Say what was done and that it works again", WordsBody, resolve),
    _action("closeComplaint", "close", "Close what was resolved", NothingBody, close),
    _action("reopenComplaint", "reopen", "Say that it is not over", WordsBody, reopen),
)
