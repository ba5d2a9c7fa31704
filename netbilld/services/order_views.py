"""What pages show of orders to NAS: alerts, a NAS's queue and what went wrong, how long effects took."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.enforcement.effect_figures import EffectFigures, Timed
from netbilld.services.enforcement_history import ServiceChange
from netbilld.services.nas_lane import NasOrders


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert that lasts; without a user name it is the NAS's own."""

    kind: str
    subscriber_no: str | None
    name: str | None
    username: str | None
    nas: str
    reason: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class AlertsShown:
    """The newest alerts, and how many there are."""

    lines: Sequence[AlertLine]
    total: int


@dataclass(frozen=True, slots=True)
class OrderFailure:
    """Orders of a NAS that failed alike: how many, and when the last one was sent."""

    action: str
    outcome: str
    error_cause: int | None
    detail: str | None
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DriftLine:
    """A session that was seen not to be as its NAS had said; `mended_at` is when it was seen to be so after all."""

    subscriber_no: str | None
    name: str | None
    username: str
    words: str | None
    at: datetime
    mended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NasOrdersShown:
    """A NAS's orders.

    Attributes:
        waiting: sessions that are not yet as they should be.
        oldest_at: since when the first of them should be.
        drifts: sessions that were seen not to be what had been acknowledged or done, and were ordered anew.
        queue: its queue, as far as orders are sent from here.
    """

    waiting: int
    oldest_at: datetime | None
    failures: Sequence[OrderFailure]
    drifts: Sequence[DriftLine]
    alerts: Sequence[AlertLine]
    queue: NasOrders | None = None

    def with_queue(self, queue: NasOrders | None) -> "NasOrdersShown":
        """Return it with its queue."""
        return replace(self, queue=queue)


@dataclass(frozen=True, slots=True)
class EffectsShown:
    """How long effects took, by cause and by NAS."""

    by_cause: Sequence[EffectFigures]
    by_nas: Sequence[EffectFigures]


class OrderViews(Protocol):
    """What is read of orders, alerts and effects; each answer is bounded."""

    async def alert_lines(self, limit: int) -> AlertsShown: ...

    async def nas_orders(self, nas_id: UUID, since_at: datetime) -> NasOrdersShown: ...

    async def service_changes(self, number: str, limit: int) -> Sequence[ServiceChange]: ...

    async def timed_effects(self, since_at: datetime, limit: int) -> Sequence[Timed]: ...
