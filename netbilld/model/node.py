"""A node: one daemon of several on one database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

SILENT_SECONDS: Final = 8.0  # a node tells of itself every three; one that has not for so long is not there
CLOCKS_APART_MS: Final = 1_000  # two nodes' clocks may differ by this


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node as it last told of itself; instants by the database's clock.

    Attributes:
        leads: the duties it has, as it said.
        silent_seconds: since it was last heard of.
        ended: it was stopped in order.
        clock_ahead_ms: its clock against the database's.
        hearing_since: since when it has received accounting and applied all of it; None for a node that receives none.
        journal_octets: of its journal that are not applied.
    """

    id: UUID
    name: str
    roles: tuple[str, ...]
    leads: tuple[str, ...]
    version: str
    started_at: datetime
    seen_at: datetime
    silent_seconds: float
    ended: bool
    clock_ahead_ms: int
    hearing_since: datetime | None
    journal_octets: int

    @property
    def is_there(self) -> bool:
        """Tell whether it told of itself a moment ago."""
        return not self.ended and self.silent_seconds < SILENT_SECONDS

    @property
    def is_clock_off(self) -> bool:
        """Tell whether its clock should be set."""
        return abs(self.clock_ahead_ms) > CLOCKS_APART_MS
