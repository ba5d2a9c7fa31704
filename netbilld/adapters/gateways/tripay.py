"""Tripay: closed transactions of any channel; the callback's signature covers its whole body."""

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from netbilld.adapters.gateways.fields import amount_of, instant_of, json_object, same_proof, text_of
from netbilld.adapters.gateways.http_client import GatewayHttp, Reply, json_octets
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.ports.gateways import (
    Answer,
    BadSignatureError,
    Charge,
    GatewayRefusedError,
    Made,
    MalformedCallbackError,
    RefundState,
    Verdict,
)

_CHANNELS: Final = {
    "qris": "QRIS",
    "va_bca": "BCAVA",
    "va_bni": "BNIVA",
    "va_bri": "BRIVA",
    "va_mandiri": "MANDIRIVA",
    "va_permata": "PERMATAVA",
    "va_bsi": "BSIVA",
    "va_cimb": "CIMBVA",
    "va_danamon": "DANAMONVA",
    "va_muamalat": "MUAMALATVA",
    "ewallet_ovo": "OVO",
    "ewallet_dana": "DANA",
    "ewallet_shopeepay": "SHOPEEPAY",
    "retail_alfamart": "ALFAMART",
    "retail_indomaret": "INDOMARET",
    "retail_alfamidi": "ALFAMIDI",
}
METHODS: Final = tuple(_CHANNELS)
_STATES: Final = {
    "UNPAID": GatewayState.PENDING,
    "PAID": GatewayState.PAID,
    "FAILED": GatewayState.FAILED,
    "EXPIRED": GatewayState.EXPIRED,
    "REFUND": GatewayState.REFUNDED,
}
_MESSAGES: Final = {
    Verdict.BAD_SIGNATURE: (403, "Invalid signature"),
    Verdict.MALFORMED: (400, "Malformed body"),
    Verdict.UNKNOWN_EVENT: (200, "Unrecognized callback event"),
    Verdict.TRY_LATER: (503, "Try again later"),
}
_UNKNOWN_TRANSACTION: Final = re.compile(r"not found|tidak ditemukan", re.IGNORECASE)


