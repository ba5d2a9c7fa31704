"""The mark of what we make on a router: a comment that says whose it is. Nothing without one is ever touched."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PREFIX: Final = "netbilld:"
# People may write on behind a mark; a longer word is none of ours.
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MARK: Final = re.compile(rf"netbilld:(?:s=([0-9]{{1,18}})|v=({_UUID}))(?:\s.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OfSession:
    """It was made for a session, and is gone with it."""

    session_id: int


@dataclass(frozen=True, slots=True)
class OfService:
    """It was made for a service with a fixed address."""

    service_id: UUID


RouterMark = OfSession | OfService


def session_mark(session_id: int) -> str:
    """Return the comment of what is made for a session."""
    return f"{PREFIX}s={session_id}"


def service_mark(service_id: UUID) -> str:
    """Return the comment of what is made for a service with a fixed address."""
    return f"{PREFIX}v={service_id}"


def read_mark(comment: str | None) -> RouterMark | None:
    """Return whose a thing with this comment is; None where it is not ours, whatever else the comment says."""
    if comment is None or (found := _MARK.fullmatch(comment)) is None:
        return None
    session_id, service_id = found.groups()
    return OfSession(int(session_id)) if session_id is not None else OfService(UUID(service_id))
