"""Makes somebody who guesses passwords wait, without making the subscriber wait whose name it is."""

from collections.abc import Callable
from typing import Final

from netbilld.radius.access import AccessView, Reason
from netbilld.radius.attributes import CALLING_STATION_ID
from netbilld.radius.guesses import Guesses, Name
from netbilld.radius.server import Request
from netbilld.radius.values import lookup_key, normalise_mac, text

MAX_WAITING: Final = 2_000  # Rejects; more than that leave at once

_GUESSED: Final = frozenset((Reason.WRONG_PASSWORD, Reason.UNKNOWN_USER, Reason.ROUTER_LOGIN, Reason.TOO_MANY_TRIES))

# Calls something after so many seconds.
Later = Callable[[float, Callable[[], None]], object]


class SlowGuessers:
    """Decides which tries are looked at, and puts the Rejects of a guesser off.

    `put_off` and `refused` count since the start.
    """

    def __init__(self, later: Later, delay_seconds: float) -> None:
        """`delay_seconds` is how long a guesser's Reject waits; shorter than a NAS does."""
        self._guesses = Guesses()
        self._later = later
        self._delay_seconds = delay_seconds
        self._waiting = 0
        self.put_off = 0
        self.refused = 0

    def may_try(self, request: Request, name: bytes, view: AccessView | None) -> bool:
        """Return whether the credentials in the request are looked at."""
        guesses = self._guesses
        if not guesses.watching:
            return True
        station = request.packet.attributes.get(CALLING_STATION_ID, b"")
        allowed = guesses.may_try(_key(name, view), request.client.nas_id, station, request.arrived_mono)
        self.refused += not allowed
        return allowed

    def accepted(self, request: Request, view: AccessView) -> None:
        """Take note of right credentials."""
        station = request.packet.attributes.get(CALLING_STATION_ID, b"")
        self._guesses.right(view.name, request.client.nas_id, station)

    def remember(self, name: str, mac: str) -> None:
        """Take it that a subscriber's device is the one that has a session under that name, as it is stored."""
        self._guesses.remember(name, mac.encode("ascii", "replace"))

    def rejected(
        self, request: Request, name: bytes, view: AccessView | None, reason: str, answer: Callable[[], None]
    ) -> bool:
        """Take note of a Reject, or of what tells of one; True if `answer` sends it later, False if it leaves now."""
        if reason not in _GUESSED:
            return False
        station = request.packet.attributes.get(CALLING_STATION_ID, b"")
        if reason == Reason.TOO_MANY_TRIES:
            slow = True
        elif view is None and _is_itself(name, station):
            return False  # a device that nobody knows yet guesses nothing
        else:
            slow = self._guesses.wrong(_key(name, view), request.client.nas_id, station, request.arrived_mono)
        if not slow or not self._delay_seconds or self._waiting >= MAX_WAITING:
            return False

        def send() -> None:
            self._waiting -= 1
            answer()

        self._waiting += 1
        self.put_off += 1
        self._later(self._delay_seconds, send)
        return True


def _key(name: bytes, view: AccessView | None) -> Name:
    return lookup_key(name) if view is None else view.name


def _is_itself(name: bytes, station: bytes) -> bool:
    mac = normalise_mac(text(name))
    return mac is not None and mac == normalise_mac(text(station))
