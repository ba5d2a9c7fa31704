"""Open sessions in memory, brought to what the store says while everything else goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.enforcement.session_limit import HeldSession
from netbilld.services.live_sessions import LiveSessions
from tests.accounting_packets import NAS, T0

SERVICE = UUID(int=5)


class _Store:
    """Answers each look at a NAS when it is let."""

    def __init__(self, *session_ids: int) -> None:
        self.sessions = self
        self.open = [HeldSession(one, SERVICE, NAS, None, None, T0, T0) for one in session_ids]
        self.looks: list[asyncio.Event] = []

    @asynccontextmanager
    async def read(self) -> AsyncIterator["_Store"]:
        yield self

    async def nas_ids(self) -> Sequence[UUID]:
        return [NAS]

    async def held_on(self, nas_id: UUID, but_journal: int | None) -> Sequence[HeldSession]:  # noqa: ARG002
        found, let = list(self.open), asyncio.Event()
        self.looks.append(let)
        await let.wait()
        return found


async def _looks(store: _Store, count: int) -> None:
    async with asyncio.timeout(5):
        while len(store.looks) < count:
            await asyncio.sleep(0)


async def test_what_ends_while_two_look_at_the_store_at_once_stays_ended() -> None:
    store, live = _Store(1, 2), LiveSessions(SilencePolicy(300, 900))
    first = asyncio.ensure_future(live.load(store))
    await _looks(store, 1)
    live.drop([1])  # the store was asked before
    second = asyncio.ensure_future(live.load(store))
    await asyncio.sleep(0)
    store.open = store.open[1:]
    store.looks[0].set()
    await _looks(store, 2)
    store.looks[1].set()
    async with asyncio.timeout(5):
        assert [held.id for held in await first] == [2]
        assert await second == ()
    assert [held.id for held in live.of(SERVICE)] == [2]
