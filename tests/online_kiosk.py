"""A hotspot where one buys a voucher: the router, the portal, a gateway, and the log-ins that RADIUS answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from html import escape
from os import urandom
from urllib.parse import parse_qs

from aiohttp import web

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.gateway_settings import GatewaySettings
from netbilld.daemon.gateways import drivers_of
from netbilld.enforcement.nas_script.hotspot_pages import hotspot_pages
from netbilld.model.voucher import Batch
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.ports.gateways import Gateway
from netbilld.radius.access import Decision
from netbilld.radius.attributes import CALLING_STATION_ID, CHAP_CHALLENGE, CHAP_PASSWORD, USER_NAME
from netbilld.radius.codes import Code
from netbilld.services.book_notice import BookNotice
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.issue_payment_code import CodePolicy
from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.order_vouchers import OrderVouchers
from netbilld.services.paying import NO_TAXES
from netbilld.services.refund_gateway import RefundGateway
from netbilld.services.refund_vouchers import RefundVouchers
from netbilld.services.sell_online import SellOnline
from netbilld.services.show_payment import ShowPayment
from netbilld.services.start_payment import StartPayment
from tests.builders.services import ZONE
from tests.fake_gateways import FakeMidtrans, running
from tests.loopback import served
from tests.portal_world import World
from tests.radius_requests import accepted, access_request, client
from tests.voucher_world import POP1, T0, A, Kiosk, Node

SITE = "127.0.0.0/8"  # its first address is the router's


class OnlineKiosk(Kiosk):
    """A kiosk whose vouchers are sold on the hotspot's page."""

    def __init__(self, database: Database, box: SecretBox, fake: FakeMidtrans, gateways: tuple[Gateway, ...]) -> None:
        super().__init__(database, box)
        self.fake = fake
        self.world = World(database, box, now=T0)
        self.refund = RefundVouchers(database, box, timezone=ZONE, gateways=("midtrans",))
        self.online = SellOnline(self.sell, self.refund, box, urandom)
        self.book = BookNotice(timezone=ZONE, taxes=NO_TAXES, online=self.online)
        self.follow = FollowGateways(database, gateways, self.book, lambda: self.clock.at, lambda: None)
        self.give_back = RefundGateway(database, gateways, self.book)
        start = StartPayment(database, gateways, urandom, business_name="Desa Net")
        self.orders = OrderVouchers(database, box, start, business_name="Desa Net")
        self.pay = PayParts(
            keep=KeepCallbacks(database, box, gateways, lambda: self.clock.at, lambda: None),
            start=start,
            show=ShowPayment(database, CodePolicy(timedelta(days=7))),
            orders=self.orders,
        )
        self.node = Node(self)

    @property
    def now(self) -> datetime:
        return self.clock.at

    def pass_time(self, **span: float) -> None:
        self.clock.pass_time(**span)
        self.world.now = self.clock.at

    async def offer(self, **more: object) -> Batch:
        return await self.batch(0, is_online=True, **more)  # type: ignore[arg-type]

    async def paid(self, ref: str, times: int = 1) -> None:
        """Let somebody pay at the gateway, which tells it; then do what the daemon does."""
        self.fake.pay(ref)
        assert {answer.status for answer in await self.fake.tell(ref, times=times)} == {200}
        await self.followed()

    async def followed(self) -> None:
        while await self.follow.run():
            pass
        await self.node.shelf.load(self.database)  # as the feed has it done

    async def made(self) -> int:
        """Return how many vouchers there are."""
        async with self.database.read() as work:
            batches = await work.vouchers.batches(50)
            return sum([len(await work.vouchers.lines(one.id, limit=1_000)) for one in batches])

    async def held(self, code: str) -> int:
        """Return what an account has."""
        async with self.database.read() as work:
            return int((await work.ledger.statement(code)).balance_minor)


class Router:
    """A MikroTik hotspot: its log-in page, and log-ins that it asks RADIUS about, once a challenge."""

    def __init__(self, kiosk: OnlineKiosk) -> None:
        self.kiosk, self.portal, self.url = kiosk, "", ""
        self.challenge = urandom(16)
        self.online = False
        self.tries = 0

    def login_page(self, wanted: str, error: str = "") -> web.Response:
        variables = {
            "mac": A, "ip": "127.0.0.1", "link-login-only": f"{self.url}/login", "link-orig": wanted, "error": error,
            "chap-id": r"\007", "chap-challenge": "".join(f"\\{octet:03o}" for octet in self.challenge),
            "identity": "pop1", "server-name": "hs1",
        }  # fmt: skip
        page = hotspot_pages(self.portal, "Desa Net")["login.html"]
        for name, value in variables.items():
            page = page.replace(f"$({name})", value)
        return web.Response(text=page, content_type="text/html")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return await self._log_in(parse_qs((await request.read()).decode()))
        if self.online or request.path == "/favicon.ico":
            return web.Response(text="<!doctype html><title>Berita</title><h1>Berita</h1>", content_type="text/html")
        return self.login_page(str(request.url))

    async def _log_in(self, form: dict[str, list[str]]) -> web.StreamResponse:
        self.tries += 1
        name, wanted = form["username"][0], form.get("dst", [""])[0]
        response = bytes.fromhex(form["password"][0])
        pairs = [
            (USER_NAME, name.encode()),
            (CHAP_PASSWORD, b"\7" + response),
            (CHAP_CHALLENGE, self.challenge),
            (CALLING_STATION_ID, A.encode()),
        ]
        self.challenge = urandom(16)
        request = accepted(access_request(pairs), client(nas_id=POP1, name="pop1", vendor="mikrotik"))
        answered: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        decided = self.kiosk.node.authenticate.handle(request, self.kiosk.now, answered.set_result)
        if (decided or await answered).code != int(Code.ACCESS_ACCEPT):
            return self.login_page(wanted, "invalid username or password")
        self.online = True
        page = hotspot_pages(self.portal, "Desa Net")["alogin.html"]  # 200, and its refresh leads on
        return web.Response(text=page.replace("$(link-redirect)", escape(wanted)), content_type="text/html")

    def forget_challenge(self) -> None:
        """Do what time does: the page that somebody has open is too old to log in by."""
        self.challenge = urandom(16)


@asynccontextmanager
async def online_kiosk(database: Database, box: SecretBox) -> AsyncIterator[OnlineKiosk]:
    """Give a kiosk with a gateway that runs."""
    fake = FakeMidtrans()
    https: list[GatewayHttp] = []
    async with running(fake):
        wanted = GatewaySettings.model_validate({"midtrans": fake.settings()})
        kiosk = OnlineKiosk(database, box, fake, drivers_of(wanted, SystemClock(), https))
        await kiosk.open()
        await kiosk.world.nas("pop1", SITE)
        try:
            yield kiosk
        finally:
            for http in https:
                await http.close()


@asynccontextmanager
async def a_router(kiosk: OnlineKiosk, portal: str) -> AsyncIterator[Router]:
    """Give a hotspot router on a loopback port that sends browsers to the portal."""
    router = Router(kiosk)
    router.portal = portal
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", router.answer)
    begins = asyncio.create_task(kiosk.node.use.run())
    async with served(app) as url:
        router.url = url
        yield router
    begins.cancel()
