"""By which channel a subscriber is reached first."""

from typing import Annotated, Final, Literal

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import NUMBER, Answer, Endpoint
from netbilld.panel.api.shapes import Asked, Shape
from netbilld.panel.api.subscribers import found_subscriber

Channel = Literal["whatsapp", "sms", "email"]


class ChannelsDocument(Shape):
    """`channels` come first, in their order; empty is the provider's order. By `stopped` nothing is sent but codes."""

    channels: list[str]
    stopped: list[str]


class ChannelsBody(Asked):
    channels: Annotated[list[Channel], Field(max_length=3)]


async def show(call: Call) -> Answer:
    """GET /subscribers/{number}/channels."""
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, call.params["number"])
    wanted = await call.parts.channels.wanted(row.id)
    return Answer(ChannelsDocument(channels=list(wanted.channels), stopped=sorted(wanted.stopped)))


async def change(call: Call) -> Answer:
    """PUT /subscribers/{number}/channels."""
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, call.params["number"])
    await call.parts.channels.own(row.id, call.body(ChannelsBody).channels, call.actor, call.now)
    return await show(call)


_TAG: Final = "Subscribers"

ENDPOINTS: Final = (
    Endpoint(
        name="getChannels",
        method="GET",
        path="/subscribers/{number}/channels",
        params=(NUMBER,),
        tag=_TAG,
        says="Say by which channels a subscriber wants messages",
        handler=show,
        scope=Permission.VIEW_SUBSCRIBERS,
        gives=ChannelsDocument,
    ),
    Endpoint(
        name="setChannels",
        method="PUT",
        path="/subscribers/{number}/channels",
        params=(NUMBER,),
        tag=_TAG,
        says="Set by which channels a subscriber is reached first",
        handler=change,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=ChannelsBody,
        gives=ChannelsDocument,
    ),
)
