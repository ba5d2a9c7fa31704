"""How far a service may run past its limit, told from what was observed, and how far services really did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.overshoot import bound_octets
from netbilld.enforcement.edge import Edge, edge
from netbilld.enforcement.policy import ServiceFacts

ROUND_TRIP_SECONDS: Final = 2.0  # for a NAS that has not answered an order lately
CLOCK_SECONDS: Final = 1  # an interval is told in whole seconds of the NAS's clock
APPLYING_SECONDS: Final = 0.5  # from a report to what it leads to: the journal, the next batch, the decision


class Crossing(NamedTuple):
    """An allowance that was found used up, in the order of the table's columns.

    Attributes:
        session_id, nas_id: whose report crossed; None where it is not certain.
        over_octets: used beyond the limit when it was found.
        line_rate_bps: what the line carries in the directions that count.
        interval_seconds: between the report that crossed and the one before it.
        was_watched: we read the session ourselves then.
    """

    service_id: UUID
    start_on: date
    at: datetime
    session_id: int | None
    nas_id: UUID | None
    limit_octets: int
    over_octets: int
    line_rate_bps: int
    interval_seconds: int
    was_watched: bool


class OpenLine(NamedTuple):
    """An open session: where it is, and the seconds between its last two reports; 0 before the second."""

    nas_id: UUID
    interval_seconds: int


class NasReading(NamedTuple):
    """How it goes with reading a NAS ourselves.

    Attributes:
        interval_milliseconds: the longest from one reading to the next at the edge, lately; None before the second.
        error: why the last question had no answer; None when it had one.
    """

    nas_id: UUID
    interval_milliseconds: int | None
    error: str | None


class Crossings(Protocol):
    async def open_lines(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[OpenLine]]: ...
    async def readings(self) -> Mapping[UUID, NasReading]: ...
    async def round_trips(self) -> Mapping[UUID, float]: ...


class Work(Protocol):
    @property
    def crossings(self) -> Crossings: ...


@dataclass(frozen=True, slots=True)
class OvershootBound:
    """The most that a service can use beyond its limit.

    Attributes:
        octets: line rate × (interval + a second of its clock + round trip), over all its open sessions.
        line_rate_bps: of one session, in the directions that count.
        interval_seconds: the longest observed between two reports of its sessions, or between our readings near the
            edge at their NAS; what the NAS was told to report by where none was observed yet.
        is_observed: the interval is what was seen, not what was asked for.
        round_trip_seconds: from a report to the answered order, the longest that took lately at its NAS.
        sessions: how many are open.
        left_octets: until its access changes; 0 or less where it has changed.
    """

    octets: int
    line_rate_bps: int
    interval_seconds: int
    is_observed: bool
    round_trip_seconds: float
    sessions: int
    left_octets: int

    def to_json(self) -> dict[str, object]:
        """Return the JSON object that is shown."""
        return {
            "bound_octets": self.octets,
            "line_rate_bps": self.line_rate_bps,
            "interval_seconds": self.interval_seconds,
            "interval_observed": self.is_observed,
            "round_trip_seconds": round(self.round_trip_seconds, 3),
            "sessions": self.sessions,
            "left_octets": self.left_octets,
        }


async def overshoot_bounds(
    work: Work, facts: Collection[ServiceFacts], interim_seconds: int, now: datetime
) -> dict[UUID, OvershootBound]:
    """Return the bounds of those services that are online and have a limit to run past.

    Args:
        work: where to read.
        facts: of the services.
        interim_seconds: what NAS are told to report by.
        now: this moment.
    """
    edges = {one.service_id: found for one in facts if (found := edge(one, one.usage, now)) is not None}
    return await bounds_of(work.crossings, edges, interim_seconds)


async def bounds_of(
    crossings: Crossings, edges: Mapping[UUID, Edge], interim_seconds: int
) -> dict[UUID, OvershootBound]:
    """Return the bounds of those services that are online, given where their edges are."""
    lines = await crossings.open_lines(edges.keys()) if edges else {}
    if not lines:
        return {}
    readings, round_trips = await crossings.readings(), await crossings.round_trips()
    bounds = {}
    for service_id, of_service in lines.items():
        found = edges[service_id]
        seen = [_interval_seconds(line, readings.get(line.nas_id)) for line in of_service]
        interval = max(seconds or interim_seconds for seconds in seen)
        order = max(round_trips.get(line.nas_id, ROUND_TRIP_SECONDS) for line in of_service)
        round_trip = APPLYING_SECONDS + order
        bounds[service_id] = OvershootBound(
            bound_octets(found.line_rate_bps * len(of_service), interval + CLOCK_SECONDS, round_trip),
            found.line_rate_bps,
            interval,
            all(seen),
            round_trip,
            len(of_service),
            found.left_octets,
        )
    return bounds


def _interval_seconds(line: OpenLine, reading: NasReading | None) -> int:
    """Return the interval that counts at the edge: of our readings if they are answered, else its own; 0 for none."""
    if reading is None or reading.interval_milliseconds is None or reading.error is not None:
        return line.interval_seconds
    ours = -(-reading.interval_milliseconds // 1000)
    return min(ours, line.interval_seconds) if line.interval_seconds else ours


def percentile(values: Sequence[int], share: float) -> int:
    """Return the value that `share` of all do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0
