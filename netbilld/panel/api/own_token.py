"""What a token is told of itself."""

from typing import Final

from pydantic import Field

from netbilld import __version__
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import Answer, Endpoint
from netbilld.panel.api.shapes import Moment, Shape
from netbilld.panel.within import Within


class TokenDocument(Shape):
    """The token that asks."""

    name: str
    scopes: list[str]
    areas: list[str] = Field(description="Empty: everywhere.")
    rate_per_minute: int
    expires_at: Moment | None
    server_version: str
    now: Moment = Field(description="The server's clock.")


async def show(call: Call) -> Answer:
    """GET /token."""
    token = call.token
    return Answer(
        TokenDocument(
            name=token.name,
            scopes=sorted(token.scopes),
            areas=list(token.areas),
            rate_per_minute=token.rate_per_minute,
            expires_at=call.local_or_none(token.expires_at),
            server_version=__version__,
            now=call.local(call.now),
        )
    )


_TAG: Final = "Token"

ENDPOINTS: Final = (
    Endpoint(
        name="getToken",
        method="GET",
        path="/token",
        tag=_TAG,
        says="Get what the token may do",
        handler=show,
        scope=None,
        gives=TokenDocument,
        within=Within.ANYWHERE,
    ),
)
