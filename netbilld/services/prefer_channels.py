"""PreferChannels: by which channel somebody wants to be reached first, and by which after that."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError
from netbilld.model.subscriber import FoundService, Subscriber
from netbilld.ports.changes import Changes
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.route_messages import DEFAULT_ORDER

CHOICES: Final = DEFAULT_ORDER


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody has said: the channels that come first, in their order, and those they want nothing by."""

    channels: tuple[str, ...] = ()
    stopped: frozenset[str] = frozenset()


class Messengers(Protocol):
    async def preferred(self, subscriber_id: UUID) -> Sequence[str]: ...

    async def stopped(self, subscriber_id: UUID) -> frozenset[str]: ...

    async def prefer(self, subscriber_id: UUID, channels: Sequence[str], actor: str, now: datetime) -> None: ...


class Subscribers(Protocol):
    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...

    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...

    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Work(Protocol):
    @property
    def messengers(self) -> Messengers: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class PreferChannels:
    """The use cases; a change is one transaction with its line in the audit trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def wanted(self, subscriber_id: UUID) -> Wanted:
        """Return what a subscriber has said; nothing at all is as the settings have it."""
        async with self._store.read() as work:
            channels = await work.messengers.preferred(subscriber_id)
            return Wanted(tuple(channels), await work.messengers.stopped(subscriber_id))

    async def run(self, name: str, channels: Sequence[str], actor: Actor, now: datetime) -> Subscriber:
        """Reach whoever has that user name or number by these channels first; by none of them: as the settings say.

        What is not named comes after, in the order of the settings; a channel is closed by STOP and not by this.

        Raises:
            NotFoundError: nobody has it.
            InvalidInputError: there is no such channel, or one is named twice.
        """
        checked(channels)
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, name)
            await _keep(work, subscriber, channels, actor, now)
            return subscriber

    async def own(self, subscriber_id: UUID, channels: Sequence[str], actor: Actor, now: datetime) -> None:
        """Do the same for somebody who says it themself.

        Raises:
            InvalidInputError: as above.
        """
        checked(channels)
        async with self._store.write() as work:
            subscriber = await work.subscribers.by_id(subscriber_id)
            if subscriber is not None:
                await _keep(work, subscriber, channels, actor, now)


async def _keep(work: Work, subscriber: Subscriber, channels: Sequence[str], actor: Actor, now: datetime) -> None:
    before = list(await work.messengers.preferred(subscriber.id))
    if before == list(channels):
        return
    await work.messengers.prefer(subscriber.id, channels, actor.name, now)
    details = {"number": subscriber.number, "was": before, "now": list(channels)}
    await work.changes.record(actor, now, "message.prefer", "subscriber", subscriber.id, details)


def checked(channels: Sequence[str]) -> None:
    """Return quietly where these can be preferred.

    Raises:
        InvalidInputError: there is no such channel, or one is named twice.
    """
    for channel in channels:
        if channel not in CHOICES:
            hint = f"there are: {', '.join(CHOICES)}"
            raise InvalidInputError(f"no channel {channel!r}", hint=hint, code="channel_unknown")
    if len(set(channels)) != len(channels):
        raise InvalidInputError("a channel is named twice", code="channel_unknown")
