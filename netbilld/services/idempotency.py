"""The same request under the same key is done once and answered alike each time."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar


class Idempotency(Protocol):
    """The part of a store that remembers what was done under a key."""

    async def claim(self, key: str, verb: str, request_digest: str, now: datetime) -> dict[str, Any] | None: ...

    async def complete(self, key: str, verb: str, result: Mapping[str, Any]) -> None: ...


class Work(Protocol):
    @property
    def idempotency(self) -> Idempotency: ...


_Work_co = TypeVar("_Work_co", bound=Work, covariant=True)
_Held = TypeVar("_Held", bound=Work)


class Store(Protocol[_Work_co]):
    def write(self) -> AbstractAsyncContextManager[_Work_co]: ...


async def once(
    store: Store[_Held],
    key: str | None,
    verb: str,
    request: Mapping[str, Any],
    now: datetime,
    make: Callable[[_Held], Awaitable[dict[str, Any]]],
) -> Mapping[str, Any]:
    """Do something in a transaction and return what came of it; under a key that was used, what came of it then."""
    async with store.write() as work:
        if not key:
            return await make(work)
        done = await work.idempotency.claim(key, verb, digest(request), now)
        if done is not None:
            return done
        result = await make(work)
        await work.idempotency.complete(key, verb, result)
        return result


def digest(request: Mapping[str, Any]) -> str:
    """Return a fingerprint of a request; leave secrets out of it, for it is stored."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()
