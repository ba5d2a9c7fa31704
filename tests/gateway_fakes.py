"""Four payment gateways on real sockets, strict where the real ones are, with knobs for what goes wrong.

Each keeps its payments in memory, checks what it is sent as the real one does, and calls back when a test says so:
doubled, in any order, late, with a wrong signature or amount, or not at all.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import ClientSession, web

from tests.peers import free_tcp_port

MIDTRANS_KEY: Final = "SB-Mid-server-netbilld-TEST-0001"
XENDIT_KEY: Final = "xnd_development_TEST0001"
XENDIT_TOKEN: Final = "token-TEST-0001"
TRIPAY_KEY: Final = "tripay-api-TEST-0001"
TRIPAY_PRIVATE: Final = "tripay-private-TEST-0001"
TRIPAY_CODE: Final = "T00001"
DUITKU_CODE: Final = "DS00001"
DUITKU_KEY: Final = "duitku-api-TEST-0001"
FEE: Final = 2_675


@dataclass(slots=True)
class Payment:
    """A payment at a gateway; `status` is in its own words."""

    ref: str
    name: str
    amount: int
    status: str
    method: str
    refunded: int = 0
    refund_keys: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Delivery:
    """What a callback was answered with."""

    status: int
    body: bytes


class FakeGateway:
    """What the four have in common."""

    name = ""
    words: ClassVar[Mapping[str, str]]  # pending, paid, expired, failed, refunded

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.faults: list[int] = []  # answered instead, one a request; 0 breaks the connection
        self.asked: list[tuple[str, str]] = []
        self.deliveries: list[Delivery] = []
        self.url = ""
        self.hook = ""
        self._count = 0

    # -- what tests do -------------------------------------------------------------------------------------------------

    def pay(self, ref: str) -> Payment:
        """Let somebody pay; nobody is told."""
        self.payments[ref].status = self.words["paid"]
        return self.payments[ref]

    def becomes(self, ref: str, state: str) -> Payment:
        """Let a payment be pending, paid, expired, failed or refunded."""
        payment = self.payments[ref]
        payment.status = self.words[state]
        if state == "refunded":
            payment.refunded = payment.amount
        return payment

    async def tell(
        self,
        ref: str,
        state: str | None = None,
        *,
        times: int = 1,
        tamper: str = "",
        amount: int | None = None,
        at_once: bool = False,
    ) -> list[Delivery]:
        """Call back, and return what was answered.

        Args:
            ref: of the payment.
            state: to be told; None is as it is.
            times: how often.
            tamper: signature: it is wrong. body: the body is changed after it was signed.
            amount: to be told instead.
            at_once: not one after the other.
        """
        payment = self.payments[ref]
        word = payment.status if state is None else self.words[state]
        headers, body = self.callback(payment, word, payment.amount if amount is None else amount)
        if tamper == "signature":
            headers, body = self.spoilt(headers, body)
        if tamper == "body":
            body = body.replace(str(payment.amount).encode(), str(payment.amount + 1).encode())
        return await self.send(headers, body, times=times, at_once=at_once)

    async def send(
        self, headers: dict[str, str], body: bytes, *, times: int = 1, at_once: bool = False
    ) -> list[Delivery]:
        """Send these octets to our hook."""
        async with ClientSession() as session:

            async def once() -> Delivery:
                async with session.post(self.hook, data=body, headers=headers, allow_redirects=False) as answer:
                    return Delivery(answer.status, await answer.read())

            if at_once:
                made = list(await asyncio.gather(*(once() for _ in range(times))))
            else:
                made = [await once() for _ in range(times)]
        self.deliveries += made
        return made

    # -- what each does in its own way ---------------------------------------------------------------------------------

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a callback."""
        raise NotImplementedError

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Return the same with a proof that is wrong."""
        raise NotImplementedError

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of ours."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return what the settings say of it."""
        raise NotImplementedError

    def new(self, ref: str, amount: int, method: str) -> Payment:
        """Keep a new payment."""
        self._count += 1
        payment = Payment(ref, f"{self.name}-{self._count:08}", amount, self.words["pending"], method)
        self.payments[ref] = payment
        return payment

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of ours, or with the next fault."""
        self.asked.append((request.method, request.path))
        if self.faults:
            fault = self.faults.pop(0)
            if fault == 0:
                assert request.transport is not None
                request.transport.abort()
                return web.Response(status=500)
            if fault > 0:
                return web.Response(status=fault, text="{}")
            answer = await self.answer(request)  # it is done, and the answer gets lost
            assert request.transport is not None
            request.transport.abort()
            return answer
        return await self.answer(request)


class FakeMidtrans(FakeGateway):
    name = "midtrans"
    words: ClassVar[Mapping[str, str]] = {
        "pending": "pending",
        "paid": "settlement",
        "expired": "expire",
        "failed": "failure",
        "denied": "deny",
        "cancelled": "cancel",
        "refunded": "refund",
        "partly": "partial_refund",
    }

    def settings(self) -> dict[str, Any]:
        return {"server_key": MIDTRANS_KEY, "core_url": self.url, "snap_url": self.url}

    def said(self, payment: Payment, word: str, amount: int) -> dict[str, Any]:
        code = {"pending": "201", "settlement": "200", "refund": "200", "partial_refund": "200"}.get(word, "202")
        gross = f"{amount}.00"
        proof = hashlib.sha512(f"{payment.ref}{code}{gross}{MIDTRANS_KEY}".encode()).hexdigest()
        said = {
            "transaction_status": word,
            "status_code": code,
            "order_id": payment.ref,
            "transaction_id": payment.name,
            "gross_amount": gross,
            "currency": "IDR",
            "fraud_status": "accept",
            "payment_type": payment.method,
            "signature_key": proof,
        }
        if payment.refunded:
            said["refund_amount"] = f"{payment.refunded}.00"
        return said

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps(self.said(payment, word, amount)).encode()
        return {"Content-Type": "application/json", "User-Agent": "Veritrans"}, body

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        fields = json.loads(body)
        fields["signature_key"] = fields["signature_key"][::-1]
        return headers, json.dumps(fields).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        wanted = "Basic " + base64.b64encode(f"{MIDTRANS_KEY}:".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return web.json_response({"status_code": "401"}, status=401)
        path = request.path
        if path == "/snap/v1/transactions":
            body = await request.json()
            if not _sums(body["item_details"], body["transaction_details"]["gross_amount"]):
                return web.json_response({"error_messages": ["sum"]}, status=400)
            return web.json_response({"token": "t", "redirect_url": f"{self.url}/snap/v3/redirection/t"}, status=201)
        if path == "/v2/charge":
            return await self._charge(await request.json())
        _, _, ref, verb = path.split("/")
        payment = self.payments.get(ref)
        if payment is None:
            return web.json_response({"status_code": "404", "status_message": "doesn't exist"})
        if verb == "refund":
            return self._refund(payment, await request.json())
        if verb in {"cancel", "expire"} and payment.status != "pending":
            return web.json_response({"status_code": "412"})
        if verb == "expire":
            payment.status = "expire"
            return web.json_response({**self.said(payment, "expire", payment.amount), "status_code": "407"})
        return web.json_response(self.said(payment, payment.status, payment.amount))

    async def _charge(self, body: dict[str, Any]) -> web.StreamResponse:
        details = body["transaction_details"]
        if details["order_id"] in self.payments:
            return web.json_response({"status_code": "406", "status_message": "duplicate order_id"})
        if not isinstance(details["gross_amount"], int) or not _sums(body["item_details"], details["gross_amount"]):
            return web.json_response({"status_code": "400", "status_message": "gross_amount"})
        payment = self.new(details["order_id"], details["gross_amount"], body["payment_type"])
        more: dict[str, Any] = {}
        if body["payment_type"] == "qris":
            more = {"qr_string": f"00020101021226{payment.name}", "acquirer": body["qris"]["acquirer"]}
        elif body["payment_type"] == "bank_transfer":
            more = {"va_numbers": [{"bank": body["bank_transfer"]["bank"], "va_number": "12345678901"}]}
            if body["bank_transfer"]["bank"] == "permata":
                more = {"permata_va_number": "8562000012345678"}
        elif body["payment_type"] == "echannel":
            more = {"bill_key": "778347787706", "biller_code": "70012"}
        elif body["payment_type"] == "cstore":
            more = {"payment_code": "25709650945026", "store": body["cstore"]["store"]}
        elif body["payment_type"] == "gopay":
            more = {"actions": [{"name": "deeplink-redirect", "method": "GET", "url": f"{self.url}/gopay"}]}
        return web.json_response({**self.said(payment, "pending", payment.amount), **more})

    def _refund(self, payment: Payment, body: dict[str, Any]) -> web.StreamResponse:
        key, amount = body["refund_key"], body["amount"]
        if key not in payment.refund_keys:
            if payment.refunded + amount > payment.amount or payment.status == "pending":
                return web.json_response({"status_code": "414", "status_message": "amount"})
            payment.refund_keys[key] = amount
            payment.refunded += amount
            payment.status = "refund" if payment.refunded == payment.amount else "partial_refund"
        return web.json_response(self.said(payment, payment.status, payment.amount))


class FakeXendit(FakeGateway):
    name = "xendit"
    words: ClassVar[Mapping[str, str]] = {
        "pending": "PENDING",
        "paid": "PAID",
        "expired": "EXPIRED",
        "failed": "FAILED",
        "refunded": "PAID",
    }
    _REQUEST: Final = {"PENDING": "ACCEPTING_PAYMENTS", "PAID": "SUCCEEDED"}

    def settings(self) -> dict[str, Any]:
        return {"secret_key": XENDIT_KEY, "callback_token": XENDIT_TOKEN, "url": self.url}

    def said(self, payment: Payment, word: str, amount: int) -> dict[str, Any]:
        if payment.method != "invoice":
            return {
                "payment_request_id": f"pr-{payment.name}",
                "payment_id": f"py-{payment.name}",
                "reference_id": payment.ref,
                "currency": "IDR",
                "request_amount": str(amount),
                "status": self._REQUEST.get(word, word),
                "captures": [{"capture_amount": amount}] if word == "PAID" else [],
            }
        paid = {"paid_amount": amount, "paid_at": "2026-11-22T05:00:00.000Z"} if word == "PAID" else {}
        return {
            "id": payment.name,
            "external_id": payment.ref,
            "status": word,
            "amount": amount,
            "currency": "IDR",
            "invoice_url": f"{self.url}/web/{payment.name}",
            **paid,
        }

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        said = self.said(payment, word, amount)
        if payment.method != "invoice":
            event = {"PAID": "payment.capture", "PENDING": "payment.authorization"}.get(word, "payment.failure")
            said = {"event": event, "data": said}
        return {"x-callback-token": XENDIT_TOKEN, "Content-Type": "application/json"}, json.dumps(said).encode()

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        return {**headers, "x-callback-token": "guessed"}, body

    async def answer(self, request: web.Request) -> web.StreamResponse:
        wanted = "Basic " + base64.b64encode(f"{XENDIT_KEY}:".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return web.json_response({"error_code": "INVALID_API_KEY"}, status=401)
        path = request.path
        if path == "/v2/invoices/" and request.method == "POST":
            body = await request.json()
            payment = self.new(body["external_id"], body["amount"], "invoice")
            return web.json_response(self.said(payment, "PENDING", payment.amount))
        if path == "/v2/invoices":
            found = self.payments.get(request.query["external_id"])
            return web.json_response([self.said(found, found.status, found.amount)] if found else [])
        if path.startswith("/v3/"):
            if request.headers.get("api-version") != "2024-11-11":
                return web.json_response({"error_code": "API_VALIDATION_ERROR"}, status=400)
            return await self._requests(request)
        if path == "/refunds":
            return await self._refund(await request.json())
        return web.json_response({"error_code": "NOT_FOUND"}, status=404)

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and request.path == "/v3/payment_requests":
            body = await request.json()
            if body["reference_id"] in self.payments:
                return web.json_response({"error_code": "DUPLICATE_ERROR"}, status=409)
            payment = self.new(body["reference_id"], body["request_amount"], body["channel_code"])
            descriptor = "QR_STRING" if body["channel_code"] == "QRIS" else "VIRTUAL_ACCOUNT_NUMBER"
            action = {"type": "PRESENT_TO_CUSTOMER", "descriptor": descriptor, "value": f"000201{payment.name}"}
            return web.json_response({**self.said(payment, "PENDING", payment.amount), "actions": [action]}, status=201)
        name = request.path.split("/")[3].removeprefix("pr-")
        found = next((one for one in self.payments.values() if one.name == name), None)
        if found is None:
            return web.json_response({"error_code": "NOT_FOUND"}, status=404)
        return web.json_response(self.said(found, found.status, found.amount))

    async def _refund(self, body: dict[str, Any]) -> web.StreamResponse:
        name = (body.get("payment_request_id") or body.get("invoice_id") or "").removeprefix("pr-")
        found = next((one for one in self.payments.values() if name in {one.name, one.ref}), None)
        if found is None or found.refunded + body["amount"] > found.amount:
            return web.json_response({"error_code": "DATA_NOT_FOUND"}, status=404)
        if body["reference_id"] not in found.refund_keys:
            found.refund_keys[body["reference_id"]] = body["amount"]
            found.refunded += body["amount"]
        return web.json_response({"id": "rfd-1", "status": "SUCCEEDED"})


class FakeTripay(FakeGateway):
    name = "tripay"
    words: ClassVar[Mapping[str, str]] = {
        "pending": "UNPAID",
        "paid": "PAID",
        "expired": "EXPIRED",
        "failed": "FAILED",
        "refunded": "REFUND",
    }

    def settings(self) -> dict[str, Any]:
        return {
            "api_key": TRIPAY_KEY,
            "private_key": TRIPAY_PRIVATE,
            "merchant_code": TRIPAY_CODE,
            "url": f"{self.url}/api",
        }

    def said(self, payment: Payment, word: str, amount: int) -> dict[str, Any]:
        return {
            "reference": payment.name,
            "merchant_ref": payment.ref,
            "payment_method_code": payment.method,
            "total_amount": amount,
            "fee_merchant": FEE,
            "fee_customer": 0,
            "total_fee": FEE,
            "amount_received": amount - FEE,
            "is_closed_payment": 1,
            "status": word,
            "paid_at": None,
            "note": None,
        }

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps(self.said(payment, word, amount), separators=(",", ":")).encode()
        proof = hmac.digest(TRIPAY_PRIVATE.encode(), body, "sha256").hex()
        return {"X-Callback-Event": "payment_status", "X-Callback-Signature": proof}, body

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        return {**headers, "X-Callback-Signature": headers["X-Callback-Signature"][::-1]}, body

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TRIPAY_KEY}":
            return web.json_response({"success": False, "message": "Invalid API Key"}, status=401)
        if request.path == "/api/transaction/create":
            return await self._create(await request.json())
        if request.path == "/api/transaction/detail":
            found = next((one for one in self.payments.values() if one.name == request.query["reference"]), None)
            if found is None:
                return web.json_response({"success": False, "message": "Transaction not found"})
            return web.json_response({"success": True, "message": "", "data": self._detail(found)})
        if request.path == "/api/merchant/transactions":
            found = self.payments.get(request.query["merchant_ref"])
            return web.json_response({"success": True, "data": [self._detail(found)] if found else []})
        return web.json_response({"success": False, "message": "no such call"}, status=404)

    def _detail(self, payment: Payment) -> dict[str, Any]:
        said = self.said(payment, payment.status, payment.amount)
        return {**said, "amount": said.pop("total_amount"), "paid_at": "1795330800"}

    async def _create(self, body: dict[str, Any]) -> web.StreamResponse:
        signed = f"{TRIPAY_CODE}{body['merchant_ref']}{body['amount']}".encode()
        if body["signature"] != hmac.digest(TRIPAY_PRIVATE.encode(), signed, "sha256").hex():
            return web.json_response({"success": False, "message": "Invalid signature"})
        if not _sums(body["order_items"], body["amount"]) or "@" not in body["customer_email"]:
            return web.json_response({"success": False, "message": "order_items"})
        payment = self.new(body["merchant_ref"], body["amount"], body["method"])
        data: dict[str, Any] = {**self._detail(payment), "checkout_url": f"{self.url}/c", "pay_url": None}
        if payment.method.startswith("QRIS"):
            data |= {"qr_string": f"000201{payment.name}", "pay_code": None}
        else:
            data |= {"pay_code": "8577000012345678"}
        return web.json_response({"success": True, "message": "", "data": data})


class FakeDuitku(FakeGateway):
    name = "duitku"
    words: ClassVar[Mapping[str, str]] = {
        "pending": "01",
        "paid": "00",
        "expired": "02",
        "failed": "01",
        "refunded": "00",
    }

    def settings(self) -> dict[str, Any]:
        return {"merchant_code": DUITKU_CODE, "api_key": DUITKU_KEY, "url": self.url, "pop_url": self.url}

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        fields = {
            "merchantCode": DUITKU_CODE,
            "amount": str(amount),
            "merchantOrderId": payment.ref,
            "productDetail": "Internet",
            "additionalParam": "",
            "paymentCode": payment.method,
            "resultCode": word,
            "reference": payment.name,
            "signature": _md5(f"{DUITKU_CODE}{amount}{payment.ref}{DUITKU_KEY}"),
        }
        return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(fields).encode()

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        return headers, body.replace(b"signature=", b"signature=0")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.path == "/webapi/api/merchant/v2/inquiry":
            wanted = _md5(f"{DUITKU_CODE}{body['merchantOrderId']}{body['paymentAmount']}{DUITKU_KEY}")
            if body["signature"] != wanted or not _sums(body["itemDetails"], body["paymentAmount"]):
                return web.json_response({"statusCode": "05", "statusMessage": "wrong signature"})
            payment = self.new(body["merchantOrderId"], body["paymentAmount"], body["paymentMethod"])
            is_qris = payment.method == "SP"
            return web.json_response(
                {
                    "reference": payment.name,
                    "paymentUrl": f"{self.url}/topup",
                    "vaNumber": "" if is_qris else "7007014001234567",
                    "qrString": f"000201{payment.name}" if is_qris else "",
                    "amount": str(payment.amount),
                    "statusCode": "00",
                    "statusMessage": "SUCCESS",
                }
            )
        if request.path == "/webapi/api/merchant/transactionStatus":
            ref = body["merchantOrderId"]
            if body["signature"] != _md5(f"{DUITKU_CODE}{ref}{DUITKU_KEY}") or ref not in self.payments:
                return web.json_response({"Message": "not found"}, status=404)
            found = self.payments[ref]
            said = {"merchantOrderId": ref, "reference": found.name, "amount": str(found.amount), "fee": "0.00"}
            return web.json_response({**said, "statusCode": found.status, "statusMessage": ""})
        return web.json_response({"Message": "no such call"}, status=404)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sums(items: list[dict[str, Any]], amount: int) -> bool:
    return bool(sum(one["price"] * one["quantity"] for one in items) == amount)


FAKES: Final[tuple[Callable[[], FakeGateway], ...]] = (FakeMidtrans, FakeXendit, FakeTripay, FakeDuitku)


@asynccontextmanager
async def running(fake: FakeGateway) -> AsyncIterator[FakeGateway]:
    """Run a gateway on a loopback port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.url = f"http://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()
