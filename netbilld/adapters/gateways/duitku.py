"""Duitku: inquiries of a method that we name, and its own page (POP) where the payer chooses.

A callback's signature covers merchant, amount and order, and not the result: it is believed when the status call says
the same. Signatures are MD5 or HMAC-SHA256; what we send goes by the setting, what comes is taken by its length.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from netbilld.adapters.gateways.fields import amount_of, same_proof, text_of
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

Scheme = Literal["md5", "hmac"]
_CODES: Final = {
    "qris": "SP",
    "va_bca": "BC",
    "va_mandiri": "M2",
    "va_bni": "I1",
    "va_bri": "BR",
    "va_permata": "BT",
    "va_cimb": "B1",
    "va_bsi": "BV",
    "va_danamon": "DM",
    "ewallet_ovo": "OV",
    "ewallet_dana": "DA",
    "ewallet_shopeepay": "SA",
    "ewallet_linkaja": "LA",
    "retail_alfamart": "FT",
    "retail_indomaret": "IR",
}
METHODS: Final = (*_CODES, "page")
_ANSWERS: Final = {
    Verdict.TAKEN: (200, b"SUCCESS"),
    Verdict.UNKNOWN_EVENT: (200, b"SUCCESS"),
    Verdict.BAD_SIGNATURE: (403, b"Bad Signature"),
    Verdict.MALFORMED: (400, b"Bad Parameter"),
    Verdict.TRY_LATER: (503, b"Try again later"),
}
_HMAC_LETTERS: Final = 64
_MOST_FIELDS: Final = 100


class Duitku:
    """The other end of the port Gateway."""

    name: Final = "duitku"
    refunds: Final = False  # by hand, in its dashboard
    confirms_callbacks: Final = True  # whatever the settings say: the proof leaves out the verdict

    def __init__(
        self,
        http: GatewayHttp,
        *,
        merchant_code: str,
        api_key: str,
        now: Callable[[], datetime],
        url: str = "https://passport.duitku.com",
        pop_url: str = "https://api-prod.duitku.com",
        methods: tuple[str, ...] = METHODS,
        scheme: Scheme = "md5",
        require_hmac: bool = False,
        email_domain: str = "",
    ) -> None:
        self._http, self._url, self._pop = http, url.rstrip("/"), pop_url.rstrip("/")
        self._code, self._key, self._now = merchant_code, api_key, now
        self._scheme, self._require_hmac = scheme, require_hmac
        self.methods, self._domain = methods, email_domain

    async def create(self, charge: Charge) -> Made:
        """Make a payment."""
        asked: dict[str, Any] = {
            "merchantCode": self._code,
            "paymentAmount": charge.amount_minor,
            "merchantOrderId": charge.ref,
            "productDetails": charge.text[:255],
            "additionalParam": "",
            "merchantUserInfo": charge.payer_id,
            "customerVaName": charge.payer_name[:20] or charge.payer_id[:20],
            "email": charge.payer_email or f"{charge.payer_id}@{self._domain or 'pelanggan.invalid'}",
            "phoneNumber": charge.payer_phone,
            "itemDetails": [{"name": charge.text[:50], "price": charge.amount_minor, "quantity": 1}],
            "callbackUrl": charge.callback_url,
            "returnUrl": charge.return_url,
            "expiryPeriod": max(1, int((charge.expires_at - charge.made_at).total_seconds()) // 60),
        }
        if charge.method == "page":
            reply = await self._http.ask(
                "POST", f"{self._pop}/api/merchant/createInvoice", self._pop_headers(), json_octets(asked)
            )
        else:
            if charge.method not in _CODES:
                raise GatewayRefusedError(f"duitku has no {charge.method}", code="no_such_method")
            signature = self.signature(self._scheme, charge.ref, str(charge.amount_minor))
            asked |= {"paymentMethod": _CODES[charge.method], "signature": signature}
            reply = await self._ask("/webapi/api/merchant/v2/inquiry", asked)
        if reply.text("statusCode") != "00" or not reply.text("reference"):
            raise _refused(reply)
        number = reply.text("vaNumber") or None
        return Made(
            reply.text("reference"),
            pay_url=reply.text("paymentUrl") or None,
            qr_string=reply.text("qrString") or None,
            number=number,
            number_at=charge.method.partition("_")[2] or None if number else None,
            expires_at=charge.expires_at,
        )

    async def status(self, ref: str, gateway_ref: str | None) -> Notice | None:
        """Return how a payment is."""
        asked = {
            "merchantCode": self._code,
            "merchantOrderId": ref,
            "signature": self.signature(self._scheme, ref),
        }
        reply = await self._ask("/webapi/api/merchant/transactionStatus", asked)
        code = reply.text("statusCode")
        if reply.status == 404 or (reply.status == 400 and not code):
            return None
        state = {"00": GatewayState.PAID, "01": GatewayState.PENDING, "02": GatewayState.EXPIRED}.get(code)
        if state is None:
            raise _refused(reply)
        body = reply.body
        return Notice(
            ref=text_of(body, "merchantOrderId") or ref,
            transaction=text_of(body, "reference") or gateway_ref or ref,
            state=state,
            amount_minor=amount_of(body.get("amount")),
            currency="IDR",
            raw_status=code,
            fee_minor=amount_of(body.get("fee")) if state.is_paid else None,
        )

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """Return what a callback says; it is a form, and the amount is signed as it is written."""
        del headers
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except (UnicodeDecodeError, ValueError):
            raise MalformedCallbackError("the body is no form") from None
        fields = dict(pairs)
        if len(fields) != len(pairs) or not fields:
            raise MalformedCallbackError("the body is no form, or has a field twice")
        given = fields.get("signature", "").strip()
        scheme: Scheme = "hmac" if len(given) == _HMAC_LETTERS else "md5"
        if self._require_hmac and scheme != "hmac":
            raise BadSignatureError("the signature is MD5, and require_hmac is on")
        signed = (fields.get("amount", ""), fields.get("merchantOrderId", ""))
        if fields.get("merchantCode") != self._code or not same_proof(given, self.signature(scheme, *signed)):
            raise BadSignatureError
        code = text_of(fields, "resultCode", is_needed=True)
        state = {"00": GatewayState.PAID, "01": GatewayState.FAILED, "02": GatewayState.CANCELLED}.get(code)
        if state is None:
            raise MalformedCallbackError(f"resultCode {code!r} is unknown")
        return Notice(
            ref=text_of(fields, "merchantOrderId", is_needed=True),
            transaction=text_of(fields, "reference") or text_of(fields, "merchantOrderId"),
            state=state,
            amount_minor=amount_of(fields.get("amount")),
            currency="IDR",
            raw_status=code,
        )

    def answer(self, verdict: Verdict) -> Answer:
        """Return a status and a word."""
        return Answer(*_ANSWERS[verdict])

    async def refund(self, ref: str, gateway_ref: str | None, amount_minor: int, key: str, reason: str) -> RefundState:
        """Refuse: Duitku has no such call."""
        del ref, gateway_ref, amount_minor, key, reason
        raise GatewayRefusedError("duitku gives nothing back by a call; do it in its dashboard", code="no_refunds")

    async def expire(self, ref: str, gateway_ref: str | None) -> None:
        """Do nothing: a payment ends by itself."""

    def signature(self, scheme: Scheme, *parts: str) -> str:
        """Return the signature of these parts after our merchant code; their order is another for each purpose."""
        joined = self._code + "".join(parts)
        if scheme == "hmac":
            return hmac.digest(self._key.encode(), joined.encode(), "sha256").hex()
        return hashlib.md5(f"{joined}{self._key}".encode(), usedforsecurity=False).hexdigest()

    def long_signature(self, scheme: Scheme, *parts: str) -> str:
        """Return the signature of the calls whose older form is SHA-256."""
        if scheme == "hmac":
            return self.signature(scheme, *parts)
        return hashlib.sha256(f"{self._code}{''.join(parts)}{self._key}".encode()).hexdigest()

    def _pop_headers(self) -> dict[str, str]:
        milliseconds = str(int(self._now().timestamp() * 1000))
        return {
            "Content-Type": "application/json",
            "x-duitku-signature": self.long_signature(self._scheme, milliseconds),
            "x-duitku-timestamp": milliseconds,
            "x-duitku-merchantcode": self._code,
        }

    async def _ask(self, path: str, body: Mapping[str, Any]) -> Reply:
        return await self._http.ask("POST", self._url + path, {"Content-Type": "application/json"}, json_octets(body))


def _refused(reply: Reply) -> GatewayRefusedError:
    said = reply.text("statusMessage", "Message", "statusCode") or str(reply.status)
    return GatewayRefusedError(f"duitku refuses: {said}"[:300])
