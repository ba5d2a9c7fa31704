"""Which services are decided on again after usage was metered, and which sessions are looked at."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.usage import PeriodTotals
from netbilld.billing.plan_file import parse_plan, plan_from_definition
from netbilld.billing.standing import Standing, StandingKind
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts, ServiceStatus
from netbilld.services.aftermath import Aftermath
from netbilld.services.follow_usage import FollowUsage
from netbilld.services.meter_usage import Batch

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
MARCH = date(2026, 3, 1)
SERVICE = UUID(int=7)
GB = 10**9
NOTHING = Aftermath()


def plan(after: str, allowance: str = "10GB") -> Any:
    throttled = 'throttled = { down = "1M", up = "1M" }' if after == "throttle" else ""
    text = f"""
code = "KUOTA10"
name = "Kuota 10"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "10M"
up = "5M"
[allowance]
data = "{allowance}"
after = "{after}"
{throttled}
"""
    return plan_from_definition(parse_plan(text, "plan.toml", "IDR"))


NEAR_SECONDS = 300
LINE_BPS = 15_000_000  # both ways


def facts(after: str = "throttle", used: int | None = None) -> ServiceFacts:
    usage = None if used is None else PeriodUsage(MARCH, 0, used)
    return ServiceFacts(
        SERVICE,
        ServiceStatus.ACTIVE,
        plan(after),
        1,
        "Asia/Jakarta",
        usage,
        Standing(StandingKind.CURRENT, 0, None),
        0,
        None,
        None,
    )


class Nodes:
    """Everything that FollowUsage is handed."""

    def __init__(self, known: ServiceFacts | None, aftermath: Aftermath = NOTHING) -> None:
        self.known, self._aftermath = known, aftermath
        self.decided: list[UUID] = []
        self.nudged: list[tuple[list[UUID], list[int]]] = []
        self.proved: list[int] = []
        self.told: list[tuple[UUID, PeriodUsage]] = []
        self.away = False
        any_node: Any = self
        self.follow = FollowUsage(any_node, any_node, Entitle(self), any_node, any_node, self.told.extend, NEAR_SECONDS)

    def now(self) -> datetime:
        return NOW

    def facts(self, service_id: UUID) -> ServiceFacts | None:  # noqa: ARG002 - there is one
        return self.known

    def put(self, known: ServiceFacts, now: datetime) -> None:  # noqa: ARG002 - it stands still
        self.known = known

    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None:
        self.nudged.append((list(service_ids), list(session_ids)))

    async def observe_traffic(self, session_ids: Iterable[int]) -> int:
        self.proved += session_ids
        return 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        yield self

    @property
    def sessions(self) -> Any:
        return self

    async def aftermath(self, *_: object) -> Aftermath:
        return self._aftermath


class Entitle:
    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def run(
        self, service_ids: Collection[UUID] | None, cause: str, now: datetime, caused_at: Mapping[UUID, datetime]
    ) -> Collection[UUID]:
        assert (cause, now) == ("usage", NOW)
        assert set(caused_at) == set(service_ids or ())
        if self._nodes.away:
            raise ConnectionError
        self._nodes.decided += service_ids or ()
        return service_ids or ()


def batch(used: int, start_on: date = MARCH, **what: Any) -> Batch:
    period = PeriodTotals(SERVICE, start_on, date(2026, 4, 1), 0, used, 0)
    return Batch(touched_service_ids=frozenset((SERVICE,)), periods=(period,), **what)


async def test_usage_below_the_allowance_changes_nothing_and_is_not_decided_on() -> None:
    nodes = Nodes(facts(used=1 * GB))
    await nodes.follow.run(batch(9 * GB))
    assert (nodes.decided, nodes.nudged) == ([], [])


async def test_a_service_is_decided_on_when_its_allowance_is_used_up_and_only_then() -> None:
    nodes = Nodes(facts(used=9 * GB))
    await nodes.follow.run(batch(10 * GB))
    assert (nodes.decided, nodes.nudged) == ([SERVICE], [([SERVICE], [])])
    nodes.known = facts(used=10 * GB)  # as it was decided by
    await nodes.follow.run(batch(11 * GB))
    assert nodes.decided == [SERVICE]


async def test_an_allowance_used_up_in_an_earlier_period_says_nothing_of_this_one() -> None:
    nodes = Nodes(replace(facts(), usage=PeriodUsage(date(2026, 2, 1), 0, 50 * GB)))
    await nodes.follow.run(batch(10 * GB))
    assert nodes.decided == [SERVICE]


async def test_what_is_left_is_kept_fresh_where_log_ins_are_told() -> None:
    nodes = Nodes(facts("block", used=1 * GB))
    await nodes.follow.run(batch(9 * GB))
    assert nodes.known is not None
    assert nodes.known.usage == PeriodUsage(MARCH, 0, 9 * GB)
    assert nodes.decided == []
    assert nodes.told == [(SERVICE, nodes.known.usage)]  # and in processes that hear of no batch


async def test_who_comes_near_the_limit_is_told_apart_at_a_log_in_and_who_is_far_is_not_looked_at_twice() -> None:
    nodes = Nodes(facts("throttle", used=1 * GB))
    far = nodes.known
    await nodes.follow.run(batch(2 * GB))
    assert nodes.known is far
    near = 10 * GB - 300 * LINE_BPS // 8
    await nodes.follow.run(batch(near + 1))
    assert nodes.known is not None
    assert nodes.known.usage == PeriodUsage(MARCH, 0, near + 1)
    assert nodes.told == [(SERVICE, nodes.known.usage)]
    known = nodes.known
    await nodes.follow.run(batch(near + 2))
    assert nodes.known is known
    assert nodes.decided == []


async def test_a_crossing_is_told_of_once_with_what_was_known_before() -> None:
    nodes = Nodes(facts(used=9 * GB))
    crossed: list[tuple[ServiceFacts, PeriodUsage, Batch]] = []
    nodes.follow.on_crossed = lambda *what: crossed.append(what)
    await nodes.follow.run(batch(9 * GB))
    await nodes.follow.run(batch(11 * GB))
    nodes.known = facts(used=11 * GB)
    await nodes.follow.run(batch(12 * GB))
    ((before, usage, _),) = crossed
    assert (before.usage, usage) == (PeriodUsage(MARCH, 0, 9 * GB), PeriodUsage(MARCH, 0, 11 * GB))


@pytest.mark.parametrize("octets", [1 * GB, 20 * GB])
async def test_a_late_word_of_an_earlier_period_does_not_hide_what_this_one_has_used(octets: int) -> None:
    used_up = facts("block", used=11 * GB)
    nodes = Nodes(used_up)
    await nodes.follow.run(batch(octets, date(2026, 2, 1)))
    assert nodes.known == used_up
    assert nodes.decided == []


async def test_a_wallet_that_was_charged_and_a_service_that_is_not_known_are_decided_on() -> None:
    nodes = Nodes(facts())
    await nodes.follow.run(batch(1, charged_service_ids=frozenset((SERVICE,))))
    assert nodes.decided == [SERVICE]
    unknown = Nodes(None)
    await unknown.follow.run(batch(1))
    assert unknown.decided == [SERVICE]


async def test_what_could_not_be_decided_while_the_database_was_away_is_decided_later() -> None:
    nodes = Nodes(facts(used=1 * GB))
    nodes.away = True
    with pytest.raises(ConnectionError):
        await nodes.follow.run(batch(10 * GB))
    nodes.away, nodes.known = False, facts(used=10 * GB)
    await nodes.follow.run(Batch())
    assert nodes.decided == [SERVICE]


async def test_only_sessions_that_differ_are_looked_at() -> None:
    nodes = Nodes(facts(), Aftermath(differing=(3,), acknowledged=(4,)))
    await nodes.follow.run(Batch(new_session_ids=(1, 2, 3), metered_session_ids=(4, 5)))
    assert (nodes.nudged, nodes.proved) == ([([], [3])], [4])
    void = Nodes(facts(), Aftermath(orders_are_void=True))
    await void.follow.run(Batch(ended_session_ids=(1,)))
    assert void.nudged == [([], [])]
