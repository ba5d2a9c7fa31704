"""HeardNas: what each NAS said of itself last and when, written where that is news."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.counting import BY_US
from netbilld.accounting.record import AccountingRecord

_HEARD_AGAIN: Final = timedelta(seconds=5)  # how often "last heard" is written for a NAS that says nothing new
_CLOCK_AGAIN_SECONDS: Final = 60  # a NAS's clock that is off by as much more or less is news at once


class Nases(Protocol):
    async def heard(
        self,
        nas_id: UUID,
        at: datetime,
        *,
        reported_ip: str | None = None,
        identifier: str | None = None,
        clock_off_seconds: int | None = None,
    ) -> None: ...


class Work(Protocol):
    @property
    def nas(self) -> Nases: ...


@dataclass(frozen=True, slots=True)
class _Heard:
    at: datetime
    reported_ip: str | None
    identifier: str | None
    clock_off_seconds: int | None

    def tells(self, later: "_Heard") -> bool:
        """Tell whether a later word says nothing that is worth a write."""
        same = (self.reported_ip, self.identifier) == (later.reported_ip, later.identifier)
        clock = (self.clock_off_seconds or 0) - (later.clock_off_seconds or 0)
        same = same and -_CLOCK_AGAIN_SECONDS < clock < _CLOCK_AGAIN_SECONDS
        return same and timedelta(0) <= later.at - self.at < _HEARD_AGAIN


class HeardNas:
    """Remembers what was written last."""

    def __init__(self) -> None:
        self._heard: dict[UUID, _Heard] = {}

    async def note(self, work: Work, records: Iterable[AccountingRecord]) -> None:
        """Write down what the last of each NAS's own records says of it; a reading of ours is not its word."""
        last: dict[UUID, AccountingRecord] = {}
        for record in records:
            if record.flags & BY_US:
                continue
            before = last.get(record.nas_id)
            if before is None or before.received_at <= record.received_at:
                last[record.nas_id] = record
        for nas_id in sorted(last):
            record = last[nas_id]
            earlier = self._heard.get(nas_id)
            heard = _Heard(record.received_at, record.nas_ip, record.nas_identifier, record.clock_off_seconds)
            if earlier is not None and earlier.tells(heard):
                continue
            await work.nas.heard(
                nas_id,
                heard.at,
                reported_ip=heard.reported_ip,
                identifier=heard.identifier,
                clock_off_seconds=heard.clock_off_seconds,
            )
            self._heard[nas_id] = heard

    def forget(self) -> None:
        """Write all of it anew: whether it was stored is not known."""
        self._heard.clear()
