"""read_back(): whether what a router shows of a session is what the session is due."""

from enum import StrEnum
from typing import Final, NamedTuple

from netbilld.billing.plan import Speed
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors.speeds import rate_word

_ROUNDING_BPS: Final = 1_000  # a router may keep whole kilobits
_MOST_BPS: Final = 2**32 - 1  # of a router that keeps a rate in 32 bits


class Verdict(StrEnum):
    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # the router does not show what would tell


class ReadBack(NamedTuple):
    """What came of comparing; `words` say what differs, or why nothing is known."""

    verdict: Verdict
    words: str = ""


_AGREES: Final = ReadBack(Verdict.AGREES)


def read_back(
    due: ServiceProfile | None,
    rate_bps: tuple[int, int] | None,
    lists: frozenset[str] | None,
    walled_list: str,
) -> ReadBack:
    """Compare a session that is on its router with what it is due.

    Args:
        due: as its NAS builds it; None where such a subscriber is not let in there at all.
        rate_bps: upload and download of the queue that holds it, 0 for no limit; None where that can't be told.
        lists: the address lists that its address is on; None where that can't be told.
        walled_list: the list of the walled garden.

    Returns:
        `differs` as soon as one thing does; `agrees` only where nothing that matters is left untold.
    """
    if due is None or due.access is Access.BLOCKED:
        return ReadBack(Verdict.DIFFERS, "it is online")
    is_walled = due.access is Access.WALLED
    rate = _rate(due.speed, rate_bps)
    if is_walled and due.address_list is None:
        # Its pool is all there is of the wall, and an address does not say which pool it is from.
        unknown = ReadBack(Verdict.UNKNOWN, "whether its address is of the walled pool can't be told")
        return rate if rate.verdict is Verdict.DIFFERS else unknown
    if lists is None:
        unknown = ReadBack(Verdict.UNKNOWN, "its address lists can't be told")
        return rate if rate.verdict is Verdict.DIFFERS else unknown
    if is_walled and due.address_list not in lists:
        return ReadBack(Verdict.DIFFERS, f"its address is not on the list {due.address_list}")
    if not is_walled and walled_list in lists:
        return ReadBack(Verdict.DIFFERS, f"its address is on the list {walled_list}")
    if is_walled and rate.verdict is Verdict.UNKNOWN:
        return _AGREES  # on the list the firewall holds it, whatever its rate
    return rate


def _rate(due: Speed | None, rate_bps: tuple[int, int] | None) -> ReadBack:
    if due is None:
        return _AGREES
    if rate_bps is None:
        return ReadBack(Verdict.UNKNOWN, "its queue can't be told")
    wanted = due.up_bps, due.down_bps
    if all(_same(is_bps, due_bps) for is_bps, due_bps in zip(rate_bps, wanted, strict=True)):
        return _AGREES
    return ReadBack(Verdict.DIFFERS, f"its queue lets {_pair(rate_bps)} through, due is {_pair(wanted)}")


def _same(is_bps: int, due_bps: int) -> bool:
    """Tell whether a limit is the one that is due; 0 is none at all."""
    if is_bps == 0 or due_bps == 0:
        return is_bps == due_bps
    return abs(is_bps - due_bps) < _ROUNDING_BPS or (is_bps == _MOST_BPS and due_bps > _MOST_BPS)


def _pair(rate_bps: tuple[int, int]) -> str:
    up_bps, down_bps = (rate_word(one) if one else "anything" for one in rate_bps)
    return f"{up_bps}/{down_bps}"
