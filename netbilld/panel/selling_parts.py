"""The services behind the pages of vouchers, agents and collectors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.chart import Side
from netbilld.model.voucher import Batch, Voucher, VoucherStatus
from netbilld.services import open_vouchers
from netbilld.services.areas import Areas
from netbilld.services.collect_cash import CollectCash
from netbilld.services.keep_agents import Agents, KeepAgents
from netbilld.services.keep_collectors import Collector, Handover, KeepCollectors, Missing, Stop
from netbilld.services.keep_vouchers import KeepVouchers
from netbilld.services.make_vouchers import MakeVouchers
from netbilld.services.print_vouchers import PrintedSheet
from netbilld.services.refund_vouchers import RefundVouchers
from netbilld.services.sell_vouchers import SellVouchers, VoucherSale
from netbilld.services.voucher_views import BatchFigures


class StatementLine(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def booked_on(self) -> date: ...
    @property
    def kind(self) -> str: ...
    @property
    def memo(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def balance_minor(self) -> int: ...


class Statement(Protocol):
    @property
    def currency(self) -> str: ...
    @property
    def lines(self) -> Sequence[StatementLine]: ...


class VoucherReads(open_vouchers.Vouchers, Protocol):
    """Vouchers as pages read them."""

    async def batch(self, number: int, *, lock: bool = False) -> Batch: ...
    async def batches(self, limit: int, before: int | None = None) -> Sequence[Batch]: ...
    async def figures(self, batch_ids: Sequence[UUID], now: datetime) -> Mapping[UUID, BatchFigures]: ...
    async def lines(
        self,
        batch_id: UUID,
        *,
        limit: int,
        after: int = 0,
        status: VoucherStatus | None = None,
        until: int | None = None,
    ) -> Sequence[Voucher]: ...
    async def sales(
        self, *, agent: str | None = None, batch_id: UUID | None = None, limit: int = 100
    ) -> Sequence[VoucherSale]: ...


class LedgerReads(Protocol):
    async def statement(self, code: str, limit: int | None = None) -> Statement: ...


class AgentReads(Agents, Protocol):
    """Agents as pages read them."""


class CollectorReads(Protocol):
    async def all(self) -> Sequence[Collector]: ...
    async def named(self, name: str) -> Collector | None: ...
    async def by_staff(self, staff: str) -> tuple[str, bool] | None: ...
    async def held(self, name: str, currency: str) -> int: ...
    async def route(self, areas: Areas, today: date) -> Sequence[Stop]: ...
    async def missing(self, now: datetime) -> Mapping[str, Missing]: ...
    async def signed(self, handover_ids: Sequence[int]) -> Mapping[int, str]: ...
    async def handovers(self, name: str | None = None, limit: int | None = None) -> Sequence[Handover]: ...


@dataclass(frozen=True, slots=True)
class SellingParts:
    """What the pages of selling are handed.

    Attributes:
        box: opens codes that are printed.
        draw_sheet: draws vouchers as PDF, off the event loop.
    """

    keep_agents: KeepAgents
    keep_collectors: KeepCollectors
    collect_cash: CollectCash
    make_vouchers: MakeVouchers
    keep_vouchers: KeepVouchers
    sell_vouchers: SellVouchers
    refund_vouchers: RefundVouchers
    box: open_vouchers.Opener = field(repr=False)
    draw_sheet: Callable[[PrintedSheet], Awaitable[bytes]]
