"""Payment gateways in the running daemon: callbacks kept on every node, followed on one, payments asked for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.duitku import Duitku
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.gateways.midtrans import Midtrans
from netbilld.adapters.gateways.tripay import Tripay
from netbilld.adapters.gateways.xendit import Xendit
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.autopay import Autopay
from netbilld.daemon.gateway_settings import (
    DuitkuSettings,
    GatewaySettings,
    MidtransSettings,
    TripaySettings,
    XenditSettings,
)
from netbilld.daemon.schedule import DailyAt, daily
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import payment_taxes
from netbilld.daemon.vouchers import order_vouchers, sell_online
from netbilld.panel.gateway_parts import GatewayParts
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.ports.gateways import Gateway
from netbilld.services.book_notice import BookNotice
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.issue_payment_code import CodePolicy
from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.refund_gateway import RefundGateway
from netbilld.services.settle_gateways import SettleGateways
from netbilld.services.show_payment import ShowPayment
from netbilld.services.start_payment import StartPayment

LOOK_SECONDS: Final = 0.5  # at the inbox, where nobody has said that something came
ASK_SECONDS: Final = 15.0
FIGURES_SECONDS: Final = 15.0
HOUSE_SECONDS: Final = 3600.0
COMPARE_AT: Final = time(4, 0)  # after the books are checked
REFUSED_KEPT: Final = timedelta(days=14)
logger = logging.getLogger("netbilld.gateways")


class Gateways:
    """Everything of the daemon that concerns payment gateways."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        nudge: Callable[[], None],
        on_callback: Callable[[], None] | None = None,
    ) -> None:
        """Compose it; `on_callback` hears of callbacks that were kept, where they are followed in another process."""
        self._database, self._clock, self._settings, self._box = database, clock, settings, box
        self._https: list[GatewayHttp] = []
        self.drivers: Final = drivers_of(settings.gateways, clock, self._https)
        self.book: Final = book_notice_of(settings, database, box)
        self._came: Final = {one.name: asyncio.Event() for one in self.drivers}  # set when a callback waits
        self.counted: Callable[[], Mapping[tuple[str, str], int]] = lambda: self.keep.counts
        self.keep: Final = KeepCallbacks(database, box, self.drivers, clock.now, on_callback or self.callback_came)
        self.follow: Final = FollowGateways(database, self.drivers, self.book, clock.now, nudge)
        self.autopay: Final = Autopay(settings, database, box, clock, self.drivers, self.follow)
        self.start: Final = start_payment_of(settings, database, self.drivers)
        self.settle: Final = settle_gateways_of(settings, database)
        self._waiting: dict[str, int] = {}

    @property
    def parts(self) -> PayParts:
        """Return what the portal is handed."""
        codes = CodePolicy(timedelta(days=self._settings.payments.code_days))
        show = ShowPayment(self._database, codes)
        orders = order_vouchers(self._settings, self._database, self._box, self.start)
        return PayParts(keep=self.keep, start=self.start, show=show, orders=orders, qris=self._settings.payments.qris)

    def callback_came(self) -> None:
        """Follow soon what was kept."""
        for came in self._came.values():
            came.set()

    def panel_parts(self) -> GatewayParts | None:
        """Return what staff's pages are handed; None where no gateway is set up."""
        if not self.drivers:
            return None
        settings = self._settings
        taxes = payment_taxes(settings)
        return GatewayParts(
            store=self._database,
            names=tuple(one.name for one in self.drivers),
            refundable=frozenset(one.name for one in self.drivers if one.refunds),
            follow=self.follow,
            decide=DecideCallbacks(self._database, timezone=settings.timezone, taxes=taxes),
            refund=RefundGateway(self._database, self.drivers, self.book),
            settle=self.settle,
            layouts={one.name: settings.gateways.layout_of(one.name) for one in self.drivers},
        )

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it."""
        parked = self._waiting.get("parked", 0)
        if parked:
            return [f"{parked} callbacks of payment gateways wait for a person; see `netbilld gateway inbox`"]
        return []

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        if not self.drivers:
            return
        yield (
            "netbilld_gateway_callbacks_total",
            "counter",
            "Callbacks of payment gateways, by what was answered.",
            [
                (f'{{gateway="{gateway}",answer="{verdict}"}}', count)
                for (gateway, verdict), count in sorted(self.counted().items())
            ],
        )
        yield (
            "netbilld_gateway_notices_total",
            "counter",
            "What gateways said, by what came of it.",
            [
                (f'{{gateway="{gateway}",result="{result}"}}', count)
                for (gateway, result), count in sorted(self.follow.counts.items())
            ],
        )
        yield (
            "netbilld_gateway_inbox",
            "gauge",
            "Callbacks that wait: new ones to be followed, parked ones for a person.",
            [(f'{{state="{state}"}}', self._waiting.get(state, 0)) for state in ("new", "parked")],
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name; without gateways there is none."""
        if not self.drivers:
            return {}
        return {
            # one that does not answer keeps no other waiting
            **{f"gateway callbacks of {name}": partial(self._follow, name) for name in self._came},
            "gateway payments": partial(every, ASK_SECONDS, self.follow.look),
            "gateway figures": partial(every, FIGURES_SECONDS, self._count),
            **self.autopay.loops(),
            "gateway house-keeping": partial(every, HOUSE_SECONDS, self._keep_house),
            "gateway comparison": partial(
                daily, DailyAt(COMPARE_AT, self._settings.timezone), self._clock, self._compare
            ),
        }

    async def close(self) -> None:
        """Close the connections to gateways."""
        for http in self._https:
            await http.close()

    async def _follow(self, name: str) -> None:
        came = self._came[name]
        while True:
            came.clear()
            if not await self.follow.run(name):
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await came.wait()
                except TimeoutError:
                    continue

    async def _compare(self, _day: date) -> None:
        for gateway in self.drivers:
            for one in await self.settle.compare(gateway.name, self._clock.now()):
                logger.warning(
                    "%s: %s %s: %s, by our books %s",
                    gateway.name,
                    one.kind,
                    one.subject,
                    one.theirs_minor,
                    one.ours_minor,
                )

    async def _count(self) -> None:
        async with self._database.read() as work:
            self._waiting = await work.gateway_inbox.counts()

    async def _keep_house(self) -> None:
        await self.follow.run()  # also what came of a gateway that is set up no more
        now = self._clock.now()
        keep = timedelta(days=self._settings.gateways.keep_days)
        async with self._database.write() as work:
            await work.gateway_inbox.let_go(now - keep, now - REFUSED_KEPT)


