"""Retransmissions: recognised, and answered with the very same bytes (RFC 5080 §2.2.2)."""

from collections.abc import Hashable

IN_PROGRESS = b""  # stands in for the reply of a request that is being worked on
GENERATION_SECONDS = 10.0
MAX_ENTRIES = 131_072

# authenticator, reply, and the hash of the datagram that began it
_Entry = tuple[bytes, bytes, int]


class ReplyCache:
    """Replies of the last 10 to 20 seconds, in two generations, so that nothing has to be expired one by one.

    A key is the request's source (with the receiving address, where the listener reports it) and identifier; an entry
    is believed only if the Request Authenticator is the same too, because a NAS uses an identifier again for a new
    request. The RFC wants entries to live between 5 and 30 seconds. A generation that is full is retired early: a
    retransmission is then worked on afresh, which is safe, only dearer.
    """

    __slots__ = ("_generation_seconds", "_max_entries", "_old", "_retire_at_mono", "_young")

    def __init__(self, generation_seconds: float = GENERATION_SECONDS, max_entries: int = MAX_ENTRIES) -> None:
        self._generation_seconds = generation_seconds
        self._max_entries = max_entries
        self._young: dict[Hashable, _Entry] = {}
        self._old: dict[Hashable, _Entry] = {}
        self._retire_at_mono: float | None = None

    def again(self, key: Hashable, datagram: bytes, now_mono: float) -> bytes | None:
        """Return what was replied to the request in these very octets, `IN_PROGRESS`, or None if they are new.

        They were verified when they came first, so that a copy need not be: after a power cut it is copies that come.
        """
        if self._retire_at_mono is None or now_mono >= self._retire_at_mono or len(self._young) >= self._max_entries:
            self._retire(now_mono)
        entry = self._young.get(key) or self._old.get(key)
        if entry is None or entry[0] != datagram[4:20] or entry[2] != hash(datagram):
            return None
        return entry[1]

    def begin(self, key: Hashable, authenticator: bytes, now_mono: float, datagram: bytes = b"") -> bytes | None:
        """Return the reply already given to this request, `IN_PROGRESS`, or None if it is new and begins now.

        A new request under an old key takes the old one's place. `datagram` is what `again` is to know it by.
        """
        if self._retire_at_mono is None or now_mono >= self._retire_at_mono or len(self._young) >= self._max_entries:
            self._retire(now_mono)
        entry = self._young.get(key) or self._old.get(key)
        if entry is not None and entry[0] == authenticator:
            return entry[1]
        self._young[key] = (authenticator, IN_PROGRESS, hash(datagram))
        return None

    def knows(self, key: Hashable, authenticator: bytes) -> bool:
        """Tell whether this request has been begun, answered or not."""
        entry = self._young.get(key) or self._old.get(key)
        return entry is not None and entry[0] == authenticator

    def answer(self, key: Hashable, authenticator: bytes, reply: bytes) -> None:
        """Remember `reply`, unless a newer request has taken the key meanwhile."""
        entry = self._young.get(key) or self._old.get(key)
        if entry is None:
            self._young[key] = (authenticator, reply, hash(b""))
        elif entry[0] == authenticator:
            self._young[key] = (authenticator, reply, entry[2])

    def forget(self, key: Hashable, authenticator: bytes) -> None:
        """Let the next copy of this request be worked on afresh."""
        for generation in (self._young, self._old):
            entry = generation.get(key)
            if entry is not None and entry[0] == authenticator:
                del generation[key]

    def clear(self) -> None:
        """Forget everything."""
        self._young = {}
        self._old = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _retire(self, now_mono: float) -> None:
        overdue_seconds = 0.0 if self._retire_at_mono is None else now_mono - self._retire_at_mono
        # After a silence longer than a generation the young ones are too old as well.
        self._old = self._young if overdue_seconds < self._generation_seconds else {}
        self._young = {}
        self._retire_at_mono = now_mono + self._generation_seconds
