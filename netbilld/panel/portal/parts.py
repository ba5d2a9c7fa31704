"""What the portal is handed, and where it keeps it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from aiohttp import web

from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.panel.assets import Assets
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.portal.agent_parts import AgentParts
from netbilld.panel.portal.canonical import Canonical
from netbilld.panel.portal.own_parts import OwnParts
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.panel.rendering import Renderer
from netbilld.panel.security import Perimeter
from netbilld.ports.outbox import Outbox
from netbilld.services import document_codes, login_codes, recognise, show_account, sign_in_subscriber, verify_document
from netbilld.services.login_codes import LoginCodes
from netbilld.services.recognise import Recognise
from netbilld.services.show_account import ShowAccount
from netbilld.services.sign_in import Entropy, Login, Logins
from netbilld.services.sign_in_subscriber import SignInSubscriber
from netbilld.services.take_messenger_news import HookDesk
from netbilld.services.verify_document import VerifyDocument


class PortalLogins(Logins, Protocol):
    async def find(self, realm: str, token_hash: str, now: datetime) -> Login | None:
        """Return the log-in with that token while it lasts."""
        ...


class HotspotReader(Protocol):
    async def subscriber_networks(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Return each NAS's address, and where its subscribers reach the portal from."""
        ...


class Reader(
    HotspotReader, recognise.Reader, show_account.Reader, sign_in_subscriber.Reader, login_codes.Reader, Protocol
):
    """Everything the portal reads."""


class Box(sign_in_subscriber.Box, document_codes.Box, login_codes.Box, Protocol):
    """What opens passwords and knows our own documents again."""


class File(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def octets(self) -> bytes: ...


class Printing(Protocol):
    async def invoice(self, number: str, now: datetime, locale: str | None = None) -> File:
        """Return an issued invoice as PDF."""
        ...

    async def receipt(self, text: str, now: datetime, locale: str | None = None) -> File:
        """Return the receipt of a payment as PDF."""
        ...

    async def has_receipt(self, payment_id: UUID) -> bool:
        """Tell whether there is a receipt of a payment to print."""
        ...


class OwnBusiness(login_codes.Codes, Protocol):
    async def look_at(self, token_hash: str, service_id: UUID) -> None:
        """Let a log-in look at another service of its subscriber, as the caller has made sure."""
        ...


class Work(verify_document.Work, show_account.Work, Protocol):
    @property
    def outbox(self) -> Outbox: ...

    @property
    def own_business(self) -> OwnBusiness: ...

    @property
    def portal(self) -> Reader: ...

    @property
    def logins(self) -> PortalLogins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class OfficialChannels:
    """How the provider is really paid and reached: whatever is not among these is somebody else's (INCA-45).

    Attributes:
        pay_to: accounts, as they are written on invoices.
        reached: phone numbers and accounts in messengers.
        address: of the portal, with its scheme; None where it has no name of its own.
    """

    pay_to: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    address: str | None = None


@dataclass(frozen=True, slots=True)
class PortalParts:
    """What create_portal needs.

    Attributes:
        now: the clock; gives an aware instant.
        entropy: gives that many unpredictable octets.
        public_url: where subscribers reach the portal, such as `https://portal.example.net`; None makes the address
            they connected to the canonical one. Needed behind a proxy.
        trusted_proxies: addresses or prefixes whose X-Forwarded-For and X-Forwarded-Proto are believed.
        lifetime: how long a log-in lasts.
        printing: makes invoices on paper; None offers none.
        complaints: what is done about complaints; None takes none.
        own: what subscribers do by themselves; None leaves them to look.
        hotspot_hosts: names by which hotspots' own log-in pages are known, beside addresses of their subscribers.
        captive_status: what requests for other hosts are answered with: 302, or 511 (RFC 6585 §6).
        taxes: what comes on top of prices.
        messengers: takes what messengers tell; None takes nothing.
        autopay: what is paid by itself; None offers nothing of it.
        pay: payments by gateways and by our own QRIS code; None offers none.
        agents: who sells for us on pages of their own; None has none.
        official: how we are paid and reached.
    """

    store: Store
    box: Box = field(repr=False)
    now: Callable[[], datetime]
    entropy: Entropy
    business_name: str = "netbilld"
    locale: str = "id"
    timezone: str = "Asia/Jakarta"
    currency: str = "IDR"
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    lifetime: timedelta = timedelta(hours=12)
    printing: Printing | None = None
    complaints: ComplaintParts | None = None
    own: OwnParts | None = None
    captive_status: int = 302
    hotspot_hosts: tuple[str, ...] = ()
    taxes: TaxPolicy = NOTHING_TAXED
    pay: PayParts | None = None
    autopay: AutopayParts | None = None
    agents: AgentParts | None = None
    messengers: HookDesk | None = None
    official: OfficialChannels = OfficialChannels()


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal's services and edges, as its handlers use them."""

    parts: PortalParts
    perimeter: Perimeter
    canonical: Canonical
    renderer: Renderer
    assets: Assets
    recognise: Recognise
    show: ShowAccount
    sign_in: SignInSubscriber
    codes: LoginCodes
    verify: VerifyDocument


PORTAL: Final = web.AppKey("portal", Portal)