class Tripay:
    """The other end of the port Gateway."""

    name: Final = "tripay"
    refunds: Final = False  # it has no call for it; money is given back by hand, in its dashboard

    def __init__(
        self,
        http: GatewayHttp,
        *,
        api_key: str,
        private_key: str,
        merchant_code: str,
        url: str = "https://tripay.co.id/api",
        methods: tuple[str, ...] = METHODS,
        confirms_callbacks: bool = False,
        email_domain: str = "",
    ) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._key, self._private, self._code = api_key, private_key.encode(), merchant_code
        self.methods, self.confirms_callbacks, self._domain = methods, confirms_callbacks, email_domain

    async def create(self, charge: Charge) -> Made:
        """Make a transaction."""
        channel = _CHANNELS.get(charge.method)
        if channel is None:
            raise GatewayRefusedError(f"tripay has no {charge.method}", code="no_such_method")
        asked: dict[str, Any] = {
            "method": channel,
            "merchant_ref": charge.ref,
            "amount": charge.amount_minor,
            "customer_name": charge.payer_name or charge.payer_id,
            "customer_email": charge.payer_email or f"{charge.payer_id}@{self._domain or 'pelanggan.invalid'}",
            "order_items": [
                {"sku": charge.payer_id, "name": charge.text[:100], "price": charge.amount_minor, "quantity": 1}
            ],
            "expired_time": int(charge.expires_at.timestamp()),
            "signature": self.create_signature(charge.ref, charge.amount_minor),
        }
        if charge.payer_phone:
            asked["customer_phone"] = charge.payer_phone
        if charge.callback_url:
            asked["callback_url"] = charge.callback_url
        if charge.return_url:
            asked["return_url"] = charge.return_url
        reply = await self._ask("POST", "/transaction/create", asked)
        data = _data(reply)
        if data is None or not data.get("reference"):
            raise _refused(reply)
        number = str(data.get("pay_code") or "") or None
        return Made(
            str(data["reference"]),
            pay_url=str(data.get("pay_url") or "") or (None if number else str(data.get("checkout_url") or "") or None),
            qr_string=str(data.get("qr_string") or "") or None,
            number=number,
            number_at=charge.method.partition("_")[2] or None if number else None,
            expires_at=instant_of(data.get("expired_time")),
        )

    async def status(self, ref: str, gateway_ref: str | None) -> Notice | None:
        """Return how a transaction is; one whose making nobody heard of is looked for by our own name."""
        if gateway_ref:
            reply = await self._ask("GET", f"/transaction/detail?reference={quote(gateway_ref, safe='')}")
            data = _data(reply)
            if data is None and _UNKNOWN_TRANSACTION.search(reply.text("message")):
                return None
        else:
            reply = await self._ask("GET", f"/merchant/transactions?merchant_ref={quote(ref, safe='')}&per_page=5")
            listed = reply.body.get("data") if isinstance(reply.body, dict) else None
            found = [one for one in listed or () if isinstance(one, dict) and one.get("merchant_ref") == ref]
            if reply.text("success") == "True" and not found:
                return None
            data = found[0] if found else None
        if data is None:
            raise _refused(reply)
        # of a transaction `amount` is with the payer's fee, as `total_amount` is in a callback
        return self._notice({"total_amount": data.get("amount"), **data})

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """Return what a callback says; its signature is of the body to the octet."""
        wanted = hmac.digest(self._private, body, "sha256").hex()
        if not same_proof(headers.get("x-callback-signature", ""), wanted):
            raise BadSignatureError
        if headers.get("x-callback-event", "payment_status") != "payment_status":
            return None
        return self._notice(json_object(body))

    def answer(self, verdict: Verdict) -> Answer:
        """Return what Tripay reads: anything but success is tried again."""
        if verdict is Verdict.TAKEN:
            return Answer(200, b'{"success":true}', "application/json")
        status, message = _MESSAGES[verdict]
        return Answer(status, json_octets({"success": False, "message": message}), "application/json")

    async def refund(self, ref: str, gateway_ref: str | None, amount_minor: int, key: str, reason: str) -> RefundState:
        """Refuse: Tripay has no such call."""
        del ref, gateway_ref, amount_minor, key, reason
        raise GatewayRefusedError("tripay gives nothing back by a call; do it in its dashboard", code="no_refunds")

    async def expire(self, ref: str, gateway_ref: str | None) -> None:
        """Do nothing: a transaction ends by itself."""

    def create_signature(self, ref: str, amount_minor: int) -> str:
        """Return the signature of a closed transaction."""
        return hmac.digest(self._private, f"{self._code}{ref}{amount_minor}".encode(), "sha256").hex()

    def open_signature(self, channel: str, ref: str) -> str:
        """Return the signature of an open payment, which has no amount."""
        return hmac.digest(self._private, f"{self._code}{channel}{ref}".encode(), "sha256").hex()

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        reply = await self._http.ask(method, self._url + path, headers, None if body is None else json_octets(body))
        if reply.status == 401:
            raise GatewayRefusedError("tripay does not know our API key", code="gateway_key")
        return reply

    def _notice(self, fields: Mapping[str, Any]) -> Notice:
        word = text_of(fields, "status", is_needed=True).upper()
        state = _STATES.get(word)
        if state is None:
            raise MalformedCallbackError(f"status {word!r} is unknown")
        total_minor = amount_of(fields.get("total_amount"))
        paid_by_payer = amount_of(fields.get("fee_customer")) or 0
        return Notice(
            ref=text_of(fields, "merchant_ref", is_needed=True),
            transaction=text_of(fields, "reference", is_needed=True),
            state=state,
            amount_minor=None if total_minor is None else total_minor - paid_by_payer,
            currency="IDR",
            raw_status=word,
            paid_at=instant_of(fields.get("paid_at")) if state.is_paid else None,
            fee_minor=amount_of(fields.get("fee_merchant")) if state.is_paid else None,
        )


def _data(reply: Reply) -> Mapping[str, Any] | None:
    body = reply.body if isinstance(reply.body, dict) else {}
    data = body.get("data")
    return data if body.get("success") is True and isinstance(data, dict) else None


def _refused(reply: Reply) -> GatewayRefusedError:
    return GatewayRefusedError(f"tripay refuses: {reply.text('message') or reply.status}"[:300])
