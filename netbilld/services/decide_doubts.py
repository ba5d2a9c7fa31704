"""DecideDoubts: octets that can't be true become usage, or never do, by a person's word."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.ports.changes import Changes
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.book_usage import Work as BookWork
from netbilld.services.charge_wallets import PLAIN, WalletRules

STATES: Final = ("open", "accepted", "rejected", "withdrawn")


@dataclass(frozen=True, slots=True)
class UsageDoubt:
    """Octets that a NAS has reported and its port can't have carried.

    Attributes:
        service_id, username: whose session it is; None where it is nobody's.
        start_at, end_at: between which reports.
        seconds: the time in which they were said to have moved.
        counter_upload_octets, counter_download_octets: as the NAS had reported them, in the subscriber's direction.
        port_bps: what they were judged by.
        state: open, accepted, rejected, or withdrawn where the NAS's counters went back to where they were.
    """

    id: int
    session_id: int
    nas_id: UUID
    nas: str
    service_id: UUID | None
    username: str
    start_at: datetime
    end_at: datetime
    seconds: int
    upload_octets: int
    download_octets: int
    counter_upload_octets: int
    counter_download_octets: int
    port_bps: int
    state: str
    noted_at: datetime
    decided_at: datetime | None
    decided_by: str | None

    @property
    def lasting(self) -> timedelta:
        """Return the time in which they were said to have moved."""
        return timedelta(seconds=self.seconds)

    @property
    def seeming_bps(self) -> int:
        """Return how fast the faster direction would have been."""
        return max(self.upload_octets, self.download_octets) * 8 // max(self.seconds, 1)


class Doubts(Protocol):
    async def find(self, doubt_id: int) -> UsageDoubt | None: ...
    async def decide(self, doubt_id: int, state: str, by: str, at: datetime) -> bool: ...
    async def meter(self, doubt: UsageDoubt) -> None: ...


class Sessions(Protocol):
    async def hold(self, nas_ids: Collection[UUID]) -> None: ...


class Work(BookWork, Protocol):
    @property
    def doubts(self) -> Doubts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class DecideDoubts:
    """Each decision is one transaction with its line in the audit trail, and is made once."""

    def __init__(self, store: Store, timezone: str, *, wallets: WalletRules = PLAIN) -> None:
        """Take the zone of usage that is nobody's and of booking dates, and how wallets pay."""
        self._store = store
        self._book = BookUsage(timezone, wallets=wallets)

    async def accept(self, doubt_id: int, actor: Actor, now: datetime) -> UsageDoubt:
        """Book the octets as usage of the time they were reported for.

        Raises:
            NotFoundError: there is no such doubt.
            RefusedError: it is decided already, or its NAS has gone back on it.
        """
        async with self._store.write() as work:
            doubt = await self._take(work, doubt_id, "accepted", actor, now)
            moved = Moved(
                doubt.service_id,
                doubt.session_id,
                None,
                "radius",
                doubt.start_at,
                doubt.end_at,
                doubt.upload_octets,
                doubt.download_octets,
                doubt.nas_id,
            )
            await self._book.handle(work, [moved], now)
            await work.doubts.meter(doubt)
            await self._note(work, "usage.accept", doubt, actor, now)
        return doubt

    async def reject(self, doubt_id: int, actor: Actor, now: datetime) -> UsageDoubt:
        """Leave the octets out of usage for good.

        Raises:
            NotFoundError: there is no such doubt.
            RefusedError: it is decided already, or its NAS has gone back on it.
        """
        async with self._store.write() as work:
            doubt = await self._take(work, doubt_id, "rejected", actor, now)
            await self._note(work, "usage.reject", doubt, actor, now)
        return doubt

    async def _take(self, work: Work, doubt_id: int, state: str, actor: Actor, now: datetime) -> UsageDoubt:
        """Return the doubt, decided by this transaction and nobody else; its NAS's meter waits till then."""
        doubt = await work.doubts.find(doubt_id)
        if doubt is None:
            raise NotFoundError(f"there is no doubt {doubt_id}", hint="`netbilld usage doubts` shows them")
        await work.sessions.hold({doubt.nas_id})
        if not await work.doubts.decide(doubt_id, state, actor.name, now):
            settled = await work.doubts.find(doubt_id)
            said = settled.state if settled is not None else "gone"
            raise RefusedError(
                f"doubt {doubt_id} is {said} already",
                hint="its NAS's counters have gone back: nothing is to be decided" if said == "withdrawn" else "",
                code="decided",
            )
        return doubt

    async def _note(self, work: Work, action: str, doubt: UsageDoubt, actor: Actor, now: datetime) -> None:
        service_ids: Sequence[str] = [str(doubt.service_id)] if doubt.service_id is not None else []
        details = {
            "session_id": doubt.session_id,
            "username": doubt.username,
            "nas": doubt.nas,
            "upload_octets": doubt.upload_octets,
            "download_octets": doubt.download_octets,
            "service_ids": service_ids,
        }
        await work.changes.record(actor, now, action, "usage_doubt", doubt.id, details)
