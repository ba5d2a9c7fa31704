"""Log-in attempts as people look them up: by name, NAS, outcome and reason, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from netbilld.services.areas import EVERYWHERE, Areas


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInFilter:
    """Which attempts are wanted; None leaves a field open.

    Attributes:
        username: a name in any letter case, a MAC in any writing.
        part: any part of a name, searched among the newest attempts only.
        nas: the name of a NAS.
        since: only from this instant on.
        before_id: only older ones than this attempt.
        areas: only of subscribers there; a name that is nobody's is in no area.
    """

    username: str | None = None
    part: str | None = None
    nas: str | None = None
    result: str | None = None
    reason: str | None = None
    since: datetime | None = None
    before_id: int | None = None
    areas: Areas = EVERYWHERE


@dataclass(frozen=True, slots=True)
class LogInLine:
    """One attempt; `nas` is None once the NAS is unknown, `subscriber_no` where the name was nobody's."""

    id: int
    at: datetime
    username: str
    nas: str | None
    mac: str | None
    method: str
    result: str
    reason: str
    detail: str | None
    latency_us: int
    subscriber_no: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class LogInPage:
    """Attempts, and whether there are older ones."""

    lines: Sequence[LogInLine]
    more: bool


class LogIns(Protocol):
    async def log_ins(self, wanted: LogInFilter, limit: int) -> LogInPage: ...

    async def log_in_reasons(self) -> Sequence[str]: ...
