"""The audit trail, as services write to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.model.actor import Actor


class Changes(Protocol):
    """Keeps who did what, in the transaction that does it."""

    async def record(
        self,
        actor: Actor,
        at: datetime,
        action: str,
        entity: str,
        entity_id: UUID | int | str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down one change; `details["service_ids"]` names the services whose entitlement it may affect."""
        ...

    async def record_many(
        self,
        actor: Actor,
        at: datetime,
        action: str,
        entity: str,
        entries: Sequence[tuple[UUID | int | str, Mapping[str, Any]]],
    ) -> None:
        """Write down the same action for many things: their ids and details."""
        ...
