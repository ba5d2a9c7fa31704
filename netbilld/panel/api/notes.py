"""Notes that staff keep about a subscriber."""

from typing import Annotated, Final

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import NOTE, NUMBER, Answer, Endpoint
from netbilld.panel.api.shapes import Asked, Moment, Shape
from netbilld.panel.api.subscribers import found_subscriber
from netbilld.services.keep_records import LONGEST_NOTE


class NoteDocument(Shape):
    id: int
    text: str
    actor: str
    at: Moment


class NotePage(Shape):
    """The newest first."""

    items: list[NoteDocument]


class NoteBody(Asked):
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE)]


async def show_list(call: Call) -> Answer:
    """GET /subscribers/{number}/notes."""
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, call.params["number"])
        notes = await work.people.notes(row.id)
    items = [NoteDocument(id=one.id, text=one.text, actor=one.actor, at=call.local(one.at)) for one in notes]
    return Answer(NotePage(items=items))


async def add(call: Call) -> Answer:
    """POST /subscribers/{number}/notes."""
    text = call.body(NoteBody).text
    await call.parts.people.records.add_note(call.params["number"], text, call.actor, call.now, call.key)
    return await show_list(call)


async def remove(call: Call) -> Answer:
    """DELETE /subscribers/{number}/notes/{note}."""
    await call.parts.people.records.remove_note(call.params["number"], int(call.params["note"]), call.actor, call.now)
    return Answer()


_TAG: Final = "Subscribers"

ENDPOINTS: Final = (
    Endpoint(
        name="listNotes",
        method="GET",
        path="/subscribers/{number}/notes",
        params=(NUMBER,),
        tag=_TAG,
        says="List what staff have written down about a subscriber",
        handler=show_list,
        scope=Permission.VIEW_SUBSCRIBERS,
        gives=NotePage,
    ),
    Endpoint(
        name="addNote",
        method="POST",
        path="/subscribers/{number}/notes",
        params=(NUMBER,),
        tag=_TAG,
        says="Write something down about a subscriber",
        handler=add,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=NoteBody,
        gives=NotePage,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="removeNote",
        method="DELETE",
        path="/subscribers/{number}/notes/{note}",
        params=(NUMBER, NOTE),
        tag=_TAG,
        says="Take a note out of sight; the trail keeps it",
        handler=remove,
        scope=Permission.EDIT_SUBSCRIBERS,
        status=204,
    ),
)
