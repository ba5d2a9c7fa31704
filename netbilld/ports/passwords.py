"""The slow hash of passwords."""

from typing import Protocol


class Passwords(Protocol):
    """Slow salted hashes; both take their time off the event loop."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str, password: str) -> bool: ...
