"""Who is watched near a limit, how often it is read, and what becomes of a reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.session import Session
from netbilld.accounting.usage import PeriodTotals
from netbilld.billing.plan import AfterAllowance, Counts
from netbilld.enforcement.policy import ServiceFacts
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import NasAnswer, Presence
from netbilld.services.watch_quota import Came, WatchPolicy, WatchQuota
from tests.builders.plans import allowance, per_use, plan
from tests.builders.services import NOW, PERIOD_START, SERVICE_ID, service_facts
from tests.builders.sessions import session as a_session

NAS, BLIND_NAS = UUID(int=1), UUID(int=2)
MB = 10**6
LIMIT = 10_000 * MB
LINE_OCTETS = 20_000_000 // 8  # a second, downwards
FACTS = service_facts(plan=plan(allowance=allowance(AfterAllowance.THROTTLE, LIMIT, Counts.DOWN)))
SHORTEST = 5.0
PERIOD_END = date(2025, 4, 10)


@dataclass
class Told:
    sessions: Sequence[Session] = ()
    periods: Sequence[PeriodTotals] = ()


@dataclass
class World:
    """A watch with everything around it in memory."""

    facts_of: ServiceFacts | None = FACTS
    mono: float = 1000.0
    answers: dict[int, NasAnswer] = field(default_factory=dict)
    asked: list[list[int]] = field(default_factory=list)
    taken: list[tuple[int, NasAnswer]] = field(default_factory=list)
    takes: bool = True

    def __post_init__(self) -> None:
        self.watch = WatchQuota(
            self, self, self, self, WatchPolicy(SHORTEST, 300, 3), lambda nas_id: nas_id != BLIND_NAS
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.mono - 1000.0)

    def monotonic(self) -> float:
        return self.mono

    def facts(self, _service_id: UUID) -> ServiceFacts | None:
        return self.facts_of

    async def ask(self, _nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        self.asked.append([session.id for session in sessions])
        return self.answers

    def handle(self, session: Session, answer: NasAnswer) -> bool:
        if answer.upload_octets == -1:
            raise InvalidInputError("no reading")
        self.taken.append((session.id, answer))
        return self.takes

    def note(self, left_octets: int, *sessions: Session) -> None:
        period = PeriodTotals(SERVICE_ID, PERIOD_START, PERIOD_END, 0, LIMIT - left_octets, 0)
        self.watch.note(Told(sessions or (session(updated_at=self.now()),), (period,)))

    async def read_due(self) -> None:
        for nas_id, sessions in self.watch.due().items():
            await self.watch.read(nas_id, sessions)


def session(number: int = 1, **changes: Any) -> Session:
    known = {"nas_id": NAS, "service_id": SERVICE_ID, "started_at": NOW, "updated_at": NOW, "interval_seconds": 300}
    return a_session(id=number, **(known | changes))


def test_who_can_not_use_up_what_is_left_before_the_next_report_is_left_to_its_reports() -> None:
    world = World()
    world.note(LINE_OCTETS * 376)
    assert len(world.watch) == 0
    world.note(LINE_OCTETS * 374)
    assert len(world.watch) == 1


@pytest.mark.parametrize(
    ("what", "changes"),
    [("a NAS that can't be asked", {"nas_id": BLIND_NAS}), ("nobody's session", {"service_id": None})],
)
def test_there_is_nothing_to_watch_at(what: str, changes: dict[str, Any]) -> None:
    world = World()
    world.note(MB, session(**changes))
    assert len(world.watch) == 0, what


def test_a_plan_without_a_limit_is_not_watched() -> None:
    world = World(service_facts())
    world.note(MB)
    assert len(world.watch) == 0


def test_a_wallet_that_runs_out_is_watched_too() -> None:
    world = World(service_facts(plan=per_use(), wallet_minor=100))
    world.note(LIMIT)
    assert len(world.watch) == 1


def test_a_session_that_reports_seldom_is_watched_from_further_away() -> None:
    world = World()
    world.note(LINE_OCTETS * 700, session(interval_seconds=600))
    assert len(world.watch) == 1


async def test_the_nearer_the_edge_the_sooner_it_is_read_again() -> None:
    world = World()
    world.note(LINE_OCTETS * 100)
    world.mono += 49
    assert world.watch.due() == {}
    world.mono += 1
    assert [one.id for one in world.watch.due()[NAS]] == [1]
    world.note(LINE_OCTETS * 4)
    world.mono += SHORTEST - 0.1
    assert world.watch.due() == {}
    world.mono += 0.2
    assert list(world.watch.due()) == [NAS]


@pytest.mark.parametrize("left", [0, -1, LINE_OCTETS * 400])
def test_past_the_edge_or_far_from_it_again_nobody_is_watched(left: int) -> None:
    world = World()
    world.note(MB)
    world.note(left)
    assert len(world.watch) == 0


def test_a_session_that_is_over_is_not_watched() -> None:
    world = World()
    world.note(MB)
    world.note(MB, session(stopped_at=NOW))
    assert len(world.watch) == 0


async def test_a_reading_is_handed_on_and_the_next_follows_from_it() -> None:
    world = World()
    world.note(LINE_OCTETS)
    world.mono += SHORTEST
    world.answers = {1: NasAnswer(Presence.THERE, world.now(), "api", 5, 7, 99)}
    await world.read_due()
    assert world.taken == [(1, NasAnswer(Presence.THERE, world.now(), "api", 5, 7, 99))]
    assert world.watch.came[Came.READ] == 1


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (None, Came.UNANSWERED),
        (NasAnswer(Presence.UNKNOWN, NOW, "api"), Came.UNANSWERED),
        (NasAnswer(Presence.GONE, NOW, "api"), Came.GONE),
        (NasAnswer(Presence.THERE, NOW, "api"), Came.NO_COUNTERS),
        (NasAnswer(Presence.THERE, NOW, "api", -1, 0, 0), Came.NOT_TAKEN),
    ],
)
async def test_whatever_a_nas_answers_is_counted_and_nothing_is_made_up(answer: NasAnswer | None, came: Came) -> None:
    world = World()
    world.note(LINE_OCTETS)
    world.mono += SHORTEST
    world.answers = {} if answer is None else {1: answer}
    await world.read_due()
    assert (world.watch.came[came], world.taken) == (1, [])
    assert len(world.watch) == (0 if came is Came.GONE else 1)


async def test_a_reading_that_fails_is_tried_again_soon_and_one_without_counters_later() -> None:
    world = World()
    world.note(LINE_OCTETS)
    world.mono += SHORTEST
    await world.read_due()
    world.mono += SHORTEST
    world.answers = {1: NasAnswer(Presence.THERE, NOW, "api")}
    await world.read_due()
    world.mono += SHORTEST
    await world.read_due()
    assert world.asked == [[1], [1]]


def test_no_more_are_watched_than_there_is_room_for() -> None:
    world = World()
    world.note(MB, *(session(number) for number in range(5)))
    assert (len(world.watch), world.watch.left_out) == (3, 2)


def test_who_is_not_heard_of_for_an_hour_is_forgotten() -> None:
    world = World()
    world.note(MB)
    world.mono += 3601
    assert world.watch.due() == {}
    assert len(world.watch) == 0


async def test_how_long_readings_really_take_is_remembered_by_nas() -> None:
    world = World()
    assert world.watch.intervals() == {}
    world.note(LINE_OCTETS, session(updated_at=world.now()))
    for seconds in (5.25, 7.0, 5.5):
        world.mono += seconds
        world.note(LINE_OCTETS, session(updated_at=world.now()))
    assert world.watch.intervals() == {NAS: pytest.approx(7.0)}


def test_the_reading_that_finds_the_edge_passed_is_remembered_too() -> None:
    world = World()
    world.note(LINE_OCTETS, session(updated_at=world.now()))
    world.mono += 6.5
    world.note(-1, session(updated_at=world.now()))
    assert world.watch.intervals() == {NAS: pytest.approx(6.5)}


def test_another_session_of_a_service_near_its_limit_is_watched_when_it_speaks() -> None:
    world = World()
    world.note(MB)
    world.watch.note(Told((session(2),)))
    assert world.watch.last_heard_at(2) == NOW
