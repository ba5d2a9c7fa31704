"""Whatever happens to the reports on the way: as long as the last word of a session arrives, the meter is right."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.accounting.fold import SessionFold
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import SessionChange
from netbilld.accounting.usage import cut
from tests.accounting_packets import T0, record

SERVICE = UUID(int=5)
INTERIM_SECONDS = 300


@dataclass(frozen=True)
class Told:
    """A report as it was sent: the session's own time and true counters."""

    status: str
    seconds: int
    up: int
    down: int


@st.composite
def histories(draw: st.DrawFn, step_octets: int) -> list[Told]:
    """A session's true reports, first to last."""
    steps = draw(st.lists(st.tuples(st.integers(0, step_octets), st.integers(0, step_octets)), min_size=1, max_size=12))
    told = [Told("start", 0, 0, 0)]
    up = down = 0
    for number, (more_up, more_down) in enumerate(steps, 1):
        up, down = up + more_up, down + more_down
        told.append(Told("stop" if number == len(steps) else "interim", number * INTERIM_SECONDS, up, down))
    return told


def sent(told: Told, *, session: int = 0, delay: int = 0, gigawords: bool = True) -> AccountingRecord:
    """The record of a report that was sent `delay` seconds late, and says so."""
    begun = T0 + timedelta(hours=3 * session)
    return record(
        told.status,
        begun + timedelta(seconds=told.seconds + delay),
        session_id=f"8110000{session}",
        user=f"user{session}",
        mac=f"AA:BB:CC:00:00:0{session}",
        ip=f"10.0.0.{session + 1}",
        up=None if told.status == "start" else told.up,
        down=None if told.status == "start" else told.down,
        seconds=None if told.status == "start" else told.seconds,
        delay=delay,
        gigawords=gigawords,
        cause=1 if told.status == "stop" else None,
    )


def fold(records: list[AccountingRecord]) -> tuple[SessionFold, list[SessionChange]]:
    into = SessionFold([], lambda _: SERVICE)
    changes = [change for number, told in enumerate(records, 1) if (change := into.apply(told, number)) is not None]
    return into, changes


def metered(into: SessionFold) -> tuple[int, int]:
    return (
        sum(session.upload_octets for session in into.sessions.values()),
        sum(session.download_octets for session in into.sessions.values()),
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_loss_doubling_and_shuffling_leaves_the_totals_true_when_the_last_word_arrives(data: st.DataObject) -> None:
    """INCA-1, field ask 5: two sessions at once, reports lost, doubled, delayed and in any order."""
    truth = [0, 0]
    arriving: list[tuple[int, int, int, AccountingRecord]] = []
    for session in range(2):
        history = data.draw(histories(step_octets=2**36))
        truth[0] += history[-1].up
        truth[1] += history[-1].down
        for number, told in enumerate(history):
            last = number == len(history) - 1
            for copy in range(data.draw(st.integers(1 if last else 0, 3))):
                delay = data.draw(st.sampled_from([0, 1, 7, 90, 1200, 7200]))
                tie = data.draw(st.integers(0, 9))
                arriving.append(
                    (session * 10_800 + told.seconds + delay, tie, copy, sent(told, session=session, delay=delay))
                )
    arriving.sort(key=lambda item: item[:3])
    into, changes = fold([item[3] for item in arriving])
    assert metered(into) == tuple(truth)
    assert sum(change.upload_octets for change in changes) == truth[0]
    assert not any(session.is_open for session in into.sessions.values())
    assert len(into.sessions) == 2


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_order_at_all_leaves_the_totals_true(data: st.DataObject) -> None:
    """The same without regard to when a report could have arrived, as after an outage of a queueing NAS."""
    history = data.draw(histories(step_octets=2**34))
    copies = [told for told in history for _ in range(data.draw(st.integers(0, 2)))] + [history[-1]]
    shuffled = data.draw(st.permutations(copies))
    into, _ = fold([sent(told) for told in shuffled])
    assert metered(into) == (history[-1].up, history[-1].down)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_32_bit_counters_wrap_without_loss_while_reports_survive_every_4_gib(data: st.DataObject) -> None:
    """mikrotik §7.2: no Gigawords; the next surviving report tells how often nothing wrapped, or once."""
    history = data.draw(histories(step_octets=2**32 - 1))
    arriving = [
        (told.seconds + (0 if copy == 0 else data.draw(st.sampled_from([1, 400, 900]))), copy, told)
        for told in history
        for copy in range(data.draw(st.integers(1, 2)))
    ]
    arriving.sort(key=lambda item: item[:2])
    # a pair of counters that shows zero twice over says nothing: leave that corner to its own test
    if any((told.up % 2**32, told.down % 2**32) == (0, 0) and (told.up or told.down) for told in history):
        return
    into, _ = fold([sent(told, delay=at - told.seconds, gigawords=False) for at, _, told in arriving])
    assert metered(into) == (history[-1].up, history[-1].down)


@settings(max_examples=200, deadline=None)
@given(histories(step_octets=2**36), st.integers(1, 11))
def test_what_never_arrives_is_exactly_what_is_missing(history: list[Told], kept: int) -> None:
    arrived = history[: max(1, min(kept, len(history) - 1))]
    into, _ = fold([sent(told) for told in arrived])
    assert metered(into) == (arrived[-1].up, arrived[-1].down)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_folding_the_same_records_again_changes_nothing(data: st.DataObject) -> None:
    history = data.draw(histories(step_octets=2**36))
    records = [sent(told) for told in data.draw(st.permutations(history))]
    into, _ = fold(records)
    again = SessionFold(into.sessions.values(), lambda _: SERVICE)
    changes = [again.apply(told, 1000 + number) for number, told in enumerate(records)]
    assert not any(change.upload_octets or change.download_octets for change in changes if change is not None)
    assert again.new() == []
    assert metered(again) == metered(into)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 200_000),
    st.integers(0, 100_000),
    st.sampled_from(["Asia/Jakarta", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_slices_add_up_to_the_delta_and_lie_end_to_end(
    up: int, down: int, start: int, length: int, timezone: str
) -> None:
    """Contract rule 3."""
    start_at = T0 + timedelta(seconds=start * 97)
    end_at = start_at + timedelta(seconds=length)
    parts = cut(SERVICE, 1, start_at, end_at, up, down, timezone)
    assert sum(part.upload_octets for part in parts) == up
    assert sum(part.download_octets for part in parts) == down
    assert all(part.upload_octets >= 0 and part.download_octets >= 0 for part in parts)
    assert all(part.start_at <= part.end_at for part in parts)
    if parts:
        assert parts[-1].end_at == end_at
        assert len({part.estimated for part in parts}) == 1
