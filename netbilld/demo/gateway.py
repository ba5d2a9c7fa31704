"""A pretended payment gateway and bank for the demo: Midtrans' calls on loopback, and a page where one pays.

It speaks to the daemon over a socket as the real one does: what it is asked for by HTTP, what it tells by a callback
that is signed. Nothing in the daemon knows that it is not real.
"""

import hashlib
import html
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from netbilld.adapters.gateways.http_client import basic_auth
from netbilld.billing.qris import dynamic_qris

SERVER_KEY: Final = f"SB-Mid-server-demo-{secrets.token_hex(12)}"  # another one each time
METHODS: Final = ("qris", "va_bca", "page")
_STATIC: Final = (  # of a merchant that does not exist
    "00020101021126620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI5204481653033605802ID5915NETBILLD CONTOH6007BANDUNG61054011162070703A0163048DD0"
)
_PENDING, _PAID, _EXPIRED = "pending", "settlement", "expire"
_WORDS: Final = {_PENDING: "menunggu", _PAID: "lunas", _EXPIRED: "kedaluwarsa"}
_CODES: Final = {_PENDING: "201", _PAID: "200", _EXPIRED: "407"}
logger = logging.getLogger("netbilld.demo")


@dataclass(slots=True)
class _Payment:
    ref: str
    name: str
    amount: int
    method: str
    status: str = _PENDING
    refunded: int = 0


class PretendedGateway:
    """Keeps payments in memory, and lets whoever looks at its pages pay them."""

    def __init__(self, hook_url: str) -> None:
        self._hook_url = hook_url
        self._payments: dict[str, _Payment] = {}
        self.url = ""

    def app(self) -> web.Application:
        """Return its calls and pages."""
        app = web.Application()
        app.router.add_post("/snap/v1/transactions", self._page_wanted)
        app.router.add_post("/v2/charge", self._charge)
        app.router.add_get("/v2/{ref}/status", self._status)
        app.router.add_post("/v2/{ref}/refund", self._refund)
        app.router.add_post("/v2/{ref}/expire", self._status)
        app.router.add_get("/", self._list)
        app.router.add_get("/bank/{ref}", self._show)
        app.router.add_post("/bank/{ref}", self._pay)
        return app

    # -- what the demo asks --------------------------------------------------------------------------------------------

    def ends(self, ref: str, *, is_paid: bool) -> bytes:
        """Let somebody have paid, or not in time, and return what the daemon would be told of it."""
        self._payments[ref].status = _PAID if is_paid else _EXPIRED
        return json.dumps(_said(self._payments[ref])).encode()

    def other_amount(self, ref: str, amount: int) -> bytes:
        """Return a callback of a payment that is of another amount than was asked for."""
        self._payments[ref].status, self._payments[ref].amount = _PAID, amount
        return json.dumps(_said(self._payments[ref])).encode()

    def stranger(self, ref: str, amount: int) -> bytes:
        """Return a callback of a payment that another system than the daemon has asked for."""
        return json.dumps(_said(_Payment(ref, secrets.token_hex(8), amount, "qris", _PAID))).encode()

    def transaction(self, ref: str) -> str:
        """Return how the gateway itself calls a payment."""
        return self._payments[ref].name

    # -- what the daemon asks ------------------------------------------------------------------------------------------

    async def _page_wanted(self, request: web.Request) -> web.Response:
        _authorised(request)
        details = (await request.json())["transaction_details"]
        payment = self._new(details, "page")
        return web.json_response({"token": payment.name, "redirect_url": f"{self.url}/bank/{payment.ref}"}, status=201)

    async def _charge(self, request: web.Request) -> web.Response:
        _authorised(request)
        body = await request.json()
        details = body["transaction_details"]
        if details["order_id"] in self._payments:
            return web.json_response({"status_code": "406", "status_message": "order_id is taken"})
        payment = self._new(details, body["payment_type"])
        more: dict[str, Any] = {"actions": [{"name": "deeplink-redirect", "url": f"{self.url}/bank/{payment.ref}"}]}
        if payment.method == "qris":
            more["qr_string"] = dynamic_qris(_STATIC, min(payment.amount, 10_000_000))
        else:
            more = {"va_numbers": [{"bank": "bca", "va_number": f"70012{secrets.randbelow(10**10):010}"}]}
        return web.json_response({**_said(payment), **more})

    async def _status(self, request: web.Request) -> web.Response:
        _authorised(request)
        payment = self._payments.get(request.match_info["ref"])
        return web.json_response(_said(payment) if payment else {"status_code": "404"})

    async def _refund(self, request: web.Request) -> web.Response:
        _authorised(request)
        payment, amount = self._payments[request.match_info["ref"]], int((await request.json())["amount"])
        if payment.status == _PENDING or payment.refunded + amount > payment.amount:
            return web.json_response({"status_code": "414", "status_message": "amount"})
        payment.refunded += amount
        return web.json_response(_said(payment))

    def _new(self, details: dict[str, Any], method: str) -> _Payment:
        payment = _Payment(details["order_id"], secrets.token_hex(8), int(details["gross_amount"]), method)
        self._payments[payment.ref] = payment
        return payment

    # -- what whoever pays sees ----------------------------------------------------------------------------------------

    async def _list(self, _request: web.Request) -> web.Response:
        rows = "".join(
            f'<li><a href="/bank/{html.escape(one.ref)}">{html.escape(one.ref)}</a>: Rp{one.amount:,} '
            f"{_WORDS[one.status]}</li>"
            for one in reversed(self._payments.values())
        )
        return _page(f"<h1>Bank Contoh</h1><ul>{rows or '<li>Belum ada pembayaran.</li>'}</ul>")

    async def _show(self, request: web.Request) -> web.Response:
        payment = self._found(request)
        told = f"<h1>Bank Contoh</h1><p>{html.escape(payment.ref)}</p><p class=amount>Rp{payment.amount:,}</p>"
        if payment.status == _PAID:
            return _page(told + "<p><b>Lunas.</b> Kembali ke halaman penyedia internet.</p>")
        if payment.status == _EXPIRED:
            return _page(told + "<p>Kedaluwarsa: mulai lagi di halaman penyedia internet.</p>")
        return _page(told + "<form method=post><button>Bayar</button></form><p>Bank pura-pura: uangnya tidak ada.</p>")

    async def _pay(self, request: web.Request) -> web.Response:
        payment = self._found(request)
        if payment.status == _PENDING:
            payment.status = _PAID
            await self._tell(payment)
        raise web.HTTPSeeOther(f"/bank/{payment.ref}")

    def _found(self, request: web.Request) -> _Payment:
        payment = self._payments.get(request.match_info["ref"])
        if payment is None:
            raise web.HTTPNotFound
        return payment

    async def _tell(self, payment: _Payment) -> None:
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=10)) as session,
                session.post(self._hook_url, json=_said(payment), allow_redirects=False) as answer,
            ):
                await answer.read()
        except (ClientError, OSError, TimeoutError) as error:  # then the daemon asks, a quarter of an hour later
            logger.warning("the pretended gateway could not tell of %s: %s", payment.ref, error)


