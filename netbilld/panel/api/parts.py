"""What the API is handed: the store, the services behind its operations, and who may ask."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.profile import WalledGarden
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.money_parts import MoneyParts
from netbilld.panel.people_parts import PeopleParts
from netbilld.panel.selling_parts import SellingParts
from netbilld.ports.clock import SteadyClock
from netbilld.services.api_answers import ApiAnswers
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.keep_agents import KeepAgents
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_tokens import ManageTokens
from netbilld.services.manage_webhooks import ManageWebhooks
from netbilld.services.manual_invoices import ManualInvoices
from netbilld.services.prefer_channels import PreferChannels
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.recognise_token import RecogniseToken


class Store(Protocol):
    """The database: each operation says what of a transaction's stores it uses."""

    def read(self) -> AbstractAsyncContextManager[Any]: ...

    def write(self) -> AbstractAsyncContextManager[Any]: ...


class PrintedFile(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def octets(self) -> bytes: ...


class Printing(Protocol):
    async def invoice(self, number: str, now: datetime, locale: str | None = None) -> PrintedFile: ...

    async def receipt(self, text: str, now: datetime, locale: str | None = None) -> PrintedFile: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything create_api needs.

    Attributes:
        manage_subscribers, manage_plans, manual_invoices: made for the store they are to write to, so that a
            precondition can be part of their transaction.
        money, people, selling: what the pages of staff do, too.
        currency: of amounts that say none.
        nudge: called after a change, so that the daemon acts on it at once.
    """

    database: Store
    manage_tokens: ManageTokens
    manage_webhooks: ManageWebhooks
    recognise: RecogniseToken
    answers: ApiAnswers
    manage_subscribers: Callable[[Store], ManageSubscribers]
    manage_plans: Callable[[Store], ManagePlans]
    manual_invoices: Callable[[Store], ManualInvoices]
    manage_locks: ManageLocks
    receive_payment: ReceivePayment
    control_sessions: ControlSessions
    complaints: ComplaintParts
    money: MoneyParts
    people: PeopleParts
    selling: SellingParts
    buyers: ManageBuyers
    keep_agents: KeepAgents
    keep_collectors: KeepCollectors
    channels: PreferChannels
    printing: Printing
    standing: StandingPolicy
    garden: WalledGarden
    clock: SteadyClock
    timezone: str
    currency: str
    nudge: Callable[[], Awaitable[None]]


API: web.AppKey[ApiParts] = web.AppKey("api", ApiParts)
