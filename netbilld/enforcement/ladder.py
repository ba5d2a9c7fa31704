"""The ladder: what is asked of a NAS for a change, what comes next when that leads nowhere, and when a person is told.

A rung is one or more orders that only together bring what is due. They are carried out in turn; when one of them leads
nowhere, the next rung is tried. After the last one somebody must look, and after a long pause all begins again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netbilld.enforcement.actions import ChangeOfAuthorization, Disconnect, EnterList, LeaveList, Order, Via
from netbilld.enforcement.profile import ServiceProfile
from netbilld.enforcement.vendors.interface import Capabilities
from netbilld.radius.codes import ErrorCause

Rung = tuple[Order, ...]

SILENT_TRIES: Final = 3  # each of them sent several times; so often before somebody is told
FAILED_TRIES: Final = 2
PASSING_TRIES: Final = 4
STOP_TRIES: Final = 2  # Disconnects acknowledged without an end of the session
PASSING: Final = frozenset((int(ErrorCause.RESOURCES_UNAVAILABLE), int(ErrorCause.REQUEST_INITIATED)))
GONE: Final = int(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


class Change(StrEnum):
    """What has to become different about a session."""

    RATE = "rate"
    WALL = "wall"
    RESTORE = "restore"
    MOVE = "move"  # from one walled garden into another
    BLOCK = "block"
    END = "end"  # a person wants the session ended


@dataclass(frozen=True, slots=True)
class Doors:
    """How orders reach a NAS.

    Attributes:
        radius: it has a CoA port that we can reach.
        api: it has an API, over which sessions are ended.
        address_list: the list by which it walls, kept over the API; None where walls come with the log-in.
    """

    radius: bool = True
    api: bool = False
    address_list: str | None = None


class Result(StrEnum):
    """What came of an order."""

    ACKED = "acked"
    REFUSED = "refused"
    SILENT = "silent"
    FAILED = "failed"  # it could not be sent
    DISPROVED = "disproved"  # acknowledged, and seen not to be so
    NO_STOP = "no_stop"  # a Disconnect was acknowledged, and nothing was heard of the session since


class Pause(StrEnum):
    """How long to wait before what comes next."""

    NONE = "none"
    STOP = "stop"  # as long as a NAS may take to tell of a session's end
    RETRY = "retry"  # growing from try to try
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Position:
    """Where on the ladder a session's order is.

    Attributes:
        step: the order within the rung.
        tries: how often that order has led nowhere.
    """

    rung: int = 0
    step: int = 0
    tries: int = 0


START: Final = Position()


@dataclass(frozen=True, slots=True)
class Next:
    """What follows from an order's result.

    Attributes:
        tell: a person is to be told; nothing that is left to try is likely to help.
    """

    at: Position
    pause: Pause
    tell: bool = False


def ladder(change: Change, desired: ServiceProfile | None, capabilities: Capabilities, doors: Doors) -> list[Rung]:
    """Return the rungs for a change, lowest first; none where the NAS can't be asked for it.

    Args:
        change: what has to become different.
        desired: what is due; None where only the session's end is wanted.
        capabilities: what the NAS's vendor can be asked about that profile.
        doors: how this NAS is reached.
    """
    cuts: list[Rung] = []
    if doors.radius:
        cuts.append((Disconnect(),))
    if doors.api:
        cuts.append((Disconnect(Via.API),))
    if desired is None or change in (Change.BLOCK, Change.END):
        return cuts
    coa = ChangeOfAuthorization(desired)
    if change is Change.RATE:
        changed: list[Rung] = [(coa,)] if capabilities.coa_rate and doors.radius else []
        # a log-in brings a new rate only where the vendor takes one there
        return changed + cuts if capabilities.rate else changed
    if capabilities.coa_wall and doors.radius:
        return [(coa,), *cuts]
    if doors.address_list is not None and change is not Change.MOVE:
        listed: Order = EnterList(doors.address_list) if change is Change.WALL else LeaveList(doors.address_list)
        with_rate = capabilities.coa_rate and doors.radius
        return [(listed, coa) if with_rate else (listed,), *cuts]
    return cuts


def order_at(rungs: Sequence[Rung], at: Position) -> tuple[Order, Position]:
    """Return the order at a position; at the beginning where the ladder has none there, as after a change of settings.

    Raises:
        ValueError: the ladder is empty.
    """
    if not rungs:
        raise ValueError("a ladder without rungs")
    if at.rung >= len(rungs) or at.step >= len(rungs[at.rung]):
        at = START
    return rungs[at.rung][at.step], at


def ends_session(order: Order) -> bool:
    """Tell whether an order cuts the subscriber off."""
    return isinstance(order, Disconnect)


def door_of(order: Order) -> Via:
    """Return the door that an order goes through."""
    if isinstance(order, Disconnect):
        return order.via
    return Via.RADIUS if isinstance(order, ChangeOfAuthorization) else Via.API


def is_gone(order: Order, result: Result, error_cause: int | None) -> bool:
    """Tell whether a refusal says that the session to be ended is over already (RFC 5176 §3.5, 503)."""
    return ends_session(order) and result is Result.REFUSED and error_cause == GONE


def climb(rungs: Sequence[Rung], at: Position, result: Result, error_cause: int | None = None) -> Next | None:
    """Return what follows from the result of the order at a position; None where it has brought what it was to bring.

    An acknowledged Disconnect is done when the session is over, so that waits. A refusal that passes (506, 507) is
    waited for; any other refusal is final for that order: a session that a CoA did not find (503) is found gone, or
    ended, by the Disconnect that follows. Where nobody answers on the CoA port and the NAS has an API, that is asked at
    once.

    Raises:
        ValueError: the ladder is empty.
    """
    order, at = order_at(rungs, at)
    if result is Result.ACKED:
        if at.step + 1 < len(rungs[at.rung]):
            return Next(Position(at.rung, at.step + 1), Pause.NONE)
        return Next(Position(at.rung, at.step, at.tries), Pause.STOP) if ends_session(order) else None
    tries = at.tries + 1
    is_silent = result is Result.SILENT
    tell = is_silent and tries >= SILENT_TRIES
    by_api = _first_by_api(rungs, at.rung + 1) if is_silent and door_of(order) is Via.RADIUS else None
    if by_api is not None:
        return Next(Position(by_api), Pause.NONE)
    if tries < _tries(result, order, error_cause):
        return Next(Position(at.rung, at.step, tries), Pause.NONE if result is Result.NO_STOP else Pause.RETRY)
    if at.rung + 1 < len(rungs):
        return Next(Position(at.rung + 1), Pause.RETRY if is_silent else Pause.NONE, tell)
    return Next(START, Pause.RETRY if is_silent else Pause.LONG, tell=True)


def _tries(result: Result, order: Order, error_cause: int | None) -> int:
    if result is Result.REFUSED:
        return PASSING_TRIES if error_cause in PASSING else 1
    if result is Result.SILENT:
        return SILENT_TRIES if door_of(order) is Via.RADIUS else FAILED_TRIES
    if result is Result.FAILED:
        return FAILED_TRIES
    return STOP_TRIES if result is Result.NO_STOP else 1


def _first_by_api(rungs: Sequence[Rung], start: int) -> int | None:
    return next((number for number in range(start, len(rungs)) if door_of(rungs[number][0]) is Via.API), None)
