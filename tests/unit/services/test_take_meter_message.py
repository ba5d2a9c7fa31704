"""What a meter's message may say, and what becomes of a flood of others."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.accounting.reading import MeterReading, Outcome, Took
from netbilld.model.errors import StoreUnavailableError
from netbilld.ports.broker import Incoming, Message
from netbilld.services.mqtt_topics import Topics
from netbilld.services.take_meter_message import (
    MAX_KEYS,
    MAX_WAITING,
    STATUS_SECONDS,
    STATUSES_A_STEP,
    Refusal,
    TakeMeterMessage,
    read_message,
)
from tests import mqtt_schemas
from tests.clock import SteppedClock

NOW = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)
GOOD = {"upload_octets": 5, "download_octets": 7, "at": "2026-03-10T02:59:00Z"}


class Readings:
    """Takes every reading of a meter whose key begins with k."""

    def __init__(self) -> None:
        self.taken: list[MeterReading] = []
        self.is_away = False

    async def handle(self, readings: Sequence[MeterReading], now: datetime) -> list[Outcome]:
        del now
        if self.is_away:
            raise StoreUnavailableError("away")
        if any(reading.key == "poison" for reading in readings):
            raise ValueError("a fault of ours")
        self.taken += readings
        return [
            Outcome(Took.COUNTED, 1, None, 5, 7) if reading.key.startswith("k") else Outcome(Took.REFUSED)
            for reading in readings
        ]


class Outlet:
    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        self.published += messages


class Desk:
    def __init__(self) -> None:
        self.clock, self.readings, self.outlet = SteppedClock(NOW), Readings(), Outlet()
        self.take = TakeMeterMessage(self.readings, self.clock, Topics("isp", "n1"), fastest_bps=10**9)

    def say(self, key: str, payload: bytes | None = None, *, is_retained: bool = False) -> None:
        self.take.take(
            Incoming(f"isp/meter/{key}", json.dumps(GOOD).encode() if payload is None else payload, is_retained)
        )

    async def work(self) -> None:
        while await self.take.step(self.outlet):
            pass


def said(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", Refusal.BAD_JSON),
        (b"[1, 2]", Refusal.BAD_JSON),
        (b"[" * 4000, Refusal.BAD_JSON),
        (b"x" * 5000, Refusal.TOO_LONG),
        (said(upload_octets=...), Refusal.BAD_FIELD),
        (said(colour="red"), Refusal.BAD_FIELD),
        (said(wide=1), Refusal.BAD_FIELD),
        (said(boot="x" * 65), Refusal.BAD_FIELD),
        (said(upload_octets=1.0), Refusal.NOT_A_NUMBER),
        (said(upload_octets=True), Refusal.NOT_A_NUMBER),
        (said(upload_octets=-1), Refusal.NOT_A_NUMBER),
        (said(download_octets=None), Refusal.NOT_A_NUMBER),
        (said(sequence="7"), Refusal.NOT_A_NUMBER),
        (said(download_octets=2**63), Refusal.TOO_LARGE),
        (said(at="2026-03-10T02:59:00"), Refusal.BAD_TIME),  # without a zone it may mean anything
        (said(at=1e300), Refusal.BAD_TIME),
        (said(at=float("nan")), Refusal.BAD_TIME),
        (said(at="2026-03-10T03:03:00Z"), Refusal.FROM_THE_FUTURE),
        (said(at="2026-03-08T03:00:00Z"), Refusal.TOO_OLD),
    ],
)
def test_a_message_that_is_no_reading_is_refused_by_its_reason(payload: bytes, why: Refusal) -> None:
    assert read_message("k", payload, NOW, None) == why


def test_a_reading_is_ordered_by_its_sequence_or_else_by_its_time() -> None:
    by_time = read_message("k", said(), NOW, 5)
    assert isinstance(by_time, MeterReading)
    assert (by_time.upload_octets, by_time.download_octets, by_time.wide, by_time.fastest_bps) == (5, 7, True, 5)
    assert by_time.clock == int(by_time.at.timestamp() * 1000)
    seconds = int(datetime(2026, 3, 10, 2, 59, tzinfo=UTC).timestamp())
    assert read_message("k", said(at=seconds), NOW, 5) == by_time
    by_sequence = read_message("k", said(sequence=9, boot="b", wide=False), NOW, None)
    assert isinstance(by_sequence, MeterReading)
    assert (by_sequence.clock, by_sequence.wide) == (9, False)
    assert by_sequence.epoch != by_time.epoch


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_fields = st.dictionaries(
    st.sampled_from(["upload_octets", "download_octets", "at", "sequence", "wide", "boot", "v", "other"]), _json
)


@given(st.binary(max_size=200) | _fields.map(lambda fields: json.dumps(fields).encode()))
def test_whatever_comes_in_is_a_reading_by_the_schema_or_a_refusal(payload: bytes) -> None:
    """Issue 4: a message that is not a number is refused, whatever else it is."""
    read = read_message("k", payload, NOW, 10**9)
    if isinstance(read, MeterReading):
        mqtt_schemas.validator("reading").validate(json.loads(payload))
        assert read.upload_octets >= 0
        assert read.download_octets >= 0
        assert read.at <= NOW
    else:
        assert read in Refusal


async def test_a_meter_is_told_of_its_newest_at_most_every_few_seconds_and_only_one_we_know_is_retained() -> None:
    desk = Desk()
    for _ in range(50):
        desk.say("k1")
    desk.say("stranger")
    await desk.work()
    assert {message.topic: message.retain for message in desk.outlet.published} == {
        "isp/meter/k1/status": True,
        "isp/meter/stranger/status": False,
    }
    desk.say("k1", b"junk")
    await desk.work()
    assert len(desk.outlet.published) == 2
    desk.clock.pass_time(seconds=STATUS_SECONDS)
    await desk.work()
    document = mqtt_schemas.check(*desk.outlet.published[-1][:2], prefix="isp")
    assert (document["accepted"], document["refused"], document["reason"]) == (50, 1, "bad_json")


async def test_a_flood_of_names_is_counted_within_bounds_and_not_answered_by_a_flood() -> None:
    desk = Desk()
    for number in range(MAX_KEYS + 500):
        desk.say(f"x{number}", b"junk")
    assert desk.take.refused[Refusal.BAD_JSON] == MAX_KEYS + 500
    await desk.take.step(desk.outlet)
    assert len(desk.outlet.published) == STATUSES_A_STEP
    assert len(desk.take._known) <= MAX_KEYS
    assert len(desk.take._due) <= MAX_KEYS


async def test_readings_wait_for_a_database_that_is_away_within_a_bound() -> None:
    desk = Desk()
    desk.readings.is_away = True
    for _ in range(MAX_WAITING + 3):
        desk.say("k1")
    assert desk.take.refused == {Refusal.BUSY: 3}
    with pytest.raises(StoreUnavailableError):
        await desk.take.step(desk.outlet)
    assert desk.take.waiting == MAX_WAITING
    desk.readings.is_away = False
    await desk.work()
    assert len(desk.readings.taken) == MAX_WAITING == desk.take.accepted


async def test_a_reading_on_which_our_own_rules_fail_stops_no_other() -> None:
    desk = Desk()
    for key in ("k1", "poison", "k2"):
        desk.say(key)
    await desk.work()
    assert [reading.key for reading in desk.readings.taken] == ["k1", "k2"]
    assert desk.take.refused == {Refusal.FAILED: 1}


async def test_what_the_broker_kept_from_before_is_refused_and_other_topics_are_not_ours() -> None:
    desk = Desk()
    desk.say("k1", is_retained=True)
    desk.take.take(Incoming("isp/meter/k1/status", b"{}", is_retained=False))
    desk.take.take(Incoming("isp/meter/" + "k" * 200, b"{}", is_retained=False))
    assert desk.take.refused == {Refusal.RETAINED: 1}
    assert desk.take.waiting == 0
