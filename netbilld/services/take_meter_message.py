"""TakeMeterMessage: cumulative readings that external meters publish become usage, or are refused with the reason."""

import asyncio
import json
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from netbilld.accounting.reading import KNOWN_MOMENT, MOST_OCTETS, MeterReading, Onset, Outcome, Took
from netbilld.model.errors import NetbilldError
from netbilld.ports.broker import Incoming, Message, Outlet
from netbilld.ports.clock import SteadyClock
from netbilld.services.mqtt_messages import encode, reading_document
from netbilld.services.mqtt_topics import Topics

_log = logging.getLogger(__name__)

SOURCE: Final = "mqtt"
LONGEST_OCTETS: Final = 4_096  # of a payload
LONGEST_KEY: Final = 128
MAX_WAITING: Final = 2_000
READINGS_A_STEP: Final = 200
OLDEST: Final = timedelta(days=1)
NEWEST: Final = timedelta(minutes=2)  # a meter's clock may be so much ahead of ours
STATUS_SECONDS: Final = 2.0  # at most one status of a meter in so many seconds, the newest wins
MAX_KEYS: Final = 10_000  # meters whose counts are remembered
STATUSES_A_STEP: Final = 20  # so that who floods us with names is not answered with a flood
_LONGEST_BOOT: Final = 64


class Refusal(StrEnum):
    """Why a message did not count."""

    TOO_LONG = "too_long"
    BAD_JSON = "bad_json"
    BAD_FIELD = "bad_field"  # one is missing, or there is one that nobody knows
    NOT_A_NUMBER = "not_a_number"
    TOO_LARGE = "too_large"
    BAD_TIME = "bad_time"
    FROM_THE_FUTURE = "from_the_future"
    TOO_OLD = "too_old"
    RETAINED = "retained"  # the broker kept it: nobody knows since when
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    REPEATED = "repeated"
    STALE = "stale"  # overtaken by a later one
    BACKWARDS = "backwards"
    DOUBTED = "doubted"  # kept, and not counted until a person decides
    BUSY = "busy"  # too many at once
    FAILED = "failed"  # a fault of ours; the log says more


class Readings(Protocol):
    async def handle(self, readings: Sequence[MeterReading], now: datetime) -> list[Outcome]: ...


@dataclass(slots=True)
class _Known:
    """What is to be told of one meter."""

    accepted: int = 0
    refused: int = 0
    result: str = "accepted"
    reason: str | None = None
    at: datetime | None = None
    told_mono: float = float("-inf")
    is_known: bool = False


def read_message(key: str, payload: bytes, now: datetime, fastest_bps: int | None) -> MeterReading | Refusal:
    """Return the reading that a payload holds, or why it can't be one.

    It is an object with `upload_octets` and `download_octets`, cumulative and from the subscriber's point of view, and
    `at`, when it was read: ISO 8601 text or seconds since 1970. It may also have `sequence`, which orders readings
    instead of `at`, `wide`, false for counters that wrap at 32 bits, and `boot`: another one says that the counters
    began again at zero. Where `sequence` comes or goes, or `boot` is said for the first time, they are the same ones.
    """
    if len(payload) > LONGEST_OCTETS:
        return Refusal.TOO_LONG
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return Refusal.BAD_JSON
    if not isinstance(said, dict):
        return Refusal.BAD_JSON
    if said.keys() - _FIELDS or _NEEDED - said.keys():
        return Refusal.BAD_FIELD
    upload_octets, download_octets, sequence = said["upload_octets"], said["download_octets"], said.get("sequence")
    for number in (upload_octets, download_octets, 0 if sequence is None else sequence):
        if type(number) is not int or number < 0:
            return Refusal.NOT_A_NUMBER
        if number > MOST_OCTETS:
            return Refusal.TOO_LARGE
    wide, boot = said.get("wide", True), said.get("boot", "")
    if type(wide) is not bool or type(boot) is not str or len(boot) > _LONGEST_BOOT or "\0" in boot:
        return Refusal.BAD_FIELD
    at = _instant(said["at"])
    if at is None:
        return Refusal.BAD_TIME
    if at > now + NEWEST:
        return Refusal.FROM_THE_FUTURE
    if at < now - OLDEST:
        return Refusal.TOO_OLD
    clock = int(at.timestamp() * 1000) if sequence is None else sequence
    return MeterReading(
        service_id=None,
        source=SOURCE,
        key=key,
        at=min(at, now),
        upload_octets=upload_octets,
        download_octets=download_octets,
        wide=wide,
        clock=clock,
        epoch=f"{'at' if sequence is None else 'sequence'}:{boot}",
        onset=Onset.ZERO if boot else Onset.UNKNOWN,
        fastest_bps=fastest_bps,
        same_epochs=(*_names_of(boot), *(_names_of("") if boot else ())),
    )


def _names_of(boot: str) -> tuple[str, str]:
    return f"at:{boot}", f"sequence:{boot}"


_NEEDED: Final = frozenset(("upload_octets", "download_octets", "at"))
_FIELDS: Final = _NEEDED | {"sequence", "wide", "boot", "v"}


def _instant(said: Any) -> datetime | None:
    """Return an aware instant from ISO 8601 text or from seconds since 1970."""
    try:
        if isinstance(said, str):
            at = datetime.fromisoformat(said)
        elif type(said) in {int, float}:
            at = datetime.fromtimestamp(said, UTC)
        else:
            return None
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


