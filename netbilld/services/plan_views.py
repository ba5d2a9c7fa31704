"""What pages of staff show of one plan beside its figures: each version as its file, and who runs on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from netbilld.services.simulate_plan import Named


@dataclass(frozen=True, slots=True)
class VersionFile:
    """One frozen version of a plan, as it is stored.

    Attributes:
        effective_on: the first local day on which it is sold; None for at once.
        services: that run on it now.
    """

    code: str
    on_sale: bool
    version: int
    definition: Mapping[str, Any]
    created_at: datetime
    effective_on: date | None
    actor: str
    services: int


class PlanViews(Protocol):
    async def plan_versions(self, code: str) -> Sequence[VersionFile]:
        """Return all versions of a plan, newest first; none where there is no such plan."""
        ...

    async def services_having(self, from_at: datetime, to_on: date, code: str) -> Sequence[Named]:
        """Return the services of a plan that lived in a span, in order of number."""
        ...
