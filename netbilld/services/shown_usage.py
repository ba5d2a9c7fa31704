"""Usage as it is shown: sums, buckets of time, and who used most; octets from the subscriber's point of view."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

By = Literal["hour", "day", "month", "session"]
Direction = Literal["both", "up", "down"]


@dataclass(frozen=True, slots=True)
class UsageTotals:
    upload_octets: int
    download_octets: int
    charged_minor: int


@dataclass(frozen=True, slots=True)
class UsageBucket:
    """Usage from `start_at` on; by session, charges are not told apart and `charged_minor` is None."""

    start_at: datetime
    upload_octets: int
    download_octets: int
    charged_minor: int | None
    session_id: int | None = None


@dataclass(frozen=True, slots=True)
class TopUsage:
    """One of those who used most."""

    service_id: UUID
    subscriber_no: str
    name: str
    username: str
    upload_octets: int
    download_octets: int
    plan: str = ""
