"""Whose TLS sessions may be resumed: a bounded memory from session to who was authenticated in it.

A session is remembered only once the authentication inside it has succeeded, so that nobody who merely finished a
handshake can skip the rest (the fault of CVE-2017-9148). What the service is due is always asked afresh.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from netbilld.radius.access import AccessView
from netbilld.radius.eap.packet import EapType

MAX_SESSIONS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """Who was authenticated, how, with what, and when for the first time."""

    kind: EapType
    identity: bytes
    credential: bytes = field(repr=False)  # a digest, so that a changed password ends the session
    since_mono: float


class Resumption:
    """The sessions that may be resumed; when full the oldest are forgotten."""

    def __init__(self, lifetime_seconds: float, max_sessions: int = MAX_SESSIONS) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._max_sessions = max_sessions
        self._sessions: OrderedDict[bytes, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, sessions: Iterable[bytes], kind: EapType, now_mono: float) -> Remembered | None:
        """Return who was authenticated in one of `sessions` by the same method, not too long ago."""
        for session in sessions:
            found = self._sessions.get(session)
            if found is None or found.kind is not kind:
                continue
            if now_mono - found.since_mono > self._lifetime_seconds:
                del self._sessions[session]
                continue
            return found
        return None

    def remember(self, sessions: Iterable[bytes], who: Remembered) -> None:
        """Let `sessions` be resumed as `who`."""
        if self._lifetime_seconds <= 0:
            return
        for session in sessions:
            self._sessions[session] = who
            self._sessions.move_to_end(session)
        while len(self._sessions) > self._max_sessions:
            self._sessions.popitem(last=False)


def credential_digest(view: AccessView) -> bytes:
    """Return what changes when the credential's secret or service does."""
    return sha256(view.service_id.bytes + view.nt_hash + view.password).digest()


def is_unchanged(who: Remembered, view: AccessView) -> bool:
    """Tell whether the credential is still the one that was authenticated, and may be believed without its proof."""
    return not view.barred and compare_digest(who.credential, credential_digest(view))
