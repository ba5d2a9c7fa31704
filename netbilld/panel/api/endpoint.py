"""One thing that can be asked: address, what it takes and gives, what it needs; the guard and the document read it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from netbilld.model.permissions import Permission
from netbilld.panel.api.shapes import Asked, Query, Shape
from netbilld.panel.within import Reach, reach_of

if TYPE_CHECKING:
    from netbilld.panel.api.call import Call

PREFIX: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Param:
    """A part of an address: what it looks like, and what it is."""

    name: str
    pattern: str
    says: str
    format: str | None = None
    example: str | None = None


NUMBER: Final = Param("number", r"[0-9]{1,20}", "A subscriber number.", example="100001")
SERVICE: Final = Param(
    "service", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "A service's id.", format="uuid"
)
PLAN: Final = Param("code", r"[^{}/]{1,192}", "A plan's code, in any letter case.", example="HOME20")
INVOICE: Final = Param(
    "reference",
    r"[^{}/]{1,120}",
    "A document's number, or the id of a draft; a `/` in a number is written `%2F`.",
    example="INV-202611-000001",
)
PAYMENT: Final = Param("reference", r"[^{}/]{1,120}", "A payment's id or receipt number.")
NOTE: Final = Param("note", r"[0-9]{1,18}", "A note's id.")
PARKED: Final = Param("parked", SERVICE.pattern, "The id of parked money.", format="uuid")
BANK_ROW: Final = Param("row", r"[0-9]{1,18}", "A row's id.")
SESSION: Final = Param("id", r"[0-9]{1,18}", "A session's id.")
COMPLAINT: Final = Param("complaint", r"[A-Za-z0-9-]{1,20}", "A complaint's number.", example="K00001")
AGENT: Final = Param("agent", r"[a-z][a-z0-9_.-]{0,31}", "What an agent signs in as.", example="sari")
COLLECTOR: Final = Param("collector", r"[a-z][a-z0-9_.-]{0,31}", "A collector's short name.", example="agus")
REPORT: Final = Param("name", r"[a-z_-]{1,60}", "A report's name.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives.

    Attributes:
        document: the body; None for none.
        version: of the thing, from its trail of changes: what If-Match is compared with.
        headers: further ones.
        file: instead of a document: its octets, type and name.
    """

    document: BaseModel | None = None
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    file: tuple[bytes, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation.

    Attributes:
        name: of the operation, once in the document.
        method: of HTTP.
        path: below the prefix.
        params: the parts of the path in braces.
        tag: the resource it belongs to.
        says: one line of what it does.
        more: what else a caller should know.
        scope: what a token must be allowed; None: any token.
        handler: what answers.
        query: what the address may carry.
        body: what is sent.
        gives: the document of a success; None: nothing, or a file.
        file_type: media type of a success that is a file.
        status: of a success.
        is_keyed: it makes something, and takes an Idempotency-Key.
        is_conditional: it changes something that If-Match can guard.
        conflicts: it may be refused although the request is right (409).
        within: what it is for tokens that are limited to areas; None goes by the path (see netbilld.panel.within).
    """

    name: str
    method: str
    path: str
    tag: str
    says: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    scope: Permission | None
    params: tuple[Param, ...] = ()
    more: str = ""
    query: type[Query] | None = None
    body: type[Asked] | None = None
    gives: type[Shape] | None = None
    file_type: str | None = None
    status: int = 200
    is_keyed: bool = False
    is_conditional: bool = False
    conflicts: bool = False
    within: Reach | None = None

    @property
    def reach(self) -> Reach:
        """Return what it is for tokens that are limited to areas."""
        return reach_of(self.path) if self.within is None else self.within

    @property
    def route(self) -> str:
        """Return the path as the router takes it."""
        path = self.path
        for param in self.params:
            path = path.replace(f"{{{param.name}}}", f"{{{param.name}:{param.pattern}}}")
        return path
