"""An outage of an area or of what hangs on a NAS."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage; of `area` and `nas_id` one is set. It is over once `ended_at` is."""

    id: UUID
    number: str
    area: str | None
    nas_id: UUID | None
    text: str
    began_at: datetime
    expected_at: datetime | None
    declared_at: datetime
    declared_by: str
    ended_at: datetime | None
    ended_by: str | None
    ended_text: str | None
