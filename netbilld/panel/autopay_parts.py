"""The services behind the pages of what is paid without anybody doing anything."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.model.subscriber import Service, Subscriber
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.mandates import Mandate, MandateCharge
from netbilld.services.choose_renewal import ChooseRenewal
from netbilld.services.link_mandates import LinkMandates


class MandateReads(Protocol):
    async def of(self, subscriber_id: UUID, limit: int) -> Sequence[Mandate]: ...
    async def charges(self, subscriber_id: UUID, limit: int) -> Sequence[MandateCharge]: ...


class AttemptReads(Protocol):
    async def find(self, ref: str, *, lock: bool = False) -> Attempt | None: ...


class PrepaidReads(Protocol):
    async def by_hand(self, service_id: UUID) -> tuple[datetime, str] | None: ...


class Subscribers(Protocol):
    async def by_number(self, number: str) -> Subscriber | None: ...


class Services(Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> Sequence[Service]: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def mandates(self) -> MandateReads: ...
    @property
    def gateways(self) -> AttemptReads: ...
    @property
    def prepaid(self) -> PrepaidReads: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class AutopayParts:
    """What the pages of automatic payment are handed.

    Attributes:
        days_before: how many days before a bill is due a linked account is charged.
    """

    store: Store
    renewal: ChooseRenewal
    link: LinkMandates
    days_before: int
