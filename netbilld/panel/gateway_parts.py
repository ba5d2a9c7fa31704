"""The services behind staff's pages of payment gateways."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from netbilld.billing.gateway import Fact
from netbilld.billing.report_layout import ReportLayout
from netbilld.model.subscriber import Subscriber
from netbilld.ports.gateway_records import Attempt, Callback, Refund, Settlement, Transaction
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.refund_gateway import RefundGateway
from netbilld.services.settle_gateways import Finding, SettleGateways


class AttemptReads(Protocol):
    async def page(
        self, states: Collection[str], text: str, limit: int, offset: int
    ) -> tuple[Sequence[tuple[Attempt, str, str]], int]: ...
    async def find(self, ref: str, *, lock: bool = False) -> Attempt | None: ...
    async def facts(self, ref: str) -> dict[str, set[Fact]]: ...
    async def transactions(self, ref: str) -> Sequence[Transaction]: ...
    async def refunds(self, ref: str) -> Sequence[Refund]: ...


class InboxReads(Protocol):
    async def page(
        self, state: str | None, limit: int, offset: int, ref: str | None = None
    ) -> tuple[Sequence[Callback], int]: ...
    async def counts(self) -> dict[str, int]: ...


class SettlementReads(Protocol):
    async def waiting(self, limit: int) -> Sequence[Finding]: ...
    async def listed(self, limit: int) -> Sequence[Settlement]: ...


class SubscriberReads(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Work(Protocol):
    @property
    def gateways(self) -> AttemptReads: ...
    @property
    def gateway_inbox(self) -> InboxReads: ...
    @property
    def settlements(self) -> SettlementReads: ...
    @property
    def subscribers(self) -> SubscriberReads: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What the pages of gateways are handed.

    Attributes:
        names: the gateways that are set up.
        refundable: those that give back by a call.
        layouts: how their reports look.
    """

    store: Store
    names: tuple[str, ...]
    refundable: frozenset[str]
    follow: FollowGateways
    decide: DecideCallbacks
    refund: RefundGateway
    settle: SettleGateways
    layouts: Mapping[str, ReportLayout]
