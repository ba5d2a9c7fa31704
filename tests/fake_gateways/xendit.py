"""Xendit as it is on a socket, in memory."""

import base64
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from aiohttp import web

from tests.fake_gateways.fake_gateway import FakeGateway, Payment

XENDIT_KEY: Final = "xnd_development_TEST0001"
XENDIT_TOKEN: Final = "token-TEST-0001"


class FakeXendit(FakeGateway):
    name = "xendit"
    words: ClassVar[Mapping[str, str]] = {
        "pending": "PENDING",
        "paid": "PAID",
        "expired": "EXPIRED",
        "failed": "FAILED",
        "refunded": "PAID",
    }
    ignores_search = False  # whatever is looked for, everything is listed
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
            found = [one for one in self.payments.values() if one.method == "invoice"]
            if not self.ignores_search:
                found = [one for one in found if one.ref == request.query["external_id"]]
            return web.json_response([self.said(one, one.status, one.amount) for one in found])
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
