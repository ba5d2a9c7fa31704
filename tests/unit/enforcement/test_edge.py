"""The edge a service moves towards."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.accounting.overshoot import is_near
from netbilld.billing.plan import AfterAllowance, Burst, Counts
from netbilld.enforcement.edge import Edge, edge, has_edge, is_surely_far, line_rate_bps
from netbilld.enforcement.policy import ServiceStatus
from tests.builders.plans import FAST, allowance, per_use, plan
from tests.builders.services import NOW, PERIOD_START, service_facts, used


@pytest.mark.parametrize(
    ("counts", "left", "rate"),
    [(Counts.BOTH, 970, 30_000_000), (Counts.DOWN, 980, 20_000_000), (Counts.UP, 990, 10_000_000)],
)
def test_what_is_left_and_what_the_line_carries_are_of_the_directions_that_count(
    counts: Counts, left: int, rate: int
) -> None:
    facts = service_facts(plan=plan(allowance=allowance(AfterAllowance.THROTTLE, 1000, counts)))
    assert edge(facts, used(10, 20), NOW) == Edge(left, rate)


def test_usage_of_an_earlier_period_counts_for_nothing() -> None:
    facts = service_facts(plan=plan(allowance=allowance(AfterAllowance.WALL, 1000)))
    assert edge(facts, used(500, 0, PERIOD_START.replace(month=2)), NOW) == Edge(1000, 30_000_000)
    assert edge(facts, None, NOW) == Edge(1000, 30_000_000)


def test_an_allowance_that_is_used_up_leaves_nothing_or_less() -> None:
    facts = service_facts(plan=plan(allowance=allowance(AfterAllowance.WALL, 1000)))
    found = edge(facts, used(600, 700), NOW)
    assert found is not None
    assert found.left_octets == -300


def test_a_wallet_lasts_for_as_many_octets_as_it_pays() -> None:
    facts = service_facts(plan=per_use(), wallet_minor=6_000)
    assert edge(facts, None, NOW) == Edge(2 * 10**9, 30_000_000)


def test_without_a_limit_there_is_no_edge() -> None:
    assert edge(service_facts(), used(1, 1), NOW) is None
    assert not has_edge(plan())


def test_who_is_suspended_moves_towards_none() -> None:
    facts = service_facts(plan=plan(allowance=allowance(AfterAllowance.WALL, 1000)), status=ServiceStatus.SUSPENDED)
    assert edge(facts, used(1, 1), NOW) is None


def test_a_burst_is_what_the_line_can_carry() -> None:
    burst = replace(FAST, burst=Burst(40_000_000, 5_000_000, 1, 1, 8))
    assert line_rate_bps(burst, Counts.DOWN) == 40_000_000
    assert line_rate_bps(burst, Counts.BOTH) == 50_000_000


@given(
    used_octets=st.integers(0, 2000),
    seconds=st.floats(0, 0.001),
    period=st.sampled_from((2, 3)),
    counts=st.sampled_from(Counts),
)
def test_who_is_surely_far_is_far(used_octets: int, seconds: float, period: int, counts: Counts) -> None:
    """The quick word never hides who is near, whatever period the usage is of."""
    facts = service_facts(plan=plan(allowance=allowance(AfterAllowance.WALL, 2000, counts)))
    usage = used(used_octets // 2, used_octets - used_octets // 2, PERIOD_START.replace(month=period))
    found = edge(facts, usage, NOW)
    assert found is not None
    if is_surely_far(facts, usage, seconds):
        assert not is_near(found.left_octets, found.line_rate_bps, seconds)
