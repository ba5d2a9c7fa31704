"""Keeping what was put on a NAS's address lists for sessions."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol
from uuid import UUID

# Of some sessions, by id: the list and the address that each is due an entry for; others are due none.
DueEntries = Callable[[Collection[int]], Awaitable[Mapping[int, tuple[str, str]]]]


class KeepLists(Protocol):
    """Renews and removes entries over the API of a NAS, within a bounded time.

    What a router does raises nothing; what `due` raises, goes on.
    """

    async def tidy(self, nas_id: UUID, due: DueEntries) -> None:
        """Renew the entries of sessions that are due one, remove those of all others."""
        ...

    async def drop(self, nas_id: UUID, session_ids: Collection[int]) -> None:
        """Remove the entries of sessions that are over."""
        ...
