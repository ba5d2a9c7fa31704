"""The subscriber that a user name or a subscriber number leads to, held until the transaction ends."""

from typing import Protocol

from netbilld.model.errors import NotFoundError
from netbilld.model.subscriber import FoundService, Subscriber


class Subscribers(Protocol):
    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...
    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...


async def find_subscriber(work: Work, name: str) -> Subscriber:
    """Return whom people mean who type a user name or a number; nobody else changes them before the transaction ends.

    A user name comes first, also one that looks like another's number: what is a number already, such as that of a
    document, asks `by_number`.

    Raises:
        NotFoundError: nobody has it.
    """
    found = await work.subscribers.by_credential_name(name, lock=True)
    subscriber = found.subscriber if found else await work.subscribers.by_number(name.strip(), lock=True)
    if subscriber is None:
        raise NotFoundError(f"no subscriber {name!r}", hint="give a user name or a subscriber number")
    return subscriber
