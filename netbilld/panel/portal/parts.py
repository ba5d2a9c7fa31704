"""What the portal is handed, and where it keeps it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from aiohttp import web

from netbilld.panel.portal.canonical import Canonical
from netbilld.panel.rendering import Renderer
from netbilld.panel.security import Perimeter
from netbilld.services import recognise, show_account, sign_in_subscriber
from netbilld.services.recognise import Recognise
from netbilld.services.show_account import ShowAccount
from netbilld.services.sign_in import Entropy, Login, Logins
from netbilld.services.sign_in_subscriber import Box, SignInSubscriber


class PortalLogins(Logins, Protocol):
    async def find(self, realm: str, token_hash: str, now: datetime) -> Login | None:
        """Return the log-in with that token while it lasts."""
        ...


class Reader(recognise.Reader, show_account.Reader, sign_in_subscriber.Reader, Protocol):
    """Everything the portal reads."""


class Work(Protocol):
    @property
    def portal(self) -> Reader: ...

    @property
    def logins(self) -> PortalLogins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


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


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal's services and edges, as its handlers use them."""

    parts: PortalParts
    perimeter: Perimeter
    canonical: Canonical
    renderer: Renderer
    recognise: Recognise
    show: ShowAccount
    sign_in: SignInSubscriber


PORTAL: Final = web.AppKey("portal", Portal)
