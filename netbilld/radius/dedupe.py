"""Retransmissions: recognised, and answered with the very same bytes (RFC 5080 §2.2.2)."""

from collections.abc import Hashable
from math import inf

IN_PROGRESS = b""  # stands in for the reply of a request that is being worked on
GENERATION_SECONDS = 10.0
MAX_ENTRIES = 131_072


class Begun:
    """A request that was believed and is worked on or answered: `reply` is `IN_PROGRESS` until then.

    `octets` is the hash of the datagram that began it.
    """

    __slots__ = ("authenticator", "octets", "reply")

    def __init__(self, authenticator: bytes, octets: int) -> None:
        self.authenticator = authenticator
        self.octets = octets
        self.reply = IN_PROGRESS


class ReplyCache:
    """Replies of the last 10 to 20 seconds, in two generations, so that nothing has to be expired one by one.

    A key is the request's source (with the receiving address, where the listener reports it) and identifier; a request
    is known only by the very octets that began it. The same Request Authenticator would not do: a NAS that chooses
    them badly would get one subscriber's answer for another. The RFC wants entries to live between 5 and 30 seconds. A
    generation that is full is retired early: a retransmission is then worked on afresh, which is safe, only dearer.
    """

    __slots__ = ("_generation_seconds", "_max_entries", "_old", "_retire_at_mono", "_young")

    def __init__(self, generation_seconds: float = GENERATION_SECONDS, max_entries: int = MAX_ENTRIES) -> None:
        self._generation_seconds = generation_seconds
        self._max_entries = max_entries
        self._young: dict[Hashable, Begun] = {}
        self._old: dict[Hashable, Begun] = {}
        self._retire_at_mono = -inf

    def find(self, key: Hashable, octets: int, now_mono: float) -> Begun | None:
        """Return the request of that key if it has begun with the same octets, of which this is the hash.

        A copy needs no verifying again: after a power cut it is copies that come.
        """
        if now_mono >= self._retire_at_mono or len(self._young) >= self._max_entries:
            self._retire(now_mono)
        begun = self._young.get(key) or self._old.get(key)
        return begun if begun is not None and begun.octets == octets else None

    def begin(self, key: Hashable, authenticator: bytes, octets: int) -> Begun:
        """Remember a request that `find` does not know; it takes the place of an older one with its key."""
        begun = self._young[key] = Begun(authenticator, octets)
        return begun

    def knows(self, key: Hashable, authenticator: bytes) -> bool:
        """Tell whether this request has been begun, answered or not."""
        begun = self._young.get(key) or self._old.get(key)
        return begun is not None and begun.authenticator == authenticator

    def forget(self, key: Hashable, authenticator: bytes) -> None:
        """Let the next copy of this request be worked on afresh."""
        for generation in (self._young, self._old):
            begun = generation.get(key)
            if begun is not None and begun.authenticator == authenticator:
                del generation[key]

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _retire(self, now_mono: float) -> None:
        # After a silence longer than a generation the young ones are too old as well.
        self._old = self._young if now_mono - self._retire_at_mono < self._generation_seconds else {}
        self._young = {}
        self._retire_at_mono = now_mono + self._generation_seconds