_OF_OUTCOME: Final = {
    Took.STALE: Refusal.STALE,
    Took.BACKWARDS: Refusal.BACKWARDS,
    Took.DOUBTED: Refusal.DOUBTED,
}


def _refusal(came: Outcome) -> Refusal | None:
    """Return why a reading did not count; None where it did, or would have if anything had moved."""
    if came.took is Took.REFUSED:
        return Refusal.UNKNOWN if came.meter_id is None else Refusal.NOT_ALLOWED
    if came.took is Took.REPEATED:
        return Refusal.REPEATED if came.reason == KNOWN_MOMENT else None
    return _OF_OUTCOME.get(came.took)


class TakeMeterMessage:
    """Takes messages as they come, books them a batch at a time, and tells each meter what became of its newest.

    Attributes:
        counted: readings that moved octets.
        accepted: readings in order, these and those of a meter that stood still.
        refused: messages that did not count, by reason.
        octets: booked, both directions.
    """

    def __init__(
        self,
        readings: Readings,
        clock: SteadyClock,
        topics: Topics,
        *,
        fastest_bps: int | None,
    ) -> None:
        """Take what to work with; what is faster than `fastest_bps` is not billed until a person decides."""
        self._readings = readings
        self._clock = clock
        self._topics = topics
        self._fastest_bps = fastest_bps
        self._waiting: deque[MeterReading] = deque()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._due: OrderedDict[str, None] = OrderedDict()
        self.counted = self.accepted = self.octets = 0
        self.refused: Counter[Refusal] = Counter()

    @property
    def waiting(self) -> int:
        """Return how many readings wait to be booked."""
        return len(self._waiting)

    def take(self, message: Incoming) -> None:
        """Take a message; what it says is booked in the next step."""
        key = self._topics.meter_key(message.topic)
        if key is None or len(key) > LONGEST_KEY:
            return
        if message.is_retained:
            self._refuse(key, Refusal.RETAINED)
            return
        read = read_message(key, message.payload, self._clock.now(), self._fastest_bps)
        if isinstance(read, Refusal):
            self._refuse(key, read)
        elif len(self._waiting) >= MAX_WAITING:
            self._refuse(key, Refusal.BUSY)
        else:
            self._waiting.append(read)

    async def step(self, outlet: Outlet) -> bool:
        """Book what waits and tell what became of it; tell whether there was anything.

        Raises:
            BrokerAwayError: the broker has not taken a status.
            StoreUnavailableError: the database is away; the readings wait.
        """
        taken = [self._waiting.popleft() for _ in range(min(READINGS_A_STEP, len(self._waiting)))]
        if taken:
            await self._book(taken)
        told = await self._tell(outlet)
        return bool(taken) or told

    async def _book(self, taken: Sequence[MeterReading]) -> None:
        try:
            outcomes = await self._readings.handle(taken, self._clock.now())
        except (NetbilldError, asyncio.CancelledError):
            self._waiting.extendleft(reversed(taken))
            raise
        except Exception:  # noqa: BLE001 - a reading that our own rules fail on must not stop the others
            if len(taken) > 1:
                for reading in taken:
                    await self._book([reading])
                return
            _log.exception("a reading of meter %r could not be booked", taken[0].key)
            self._refuse(taken[0].key, Refusal.FAILED)
            return
        for reading, came in zip(taken, outcomes, strict=True):
            self._note(reading.key, came)

    def _note(self, key: str, came: Outcome) -> None:
        refusal = _refusal(came)
        if came.meter_id is not None:
            self._of(key).is_known = True
        if refusal is not None:
            self._refuse(key, refusal)
            return
        self.accepted += 1
        known = self._of(key)
        known.accepted += 1
        known.result, known.reason = "accepted", None
        if came.took is Took.COUNTED:
            self.counted += 1
            self.octets += came.upload_octets + came.download_octets
            known.result = "counted"
        elif came.took is Took.BASELINE:
            known.reason = "measured_from_here"
        self._tell_soon(key, known)

    def _refuse(self, key: str, refusal: Refusal) -> None:
        self.refused[refusal] += 1
        known = self._of(key)
        known.refused += 1
        known.result, known.reason = "refused", refusal.value
        self._tell_soon(key, known)

    def _of(self, key: str) -> _Known:
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_KEYS:
                oldest, _ = self._known.popitem(last=False)
                self._due.pop(oldest, None)
            known = self._known[key] = _Known()
        else:
            self._known.move_to_end(key)
        return known

    def _tell_soon(self, key: str, known: _Known) -> None:
        known.at = self._clock.now()
        self._due[key] = None

    async def _tell(self, outlet: Outlet) -> bool:
        """Publish what is due of it: retained for a meter that we know, so that nobody else can fill the broker."""
        now_mono = self._clock.monotonic()
        messages = []
        for key in list(self._due):
            known = self._known[key]
            if now_mono < known.told_mono + STATUS_SECONDS:
                continue
            del self._due[key]
            known.told_mono = now_mono
            assert known.at is not None  # noqa: S101 - it is due
            document = reading_document(key, known.result, known.reason, known.at, known.accepted, known.refused)
            messages.append(Message(self._topics.meter_status(key), encode(document), retain=known.is_known))
            if len(messages) >= STATUSES_A_STEP:
                break
        await outlet.publish(messages)
        return len(messages) >= STATUSES_A_STEP
