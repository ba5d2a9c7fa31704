"""Tripay as it is on a socket, in memory."""

import hmac
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from aiohttp import web

from tests.fake_gateways.fake_gateway import FEE, FakeGateway, Payment, sums_up

TRIPAY_KEY: Final = "tripay-api-TEST-0001"
TRIPAY_PRIVATE: Final = "tripay-private-TEST-0001"
TRIPAY_CODE: Final = "T00001"


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
        if not sums_up(body["order_items"], body["amount"]) or "@" not in body["customer_email"]:
            return web.json_response({"success": False, "message": "order_items"})
        payment = self.new(body["merchant_ref"], body["amount"], body["method"])
        data: dict[str, Any] = {**self._detail(payment), "checkout_url": f"{self.url}/c", "pay_url": None}
        if payment.method.startswith("QRIS"):
            data |= {"qr_string": f"000201{payment.name}", "pay_code": None}
        else:
            data |= {"pay_code": "8577000012345678"}
        return web.json_response({"success": True, "message": "", "data": data})
