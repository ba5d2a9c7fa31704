"""One request as an operation sees it: who asks, what they brought, and the condition it stands under."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.actor import Actor
from netbilld.model.api_token import ApiToken
from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.panel.api.parts import ApiParts, Store
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Asked, Query
from netbilld.services.areas import EVERYWHERE, Areas

ANY: Final = "*"
_Q = TypeVar("_Q", bound=Query)
_A = TypeVar("_A", bound=Asked)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be made.

    Attributes:
        params: the parts of its address.
        areas: whose subscribers the token may see.
        key: what makes it once, for the services that make money or people; None: the caller does not mind.
        expected: the versions it is for (If-Match); None: whatever it is now.
    """

    parts: ApiParts
    token: ApiToken
    source: str
    now: datetime
    params: Mapping[str, str]
    asked_query: Query | None
    asked_body: Asked | None
    areas: Areas = EVERYWHERE
    key: str | None = None
    expected: frozenset[str] | None = None

    @property
    def actor(self) -> Actor:
        """Return the author of a change made by this request."""
        return Actor(f"token {self.token.name}", self.source)

    @property
    def today(self) -> date:
        """Return the local day."""
        return local_date(self.now, self.parts.timezone)

    def query(self, kind: type[_Q]) -> _Q:
        """Return what the address carries."""
        assert isinstance(self.asked_query, kind), "the endpoint names it"  # noqa: S101
        return self.asked_query

    def body(self, kind: type[_A]) -> _A:
        """Return what was sent."""
        assert isinstance(self.asked_body, kind), "the endpoint names it"  # noqa: S101
        return self.asked_body

    def may(self, permission: Permission) -> bool:
        """Tell whether the token has a further right, which an answer goes by."""
        return self.token.may(permission)

    def keep_within(self, area: str | None) -> None:
        """Refuse to put somebody where the token can't see them.

        Raises:
            Problem: it is another area.
        """
        if not self.areas.include(area):
            raise Problem(403, "area_closed", f"the token is only for {', '.join(self.areas.paths)}")

    def local(self, at: datetime) -> datetime:
        """Return an instant as answers say it: to the second, with the local offset."""
        return at.astimezone(ZoneInfo(self.parts.timezone)).replace(microsecond=0)

    def local_or_none(self, at: datetime | None) -> datetime | None:
        """Return an instant as answers say it, where there is one."""
        return None if at is None else self.local(at)

    def guarded(self, entity: str, entity_id: UUID | str, lock: Callable[[Any], Awaitable[object]]) -> Store:
        """Return the store, whose next transaction is refused where the thing has changed since it was read.

        Args:
            entity: of the trail of changes.
            entity_id: likewise.
            lock: keeps others from changing it in that transaction.
        """
        if self.expected is None:
            return self.parts.database
        return _Guarded(self.parts.database, self, self.expected, entity, entity_id, lock)


async def version_of(work: Any, entity: str, entity_id: UUID | str) -> int:
    """Return the number of a thing's newest change; 0 where none is on record."""
    newest = await work.changes.about(entity, entity_id, limit=1)
    return int(newest[0].id) if newest else 0


class _Guarded:
    def __init__(
        self,
        store: Store,
        call: Call,
        expected: frozenset[str],
        entity: str,
        entity_id: UUID | str,
        lock: Callable[[Any], Awaitable[object]],
    ) -> None:
        self._store, self._call, self._expected = store, call, expected
        self._entity, self._entity_id, self._lock = entity, entity_id, lock

    def read(self) -> AbstractAsyncContextManager[Any]:
        return self._store.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        async with self._store.write() as work:
            await self._lock(work)
            newest = await work.changes.about(self._entity, self._entity_id, limit=1)
            version = str(newest[0].id) if newest else "0"
            if ANY not in self._expected and version not in self._expected:
                raise self._changed(newest[0] if newest else None)
            yield work

    def _changed(self, change: Any | None) -> Problem:
        said = "it is not what If-Match names"
        if change is not None:
            said = f"{change.actor} changed it at {self._call.local(change.at).isoformat()} ({change.action})"
        return Problem(412, "changed_meanwhile", said, "Read it again, and decide anew.")
