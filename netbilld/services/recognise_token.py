"""Whose a request of the JSON API is: its token found by hash, its rate counted, its use noted."""

from collections import OrderedDict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.api_token import ApiToken
from netbilld.ports.clock import SteadyClock
from netbilld.services.manage_tokens import BEGINS
from netbilld.services.sign_in import token_hash

NOTE_EVERY: Final = timedelta(minutes=1)
WRONG_PER_MINUTE: Final = 60  # tokens that are none, from one address
MOST_KEPT: Final = 10_000  # buckets; the one that waited longest goes first
_LONGEST: Final = 200


class Tokens(Protocol):
    async def by_hash(self, token_hash: str) -> ApiToken | None: ...

    async def touch(self, token_id: UUID, source: str, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def api_tokens(self) -> Tokens: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class NoToken:
    """There is none, or it is unknown, expired or revoked: `code` says which."""

    code: str


@dataclass(frozen=True, slots=True)
class TooMany:
    """More requests than are allowed; not before so many seconds."""

    retry_seconds: int


@dataclass(slots=True)
class _Bucket:
    left: float
    at_mono: float


class Rates:
    """Token buckets by name: so many a minute, and a minute's worth at once."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_minute: int) -> int:
        """Take one; return 0, or after how many seconds there is one again."""
        now_mono = self._clock.monotonic()
        bucket = self._buckets.pop(name, None) or _Bucket(float(per_minute), now_mono)
        self._buckets[name] = bucket
        if len(self._buckets) > MOST_KEPT:
            self._buckets.popitem(last=False)
        bucket.left = min(float(per_minute), bucket.left + (now_mono - bucket.at_mono) * per_minute / 60)
        bucket.at_mono = now_mono
        if bucket.left >= 1:
            bucket.left -= 1
            return 0
        return int((1 - bucket.left) * 60 / per_minute) + 1


class RecogniseToken:
    """Finds the token of a request."""

    def __init__(self, store: Store, clock: SteadyClock) -> None:
        self._store, self._clock, self._rates = store, clock, Rates(clock)

    async def run(self, clear: str | None, source: str) -> ApiToken | NoToken | TooMany:
        """Return the valid token that `clear` is, sent from an address; its use is noted once a minute."""
        now = self._clock.now()
        if clear is None:
            return NoToken("token_missing")
        found = None
        if clear.startswith(BEGINS) and len(clear) <= _LONGEST and clear.isascii():
            async with self._store.read() as work:
                found = await work.api_tokens.by_hash(token_hash(clear))
        if found is None:
            seconds = self._rates.take(f"wrong:{source}", WRONG_PER_MINUTE)
            return TooMany(seconds) if seconds else NoToken("token_unknown")
        if (state := found.state(now)) != "valid":
            return NoToken(f"token_{state}")
        if seconds := self._rates.take(f"token:{found.id}", found.rate_per_minute):
            return TooMany(seconds)
        if found.last_used_at is None or now - found.last_used_at >= NOTE_EVERY:
            async with self._store.write() as work:
                await work.api_tokens.touch(found.id, source, now)
        return found
