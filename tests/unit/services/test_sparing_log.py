"""A line a minute for each kind, however often it happens and however many kinds somebody makes up."""

from netbilld.services.sparing_log import INTERVAL_SECONDS, MAX_REMEMBERED, SparingLog


def test_the_same_is_said_once_a_minute_and_something_else_at_once() -> None:
    lines = SparingLog()
    assert lines.is_due("pool a is full", 5.0)
    assert not lines.is_due("pool a is full", 5.0 + INTERVAL_SECONDS - 0.1)
    assert lines.is_due("pool b is full", 6.0)
    assert lines.is_due("pool a is full", 5.0 + INTERVAL_SECONDS)


def test_what_is_remembered_is_bounded_and_more_kinds_than_that_fill_no_log() -> None:
    lines = SparingLog()
    said = sum(lines.is_due(number, 1.0) for number in range(10 * MAX_REMEMBERED))
    assert said == 2 * MAX_REMEMBERED
    assert len(lines._next_at) <= MAX_REMEMBERED
    assert lines.is_due("something new", 1.0 + INTERVAL_SECONDS)
