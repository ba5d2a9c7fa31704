"""The same request under the same key is done once and answered alike each time."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Idempotency(Protocol):
    """The part of a store that remembers what was done under a key."""

    async def claim(self, key: str, verb: str, request_digest: str, now: datetime) -> dict[str, Any] | None: ...

    async def complete(self, key: str, verb: str, result: Mapping[str, Any]) -> None: ...


def digest(request: Mapping[str, Any]) -> str:
    """Return a fingerprint of a request; leave secrets out of it, for it is stored."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()
