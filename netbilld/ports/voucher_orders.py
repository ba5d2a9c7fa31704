"""What is on record of vouchers that are bought in the captive portal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class VoucherOrder:
    """One that somebody buys; how its payment is, the attempt of the same ref says.

    Attributes:
        client: the address it came from.
        router: scheme and host of the hotspot's log-in page.
        hotspot: what that page sent along, to be logged in by.
        sale_id: of its voucher; None until it is paid.
    """

    ref: str
    batch_id: UUID
    client: str
    router: str
    hotspot: Mapping[str, str] = field(repr=False, hash=False)
    created_at: datetime
    sale_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OnlineOffer:
    """Vouchers that are sold in the captive portal.

    Attributes:
        plan: its name for people.
        definition: of the plan, as plan files have it.
    """

    number: int
    name: str
    plan: str
    definition: Mapping[str, object] = field(repr=False, hash=False)
    price_minor: int
    currency: str
    validity_seconds: int
    valid_from: str
    use_by_at: datetime | None


class Orders(Protocol):
    """The part of a store that keeps orders."""

    async def add(self, order: VoucherOrder) -> None: ...
    async def find(self, ref: str, *, lock: bool = False) -> VoucherOrder | None: ...
    async def paid(self, ref: str, sale_id: UUID) -> None: ...
    async def begun_since(self, since: datetime, *, client: str | None = None, router: str | None = None) -> int: ...
    async def offers(self, now: datetime) -> list[OnlineOffer]: ...
    async def forget(self, unpaid_before: datetime, paid_before: datetime, limit: int) -> int: ...
