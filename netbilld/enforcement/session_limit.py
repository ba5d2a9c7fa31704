"""Sessions at once: which of a service's sessions are really alive, and what one log-in too many leads to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.model.service_lock import SecondLogin

# Between an Access-Accept and the Start that tells of it: a log-in that nothing came of holds its place so long.
START_WAIT: Final = timedelta(seconds=60)
# A session that speaks so long after it was asked to end is alive all the same.
END_WAIT: Final = timedelta(seconds=60)


@dataclass(slots=True)
class HeldSession:
    """A session that takes one of a service's places.

    Attributes:
        id: None for a log-in that was let in and not heard of by accounting yet.
        nas_port: as `Location.nas_port`.
        heard_at: its last word, by the event's own time.
        ending_since: it was asked to end then.
    """

    id: int | None
    service_id: UUID
    nas_id: UUID
    mac: str | None
    nas_port: str | None
    began_at: datetime
    heard_at: datetime
    interval_seconds: int = 0
    ending_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comer:
    """Who wants in: told from others of the same service by station, else by NAS and port."""

    nas_id: UUID
    mac: str | None
    nas_port: str | None

    def is_same(self, held: HeldSession) -> bool:
        """Tell whether a session is this comer's own earlier one.

        The same MAC address, on whichever NAS; where either side has none, the same port of the same NAS. Without MAC
        and port (PPTP, L2TP) nothing tells one device from another.
        """
        if self.mac is not None and held.mac is not None:
            return self.mac == held.mac
        return self.nas_id == held.nas_id and self.nas_port is not None and self.nas_port == held.nas_port


class Aliveness(StrEnum):
    EXPECTED = "expected"  # let in a moment ago, its Start is to come
    ALIVE = "alive"  # reports as it should
    SILENT = "silent"  # a report is overdue: a ghost, as far as the limit goes
    ENDING = "ending"  # asked to end, and not heard of since


COUNTED: Final = frozenset((Aliveness.EXPECTED, Aliveness.ALIVE))


@dataclass(frozen=True, slots=True)
class Admittance:
    """What a limit makes of a log-in.

    Attributes:
        admitted: whether it may come in.
        to_end: sessions to end because of it.
        blocking: where it may not, the session heard of last among those that hold the places.
        counted: places taken by others.
    """

    admitted: bool
    to_end: tuple[HeldSession, ...] = ()
    blocking: HeldSession | None = None
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Hearing:
    """What silence is judged by: the policy, this moment, and since when we have been listening without a gap."""

    silence: SilencePolicy
    now: datetime
    since: datetime | None = None


def expected_until(held: HeldSession, hearing_since: datetime | None) -> datetime:
    """Return when a log-in gives its place back; its Start may wait among others while the meter is behind."""
    return (held.began_at if hearing_since is None else max(held.began_at, hearing_since)) + START_WAIT


def aliveness(held: HeldSession, hearing: Hearing) -> Aliveness:
    """Return whether a session is really alive.

    Half an interval above the longer of asked and observed interval it is silent; what was said while nobody listened
    can't be held against it.
    """
    if held.ending_since is not None and held.heard_at < held.ending_since + END_WAIT:
        return Aliveness.ENDING
    if held.id is None:
        return Aliveness.EXPECTED if hearing.now < expected_until(held, hearing.since) else Aliveness.SILENT
    heard_at = held.heard_at if hearing.since is None else max(held.heard_at, hearing.since)
    overdue = timedelta(seconds=hearing.silence.late_after_seconds(held))
    return Aliveness.SILENT if hearing.now - heard_at >= overdue else Aliveness.ALIVE


def admit(held: Iterable[HeldSession], comer: Comer, allowed: int, second: SecondLogin, hearing: Hearing) -> Admittance:
    """Return whether a log-in may come in beside the sessions its service has, and which of those are to end for it.

    Its own earlier session never stands in its way; one on another NAS is asked to end, one on the same NAS is over
    with the new one's Start. Several sessions of one station take one place.
    """
    to_end: list[HeldSession] = []
    silent: list[HeldSession] = []
    places: dict[str | int, list[HeldSession]] = {}
    for session in held:
        state = aliveness(session, hearing)
        if state is Aliveness.ENDING:
            continue
        if comer.is_same(session):
            if session.nas_id != comer.nas_id:
                to_end.append(session)
        elif state is Aliveness.SILENT:
            if session.id is not None:
                silent.append(session)
        else:
            places.setdefault(session.mac or id(session), []).append(session)
    counted = len(places)
    if counted >= allowed:
        if second == "refuse":
            everyone = [session for place in places.values() for session in place]
            return Admittance(False, (), max(everyone, key=lambda session: session.heard_at), counted)
        if second == "replace":
            oldest_first = sorted(places.values(), key=_newest_begin)
            to_end += [session for place in oldest_first[: counted - allowed + 1] for session in place]
    if second != "allow":
        # ghosts whose places are needed are asked to end: whichever is not dead must not come back beside the new one
        room = max(0, allowed - 1 - min(counted, allowed - 1))
        silent.sort(key=lambda session: session.heard_at)
        to_end += silent[: max(0, len(silent) - room)]
    return Admittance(True, tuple(to_end), None, counted)


def surplus(
    held: Iterable[HeldSession], allowed: int, second: SecondLogin, hearing: Hearing
) -> tuple[HeldSession, ...]:
    """Return the sessions to end now that one has begun, or spoken again, and there are more alive than allowed.

    With `replace` the oldest go, with `refuse` the newest: those that came in although the limit was reached, past us
    or by another node. None with `allow`.
    """
    if second == "allow":
        return ()
    places: dict[str | int, list[HeldSession]] = {}
    for session in held:
        if aliveness(session, hearing) in COUNTED:
            places.setdefault(session.mac or id(session), []).append(session)
    excess = len(places) - allowed
    if excess <= 0:
        return ()
    in_order = sorted(places.values(), key=_newest_begin)
    chosen = in_order[:excess] if second == "replace" else in_order[-excess:]
    return tuple(session for place in chosen for session in place)


def _newest_begin(place: Sequence[HeldSession]) -> datetime:
    return max(session.began_at for session in place)
