"""What a router shows, beside what is due: it agrees, it differs, or nobody can tell."""

import pytest

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.read_back import Verdict, read_back

HOME = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
SLOW = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
BY_POOL = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir")
FULL, NONE = (10_000_000, 20_000_000), frozenset[str]()
ON_LIST = frozenset({"isolir", "staff"})


@pytest.mark.parametrize(
    ("due", "rate_bps", "lists", "verdict"),
    [
        (HOME, FULL, NONE, Verdict.AGREES),
        (HOME, (10_000_900, 19_999_100), NONE, Verdict.AGREES),  # kept in whole kilobits
        (HOME, (20_000_000, 10_000_000), NONE, Verdict.DIFFERS),  # the wrong way round
        (HOME, (1_000_000, 2_000_000), NONE, Verdict.DIFFERS),
        (HOME, (0, 0), NONE, Verdict.DIFFERS),  # no limit at all
        (HOME, (0, 20_000_000), NONE, Verdict.DIFFERS),
        (HOME, None, NONE, Verdict.UNKNOWN),
        (HOME, FULL, None, Verdict.UNKNOWN),
        (HOME, FULL, ON_LIST, Verdict.DIFFERS),  # paid, still walled
        (HOME, None, ON_LIST, Verdict.DIFFERS),
        (HOME, (1_000_000, 2_000_000), None, Verdict.DIFFERS),
        (SLOW, (1_000_000, 2_000_000), NONE, Verdict.AGREES),
        (SLOW, FULL, NONE, Verdict.DIFFERS),
        (WALLED, (256_000, 256_000), ON_LIST, Verdict.AGREES),
        (WALLED, None, ON_LIST, Verdict.AGREES),  # the list is the wall
        (WALLED, FULL, ON_LIST, Verdict.DIFFERS),
        (WALLED, (256_000, 256_000), NONE, Verdict.DIFFERS),
        (WALLED, (256_000, 256_000), None, Verdict.UNKNOWN),
        (BY_POOL, (256_000, 256_000), NONE, Verdict.UNKNOWN),  # its address does not say of which pool it is
        (BY_POOL, FULL, NONE, Verdict.DIFFERS),
        (ServiceProfile(Access.BLOCKED), None, None, Verdict.DIFFERS),  # it is online
        (None, (256_000, 256_000), NONE, Verdict.DIFFERS),  # a NAS that walls by refusing
    ],
)
def test_a_session_agrees_differs_or_can_t_be_told(
    due: ServiceProfile | None,
    rate_bps: tuple[int, int] | None,
    lists: frozenset[str] | None,
    verdict: Verdict,
) -> None:
    assert read_back(due, rate_bps, lists, "isolir").verdict is verdict


def test_what_differs_is_said_as_the_router_would_write_it() -> None:
    told = read_back(SLOW, FULL, NONE, "isolir")
    assert told.words == "its queue lets 10M/20M through, due is 1M/2M"
    assert read_back(SLOW, (0, 512_500), NONE, "isolir").words == "its queue lets anything/512500 through, due is 1M/2M"
    assert read_back(WALLED, None, NONE, "isolir").words == "its address is not on the list isolir"


def test_bursts_priorities_and_minimums_are_no_difference_and_neither_is_what_32_bits_can_t_hold() -> None:
    burst = Burst(40_000_000, 20_000_000, 15_000_000, 7_000_000, 10)
    plan = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000, burst, 3, 1_000_000, 1_000_000))
    assert read_back(plan, FULL, NONE, "isolir").verdict is Verdict.AGREES
    fast = ServiceProfile(Access.ACTIVE, Speed(10_000_000_000, 1_000_000_000))
    assert read_back(fast, (1_000_000_000, 2**32 - 1), NONE, "isolir").verdict is Verdict.AGREES
    assert read_back(fast, (1_000_000_000, 1_000_000_000), NONE, "isolir").verdict is Verdict.DIFFERS
