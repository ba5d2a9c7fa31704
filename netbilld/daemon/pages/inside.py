"""What pages ask of the process that answers RADIUS and commands the NAS: themselves, where that is this one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from netbilld.ports.measure_signal import MeasureSignal, Signal
from netbilld.services.nas_lane import NasOrders


class Inside(MeasureSignal, Protocol):
    """What only that process knows; all else pages read from the database."""

    async def health(self) -> Mapping[str, Any]:
        """Return what /readyz says."""
        ...

    async def metrics(self) -> str:
        """Return what /metrics says."""
        ...

    async def drops(self, names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
        """Return `{"hearing_since", "names", "sources"}`: who got silence, as `DropsOfAll.read` says.

        None where it can't be asked.
        """
        ...

    async def lane(self, nas_id: UUID) -> NasOrders | None:
        """Return the queue of orders of a NAS; None where it has none here."""
        ...

    async def nudge(self) -> None:
        """Have what a page has changed acted upon at once."""
        ...

    def callback_came(self) -> None:
        """Have a callback of a gateway followed that was kept."""
        ...


@dataclass(frozen=True, slots=True)
class InThisProcess:
    """An `Inside` that asks the parts themselves."""

    read_health: Callable[[], Mapping[str, Any]]
    read_metrics: Callable[[], str]
    read_drops: Callable[[Sequence[str], str | None], Awaitable[Mapping[str, Any]]]
    lanes: Callable[[], Mapping[UUID, NasOrders]]
    signal: MeasureSignal
    wake: Callable[[], None]
    follow_callbacks: Callable[[], None]

    async def health(self) -> Mapping[str, Any]:
        return self.read_health()

    async def metrics(self) -> str:
        return self.read_metrics()

    async def drops(self, names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
        return await self.read_drops(names, nas)

    async def lane(self, nas_id: UUID) -> NasOrders | None:
        return self.lanes().get(nas_id)

    async def nudge(self) -> None:
        self.wake()

    def callback_came(self) -> None:
        self.follow_callbacks()

    async def of(self, nas_id: UUID, mac: str) -> Signal | None:
        return await self.signal.of(nas_id, mac)
