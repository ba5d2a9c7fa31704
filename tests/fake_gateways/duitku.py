"""Duitku as it is on a socket, in memory."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from tests.fake_gateways.fake_gateway import FakeGateway, Payment, sums_up

DUITKU_CODE: Final = "DS00001"
DUITKU_KEY: Final = "duitku-api-TEST-0001"


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
            if body["signature"] != wanted or not sums_up(body["itemDetails"], body["paymentAmount"]):
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
