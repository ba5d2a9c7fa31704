"""Who is guessing passwords: wrong tries by source and name, so that the guesser waits and the subscriber does not."""

from typing import Final, TypeVar
from uuid import UUID

from netbilld.radius.values import normalise_mac, text

TRIES_OF_A_DEVICE: Final = 10  # wrong ones in a row that one device may make for one name
TRIES_OF_STRANGERS: Final = 30  # for one name at one NAS, by all devices that never got in with it
TRIES_AT_ALL: Final = 20  # by one device, whatever the names: somebody who tries vouchers
SECONDS_A_TRY: Final = 3.0  # after which one of them is forgotten
PATIENCE_TRIES: Final = 5  # from where on a Reject is delayed
MAX_WATCHED: Final = 20_000  # names, and as many devices
MAX_SOURCES_OF_A_NAME: Final = 64
MAX_FAMILIAR: Final = 65_536  # twice so many at most

Name = str | bytes
_Source = tuple[UUID, bytes]
_Key = TypeVar("_Key")
_Inner = TypeVar("_Inner")


class Guesses:
    """Wrong tries of the last minute or so, and the device that each name last got in from.

    A source is a NAS and the station it reports. A station that is over its limit is not looked at until its tries are
    forgotten one by one, once in 3 seconds: faster than that no person types and no modem dials. What others try with a
    subscriber's name never counts against the device the subscriber last came from. Where a NAS reports no station,
    the guesser can't be told from the subscriber: nobody is refused, and only the Rejects are delayed.

    Memory is bounded; when it is full the oldest are forgotten.
    """

    __slots__ = ("_familiar", "_familiar_before", "_names", "_stations", "watching")

    def __init__(self) -> None:
        # by name: each source and, under the NAS alone, all strangers together; the instant when all will be forgotten
        self._names: dict[Name, dict[_Source | UUID, float]] = {}
        self._stations: dict[bytes, dict[UUID, float]] = {}
        self._familiar: dict[Name, bytes] = {}
        self._familiar_before: dict[Name, bytes] = {}
        self.watching = False  # since the first wrong try; until then there is nothing to look up

    def __len__(self) -> int:
        return len(self._names) + len(self._stations)

    def may_try(self, name: Name, nas_id: UUID, station: bytes, now_mono: float) -> bool:
        """Return whether the credentials of this try are looked at."""
        tries = self._names.get(name)
        others = self._stations.get(station)
        if (tries is None and others is None) or not station:
            return True
        if tries is not None and _over(tries.get((nas_id, station)), TRIES_OF_A_DEVICE, now_mono):
            return False
        if self._is_familiar(name, station):
            return True
        if tries is not None and _over(tries.get(nas_id), TRIES_OF_STRANGERS, now_mono):
            return False
        return others is None or not _over(others.get(nas_id), TRIES_AT_ALL, now_mono)

    def right(self, name: Name, nas_id: UUID, station: bytes) -> None:
        """Remember that the name got in from there."""
        familiar = self._familiar
        familiar[name] = station
        if len(familiar) > MAX_FAMILIAR:
            self._familiar_before, self._familiar = familiar, {}
        if self.watching and (tries := self._names.get(name)) is not None:
            tries.pop((nas_id, station), None)

    def remember(self, name: Name, station: bytes) -> None:
        """Take it that the name last got in from that device, as the sessions of before a restart tell."""
        if len(self._familiar) < MAX_FAMILIAR:
            self._familiar.setdefault(name, station)

    def wrong(self, name: Name, nas_id: UUID, station: bytes, now_mono: float) -> bool:
        """Count a wrong try; return whether its Reject should be delayed."""
        self.watching = True
        tries = self._names.get(name)
        if tries is None:
            _make_room(self._names, now_mono)
            tries = self._names[name] = {}
        source = (nas_id, station)
        if source not in tries and len(tries) >= MAX_SOURCES_OF_A_NAME:
            del tries[next(known for known in tries if isinstance(known, tuple))]  # never that of all strangers
        level = _count(tries, source, now_mono)
        if station:
            if not self._is_familiar(name, station):
                level = max(level, _count(tries, nas_id, now_mono))
            others = self._stations.get(station)
            if others is None:
                _make_room(self._stations, now_mono)
                others = self._stations[station] = {}
            level = max(level, _count(others, nas_id, now_mono))
        return level > PATIENCE_TRIES

    def _is_familiar(self, name: Name, station: bytes) -> bool:
        known = self._familiar.get(name) or self._familiar_before.get(name)
        if known is None or known == station:
            return known is not None
        mac = normalise_mac(text(known))  # one NAS writes it so, accounting and another one otherwise
        return mac is not None and mac == normalise_mac(text(station))


def _over(forgotten_at_mono: float | None, limit: int, now_mono: float) -> bool:
    # half a try of tolerance, so that the limit itself is reached although time has passed between the tries
    return forgotten_at_mono is not None and forgotten_at_mono - now_mono > (limit - 0.5) * SECONDS_A_TRY


def _count(tries: dict[_Key, float], key: _Key, now_mono: float) -> float:
    forgotten_at_mono = tries[key] = max(tries.get(key, 0.0), now_mono) + SECONDS_A_TRY
    return (forgotten_at_mono - now_mono) / SECONDS_A_TRY


def _make_room(watched: dict[_Key, dict[_Inner, float]], now_mono: float) -> None:
    if len(watched) < MAX_WATCHED:
        return
    for key in [key for key, tries in watched.items() if max(tries.values(), default=0.0) <= now_mono]:
        del watched[key]
    while len(watched) >= MAX_WATCHED:
        for key in list(watched)[: MAX_WATCHED // 8]:
            del watched[key]