def book_notice_of(settings: Settings, database: Database, box: SecretBox) -> BookNotice:
    """Return what books what gateways say."""
    return BookNotice(
        timezone=settings.timezone,
        taxes=payment_taxes(settings),
        numbering=settings.billing.numbering(),
        online=sell_online(settings, database, box),
    )


def settle_gateways_of(settings: Settings, database: Database) -> SettleGateways:
    """Return what books payouts and finds differences."""
    return SettleGateways(
        database, timezone=settings.timezone, currency=settings.currency, method=settings.gateways.accounts
    )


def start_payment_of(settings: Settings, database: Database, drivers: Sequence[Gateway]) -> StartPayment:
    """Return what begins payments."""
    wanted = settings.gateways
    return StartPayment(
        database,
        drivers,
        entropy,
        business_name=settings.business_name,
        qris_life=timedelta(minutes=wanted.qris_minutes),
        life=timedelta(hours=wanted.hours),
    )


def drivers_of(wanted: GatewaySettings, clock: SystemClock, https: list[GatewayHttp]) -> tuple[Gateway, ...]:
    """Return the gateways that are set up; their connections are added to `https`, to be closed in the end."""
    made: list[Gateway] = []

    def http(name: str) -> GatewayHttp:
        https.append(GatewayHttp(name))
        return https[-1]

    if wanted.midtrans is not None:
        made.append(_midtrans(wanted.midtrans, http("midtrans")))
    if wanted.xendit is not None:
        made.append(_xendit(wanted.xendit, http("xendit")))
    if wanted.tripay is not None:
        made.append(_tripay(wanted.tripay, http("tripay"), wanted.email_domain))
    if wanted.duitku is not None:
        made.append(_duitku(wanted.duitku, http("duitku"), wanted.email_domain, clock))
    return tuple(made)


def _midtrans(one: MidtransSettings, http: GatewayHttp) -> Gateway:
    beside = "sandbox." if one.sandbox else ""
    return Midtrans(
        http,
        server_key=one.server_key.get_secret_value(),
        signature_key=None if one.signature_key is None else one.signature_key.get_secret_value(),
        core_url=one.core_url or f"https://api.{beside}midtrans.com",
        snap_url=one.snap_url or f"https://app.{beside}midtrans.com",
        methods=one.methods,
        confirms_callbacks=one.confirm,
        acquirer=one.acquirer,
    )


def _xendit(one: XenditSettings, http: GatewayHttp) -> Gateway:
    return Xendit(
        http,
        secret_key=one.secret_key.get_secret_value(),
        callback_token=one.callback_token.get_secret_value(),
        url=one.url,
        methods=one.methods,
        confirms_callbacks=one.confirm,
    )


def _tripay(one: TripaySettings, http: GatewayHttp, email_domain: str) -> Gateway:
    return Tripay(
        http,
        api_key=one.api_key.get_secret_value(),
        private_key=one.private_key.get_secret_value(),
        merchant_code=one.merchant_code,
        url=one.url or ("https://tripay.co.id/api-sandbox" if one.sandbox else "https://tripay.co.id/api"),
        methods=one.methods,
        confirms_callbacks=one.confirm,
        email_domain=email_domain,
    )


def _duitku(one: DuitkuSettings, http: GatewayHttp, email_domain: str, clock: SystemClock) -> Gateway:
    return Duitku(
        http,
        merchant_code=one.merchant_code,
        api_key=one.api_key.get_secret_value(),
        now=clock.now,
        url=one.url or ("https://sandbox.duitku.com" if one.sandbox else "https://passport.duitku.com"),
        pop_url=one.pop_url or ("https://api-sandbox.duitku.com" if one.sandbox else "https://api-prod.duitku.com"),
        methods=one.methods,
        scheme=one.scheme,
        require_hmac=one.require_hmac,
        email_domain=email_domain,
    )
