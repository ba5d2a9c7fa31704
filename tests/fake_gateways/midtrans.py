"""Midtrans as it is on a socket, in memory."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from aiohttp import web

from tests.fake_gateways.fake_gateway import FakeGateway, Payment, sums_up

MIDTRANS_KEY: Final = "SB-Mid-server-netbilld-TEST-0001"
_GOOD: Final = frozenset(("settlement", "capture", "refund", "partial_refund"))


@dataclass(slots=True)
class Account:
    """A GoPay account that is linked, or is to be."""

    phone: str
    status: str = "PENDING"
    balance: int = 1_000_000
    token: int = 0  # another one each time it is looked at


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

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.asks_pin = False  # also for what is said to recur, as for merchants who are not allowed to

    def allow(self, phone: str) -> None:
        """Let the owner of an account allow it."""
        next(one for one in self.accounts.values() if one.phone == phone).status = "ENABLED"

    def settings(self) -> dict[str, Any]:
        return {"server_key": MIDTRANS_KEY, "core_url": self.url, "snap_url": self.url}

    def said(self, payment: Payment, word: str, amount: int) -> dict[str, Any]:
        code = {"pending": "201"}.get(word, "200" if word in _GOOD else "202")
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
            if not sums_up(body["item_details"], body["transaction_details"]["gross_amount"]):
                return web.json_response({"error_messages": ["sum"]}, status=400)
            return web.json_response({"token": "t", "redirect_url": f"{self.url}/snap/v3/redirection/t"}, status=201)
        if path.startswith("/v2/pay/account"):
            return await self._account(request)
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
        if not isinstance(details["gross_amount"], int) or not sums_up(body["item_details"], details["gross_amount"]):
            return web.json_response({"status_code": "400", "status_message": "gross_amount"})
        linked = body.get("gopay", {}).get("account_id")
        if linked is not None:
            return self._charge_account(body, linked)
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

    async def _account(self, request: web.Request) -> web.StreamResponse:
        """GoPay Tokenization: link, look, unbind."""
        if request.method == "POST" and request.path == "/v2/pay/account":
            body = await request.json()
            partner = body["gopay_partner"]
            if not partner["phone_number"].startswith("8") or partner["country_code"] != "62":
                return web.json_response({"status_code": "202", "channel_response_message": "User Not Found"})
            name = f"0000{len(self.accounts) + 1:04}-7836-49e5-bc65-e592afafec14"
            self.accounts[name] = Account(partner["phone_number"])
            link = {"name": "activation-link-url", "method": "GET", "url": f"{self.url}/link/{name}"}
            said = {"status_code": "201", "account_id": name, "account_status": "PENDING", "actions": [link]}
            return web.json_response(said)
        name = request.path.split("/")[4]
        account = self.accounts.get(name)
        if account is None:
            return web.json_response({"status_code": "404"})
        if request.path.endswith("/unbind"):
            account.status = "DISABLED"
            return web.json_response({"status_code": "204", "account_id": name, "account_status": "DISABLED"})
        code = {"ENABLED": "200", "PENDING": "201"}.get(account.status, "204")
        said = {"status_code": code, "account_id": name, "account_status": account.status}
        if account.status == "ENABLED":
            account.token += 1
            later = {"name": "PAY_LATER", "active": True, "token": "loan"}
            wallet = {"name": "GOPAY_WALLET", "active": True, "token": f"wallet-{account.token}"}
            return web.json_response({**said, "metadata": {"payment_options": [later, wallet]}})
        return web.json_response(said)

    def _charge_account(self, body: dict[str, Any], linked: str) -> web.StreamResponse:
        details, account = body["transaction_details"], self.accounts[linked]
        if account.status != "ENABLED" or body["gopay"]["payment_option_token"] != f"wallet-{account.token}":
            return web.json_response({"status_code": "411", "status_message": "token"})
        payment = self.new(details["order_id"], details["gross_amount"], "gopay")
        if self.asks_pin or not body["gopay"].get("recurring"):
            return web.json_response(self.said(payment, "pending", payment.amount))
        if payment.amount > account.balance:
            payment.status = "deny"
            return web.json_response(self.said(payment, "deny", payment.amount))
        account.balance -= payment.amount
        payment.status = "settlement"
        return web.json_response(self.said(payment, "settlement", payment.amount))