@asynccontextmanager
async def pretended_gateway(host: str, port: int, hook_url: str) -> AsyncIterator[PretendedGateway]:
    """Run it for as long as the block lasts."""
    gateway = PretendedGateway(hook_url)
    runner = web.AppRunner(gateway.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    gateway.url = f"http://{host}:{port}"
    try:
        yield gateway
    finally:
        await runner.cleanup()


def _authorised(request: web.Request) -> None:
    if request.headers.get("Authorization") != basic_auth(SERVER_KEY):
        raise web.HTTPUnauthorized


def _said(payment: _Payment) -> dict[str, Any]:
    status = payment.status
    if payment.refunded:
        status = "refund" if payment.refunded == payment.amount else "partial_refund"
    code, gross = _CODES.get(status, "200"), f"{payment.amount}.00"
    proof = hashlib.sha512(f"{payment.ref}{code}{gross}{SERVER_KEY}".encode()).hexdigest()
    return {
        "status_code": code,
        "transaction_status": status,
        "transaction_id": payment.name,
        "order_id": payment.ref,
        "gross_amount": gross,
        "currency": "IDR",
        "fraud_status": "accept",
        "payment_type": payment.method,
        "refund_amount": f"{payment.refunded}.00",
        "signature_key": proof,
    }


def _page(body: str) -> web.Response:
    text = (
        '<!doctype html><html lang="id"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Bank Contoh</title><style>body{font:18px system-ui;max-width:26rem;margin:2rem auto;padding:0 1rem}"
        "button{font:inherit;padding:.8rem 2rem}.amount{font-size:2rem}</style>" + body
    )
    return web.Response(text=text, content_type="text/html")
