"""The service that a name to log in with leads to, held until the transaction ends."""

from typing import Protocol

from netbilld.model.subscriber import FoundService, unknown_username


class Subscribers(Protocol):
    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


async def find_service(subscribers: Subscribers, username: str) -> FoundService:
    """Return it with its subscriber; nobody else changes them before the transaction ends.

    Raises:
        NotFoundError: nobody has that name.
    """
    found = await subscribers.by_credential_name(username, lock=True)
    if found is None:
        raise unknown_username(username)
    return found
