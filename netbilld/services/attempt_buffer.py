"""Log-in attempts between the reply and the database."""

from collections import deque
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

# Four seconds of the fastest log-ins there are, about 30 MB: a database that pauses for breath costs none of them.
LOG_BUFFER_ATTEMPTS: Final = 100_000


class LoginAttempt(NamedTuple):
    """One Access-Request and its answer, for the log; a tuple, since one is made for every request."""

    at: datetime
    nas_id: UUID
    user_name: bytes
    service_id: UUID | None
    method: str
    result: str
    reason: str
    latency_us: int
    mac: bytes | None = None
    detail: str | None = None


class AttemptBuffer:
    """Attempts waiting to be written; when the database is away the oldest are lost, and counted."""

    def __init__(self, limit: int = LOG_BUFFER_ATTEMPTS) -> None:
        self._waiting: deque[LoginAttempt] = deque(maxlen=limit)
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, attempt: LoginAttempt) -> None:
        """Keep one more."""
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append(attempt)

    def take(self, limit: int) -> list[LoginAttempt]:
        """Return the oldest ones and forget them."""
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def put_back(self, attempts: list[LoginAttempt]) -> None:
        """Return what could not be written, as far as there is room; the oldest of them are lost first."""
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        self.lost += max(0, len(attempts) - room)
        self._waiting.extendleft(reversed(attempts[len(attempts) - room :] if room < len(attempts) else attempts))
