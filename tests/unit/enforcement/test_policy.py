"""entitlement(): the precedence of access, the calendar's edges, and what profile follows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from netbilld.billing.plan import AfterAllowance, Charging, Closing, Counts, Plan, Pools, Timing
from netbilld.billing.standing import Standing, StandingKind
from netbilld.enforcement.policy import PeriodUsage, Reason, ServiceFacts, ServiceStatus, entitlement
from netbilld.enforcement.profile import Access
from tests.builders.plans import PER_GB, SLOW, allowance, per_use, plan
from tests.builders.services import CURRENT, GARDEN, NOW, OVERDUE, PERIOD_END_AT, PERIOD_START, service_facts

LIMIT_OCTETS = 300 * 10**9
GRACE = Standing(StandingKind.GRACE, 50_000, NOW + timedelta(days=1))


def sold(
    timing: Timing = Timing.POSTPAID,
    charging: Charging = Charging.FLAT,
    after: AfterAllowance | None = AfterAllowance.THROTTLE,
    closing: Closing = Closing.WALL,
    counts: Counts = Counts.BOTH,
) -> Plan:
    included = allowance(after, LIMIT_OCTETS, counts) if after is not None else None
    closings: dict[str, Any] = {"when_overdue": closing, "when_no_credit": closing, "when_suspended": closing}
    if charging is Charging.PER_USE:
        return per_use(PER_GB, timing=timing, allowance=included, **closings)
    return plan(timing=timing, allowance=included, **closings)


def facts(**changes: Any) -> ServiceFacts:
    return service_facts(**{"plan": sold(), **changes})


def used(octets: int, start_on: date = PERIOD_START) -> PeriodUsage:
    return PeriodUsage(start_on, octets // 2, octets - octets // 2)


@pytest.mark.parametrize("closing", list(Closing))
def test_the_first_rule_of_the_precedence_that_applies_decides_whatever_else_is_true(closing: Closing) -> None:
    """Every combination of status, timing, credit, standing and usage (contract rule 6)."""
    statuses = list(ServiceStatus)
    kinds = [
        (Timing.POSTPAID, Charging.FLAT),
        (Timing.PREPAID, Charging.FLAT),
        (Timing.PREPAID, Charging.PER_USE),
        (Timing.POSTPAID, Charging.PER_USE),
    ]
    paid = [None, date(2025, 3, 16), date(2025, 3, 17)]
    closed = Access.WALLED if closing is Closing.WALL else Access.BLOCKED
    combinations = product(
        statuses, kinds, paid, [-1, 0, 1], [CURRENT, GRACE, OVERDUE], [None, *AfterAllowance], [0, LIMIT_OCTETS]
    )
    for status, (timing, charging), paid_until_on, wallet, standing, after, octets in combinations:
        flat_prepaid = timing is Timing.PREPAID and charging is Charging.FLAT
        wallet_pays = timing is Timing.PREPAID and charging is Charging.PER_USE
        wallet_pays = wallet_pays and not (after is AfterAllowance.CHARGE and octets == 0)  # what is included is left
        rules = [
            (status is ServiceStatus.ENDED, Reason.TERMINATED, Access.BLOCKED),
            (status is ServiceStatus.SUSPENDED, Reason.SUSPENDED, closed),
            (status is ServiceStatus.PAUSED, Reason.PAUSED, closed),
            (flat_prepaid and paid_until_on != date(2025, 3, 17), Reason.EXPIRED, closed),
            (wallet_pays and wallet <= 0, Reason.NO_CREDIT, closed),
            (standing is OVERDUE, Reason.OVERDUE, closed),
            (octets > 0 and after is AfterAllowance.WALL, Reason.QUOTA, Access.WALLED),
            (octets > 0 and after is AfterAllowance.BLOCK, Reason.QUOTA, Access.BLOCKED),
            (octets > 0 and after is AfterAllowance.THROTTLE, Reason.FAIR_USE, Access.THROTTLED),
            (True, Reason.OK, Access.ACTIVE),
        ]
        expected = next((reason, access) for applies, reason, access in rules if applies)
        due = entitlement(
            facts(
                status=status,
                plan=sold(timing, charging, after, closing),
                paid_until_on=paid_until_on,
                wallet_minor=wallet,
                standing=standing,
                usage=used(octets),
            ),
            GARDEN,
            NOW,
        )
        assert (due.reason, due.access) == expected
        assert due.profile.access is due.access
        assert due.until_at is None or due.until_at > NOW


@pytest.mark.parametrize("closed", ["when_overdue", "when_no_credit", "when_suspended"])
def test_each_reason_asks_its_own_line_of_the_plan_between_wall_and_refusal(closed: str) -> None:
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("when_suspended", {"status": ServiceStatus.SUSPENDED}, {}),
        ("when_suspended", {"status": ServiceStatus.PAUSED}, {}),
        ("when_no_credit", {"paid_until_on": None}, {"timing": Timing.PREPAID}),
        ("when_overdue", {"standing": OVERDUE}, {}),
    ]
    for line, what, sold_as in cases:
        due = entitlement(service_facts(plan=plan(**{closed: Closing.BLOCK}, **sold_as), **what), GARDEN, NOW)
        assert due.access is (Access.BLOCKED if line == closed else Access.WALLED), line
    empty = entitlement(service_facts(plan=per_use(PER_GB, **{closed: Closing.BLOCK})), GARDEN, NOW)
    assert empty.access is (Access.BLOCKED if closed == "when_no_credit" else Access.WALLED)


@pytest.mark.parametrize(("octets", "access"), [(LIMIT_OCTETS - 1, Access.ACTIVE), (LIMIT_OCTETS, Access.THROTTLED)])
def test_the_allowance_is_crossed_when_used_reaches_the_limit(octets: int, access: Access) -> None:
    assert entitlement(facts(usage=used(octets)), GARDEN, NOW).access is access


@pytest.mark.parametrize(
    ("counts", "upload", "download", "access"),
    [
        (Counts.UP, LIMIT_OCTETS, 0, Access.THROTTLED),
        (Counts.UP, LIMIT_OCTETS - 1, 10 * LIMIT_OCTETS, Access.ACTIVE),
        (Counts.DOWN, 0, LIMIT_OCTETS, Access.THROTTLED),
        (Counts.DOWN, 10 * LIMIT_OCTETS, LIMIT_OCTETS - 1, Access.ACTIVE),
        (Counts.BOTH, 1, LIMIT_OCTETS - 1, Access.THROTTLED),
    ],
)
def test_only_the_direction_that_counts_counts(counts: Counts, upload: int, download: int, access: Access) -> None:
    usage = PeriodUsage(PERIOD_START, upload, download)
    assert entitlement(facts(plan=sold(counts=counts), usage=usage), GARDEN, NOW).access is access


def test_the_allowance_resets_at_local_midnight_of_the_billing_day() -> None:
    """Contract rule 4."""
    throttled = facts(usage=used(LIMIT_OCTETS))
    before, at = PERIOD_END_AT - timedelta(microseconds=1), PERIOD_END_AT
    assert entitlement(throttled, GARDEN, before).access is Access.THROTTLED
    assert entitlement(throttled, GARDEN, before).until_at == PERIOD_END_AT
    assert entitlement(throttled, GARDEN, at).access is Access.ACTIVE
    assert entitlement(throttled, GARDEN, at).until_at is None


@pytest.mark.parametrize(
    ("billing_day", "now", "start_on", "end_at"),
    [
        (31, datetime(2025, 2, 27, 12, tzinfo=UTC), date(2025, 1, 31), datetime(2025, 2, 27, 17, tzinfo=UTC)),
        (31, datetime(2025, 2, 28, 12, tzinfo=UTC), date(2025, 2, 28), datetime(2025, 3, 30, 17, tzinfo=UTC)),
        (31, datetime(2025, 4, 29, 12, tzinfo=UTC), date(2025, 3, 31), datetime(2025, 4, 29, 17, tzinfo=UTC)),
        (30, datetime(2024, 2, 29, 12, tzinfo=UTC), date(2024, 2, 29), datetime(2024, 3, 29, 17, tzinfo=UTC)),
    ],
)
def test_a_billing_day_beyond_the_month_is_its_last_day_and_does_not_drift(
    billing_day: int, now: datetime, start_on: date, end_at: datetime
) -> None:
    due = entitlement(facts(billing_day=billing_day, usage=used(LIMIT_OCTETS, start_on)), GARDEN, now)
    assert due.access is Access.THROTTLED
    assert due.until_at == end_at


def test_usage_of_an_earlier_period_counts_for_nothing() -> None:
    assert entitlement(facts(usage=used(LIMIT_OCTETS, date(2025, 2, 10))), GARDEN, NOW).access is Access.ACTIVE


def test_the_reset_follows_daylight_saving_of_the_services_own_zone() -> None:
    # Berlin: 1 April begins at 22:00 UTC in summer time; the period began in winter time
    service = facts(billing_day=1, timezone="Europe/Berlin", usage=used(LIMIT_OCTETS, date(2025, 3, 1)))
    assert entitlement(service, GARDEN, NOW).until_at == datetime(2025, 3, 31, 22, tzinfo=UTC)


def test_a_prepaid_period_ends_at_local_midnight_after_its_last_day() -> None:
    """Contract rule 7."""
    service = facts(plan=sold(Timing.PREPAID, after=None), paid_until_on=date(2025, 3, 17))
    edge = datetime(2025, 3, 17, 17, 0, tzinfo=UTC)
    last = entitlement(service, GARDEN, edge - timedelta(microseconds=1))
    assert (last.access, last.until_at) == (Access.ACTIVE, edge)
    assert entitlement(service, GARDEN, edge).reason is Reason.EXPIRED


def test_the_nearest_of_several_edges_is_named() -> None:
    isolir_at = NOW + timedelta(days=2)
    service = facts(
        plan=sold(Timing.PREPAID),
        paid_until_on=date(2025, 3, 25),
        standing=Standing(StandingKind.GRACE, 1, isolir_at),
        usage=used(LIMIT_OCTETS),
    )
    assert entitlement(service, GARDEN, NOW).until_at == isolir_at


def test_an_edge_that_has_passed_is_not_named_again() -> None:
    service = facts(standing=Standing(StandingKind.GRACE, 1, NOW))
    assert entitlement(service, GARDEN, NOW).until_at is None


def test_a_walled_profile_has_the_garden_and_no_static_address() -> None:
    profile = entitlement(facts(standing=OVERDUE, static_ip="10.0.0.9"), GARDEN, NOW).profile
    assert (profile.pool, profile.address_list, profile.speed) == ("isolir", "isolir-list", GARDEN.speed)
    assert profile.static_ip is None


def test_a_throttled_profile_keeps_the_address_and_has_the_slower_speed() -> None:
    profile = entitlement(facts(usage=used(LIMIT_OCTETS), static_ip="10.0.0.9"), GARDEN, NOW).profile
    assert (profile.speed, profile.static_ip, profile.pool, profile.address_list) == (SLOW, "10.0.0.9", None, None)


def test_a_blocked_profile_has_nothing() -> None:
    profile = entitlement(facts(status=ServiceStatus.ENDED, static_ip="10.0.0.9"), GARDEN, NOW).profile
    assert (profile.speed, profile.static_ip, profile.pool, profile.address_list) == (None, None, None, None)


@pytest.mark.parametrize("covers_ipv6", [False, True])
def test_a_walled_service_has_no_ipv6_prefix_unless_the_garden_covers_ipv6(covers_ipv6: bool) -> None:
    """BANG-2.6: else a subscriber goes round the wall by IPv6."""
    garden = replace(GARDEN, covers_ipv6=covers_ipv6, vlan=666)
    owing = facts(
        standing=OVERDUE, static_ip="10.0.0.9", ipv6_prefix="2001:db8:1::/64", delegated_prefix="2001:db8:100::/56"
    )
    walled = entitlement(owing, garden, NOW).profile
    assert (walled.static_ip, walled.pool, walled.vlan) == (None, "isolir", 666)
    kept = ("2001:db8:1::/64", "2001:db8:100::/56")
    assert (walled.ipv6_prefix, walled.delegated_prefix) == (kept if covers_ipv6 else (None, None))
    active = entitlement(replace(owing, standing=CURRENT), garden, NOW).profile
    assert (active.static_ip, active.vlan) == ("10.0.0.9", None)
    assert (active.ipv6_prefix, active.delegated_prefix) == kept


def test_an_address_of_its_own_takes_the_place_of_the_pool_of_its_kind_and_of_no_other() -> None:
    pooled = facts(plan=plan(pools=Pools("home", "six", "lan")))
    cases: list[tuple[dict[str, Any], tuple[str | None, str | None, str | None]]] = [
        ({}, ("home", "six", "lan")),
        ({"static_ip": "10.0.0.9"}, (None, "six", "lan")),
        ({"static_ip": "2001:db8::9"}, ("home", "six", "lan")),
        ({"ipv6_prefix": "2001:db8:1::/64"}, ("home", None, "lan")),
        ({"delegated_prefix": "2001:db8:100::/56"}, ("home", "six", None)),
    ]
    for fixed, pools in cases:
        profile = entitlement(replace(pooled, **fixed), GARDEN, NOW).profile
        assert (profile.pool, profile.ipv6_pool, profile.delegated_pool) == pools
    walled = entitlement(replace(pooled, standing=OVERDUE), GARDEN, NOW).profile
    assert (walled.pool, walled.ipv6_pool, walled.delegated_pool) == ("isolir", None, None)
