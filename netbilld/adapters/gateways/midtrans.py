"""Midtrans: Core API for QRIS, virtual accounts, shops and GoPay; Snap for the page where the payer chooses."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from netbilld.adapters.gateways.fields import (
    WIB,
    amount_of,
    instant_of,
    json_object,
    octets,
    same_proof,
    text_of,
)
from netbilld.adapters.gateways.http_client import GatewayHttp, Reply, basic_auth, json_octets
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.ports.gateways import (
    Answer,
    BadSignatureError,
    Charge,
    GatewayAwayError,
    GatewayRefusedError,
    Made,
    MalformedCallbackError,
    RefundState,
    Verdict,
)

METHODS: Final = (
    "qris",
    "va_bca",
    "va_bni",
    "va_bri",
    "va_cimb",
    "va_permata",
    "va_mandiri",
    "retail_alfamart",
    "retail_indomaret",
    "ewallet_gopay",
    "page",
)
_STATES: Final = {
    "pending": GatewayState.PENDING,
    "authorize": GatewayState.PENDING,
    "settlement": GatewayState.PAID,
    "capture": GatewayState.PAID,
    "deny": GatewayState.DENIED,
    "cancel": GatewayState.CANCELLED,
    "expire": GatewayState.EXPIRED,
    "failure": GatewayState.FAILED,
    "refund": GatewayState.REFUNDED,
    "partial_refund": GatewayState.PARTLY_REFUNDED,
    "chargeback": GatewayState.CHARGED_BACK,
    "partial_chargeback": GatewayState.PARTLY_REFUNDED,
}
_ANSWERS: Final = {
    Verdict.TAKEN: 200,
    Verdict.UNKNOWN_EVENT: 200,
    Verdict.BAD_SIGNATURE: 403,
    Verdict.MALFORMED: 400,
    Verdict.TRY_LATER: 503,
}
_CARD: Final = "credit_card"
_DUPLICATE, _UNKNOWN, _NOT_NOW = "406", "404", "412"


class Midtrans:
    """The other end of the port Gateway."""

    name: Final = "midtrans"
    refunds: Final = True

    def __init__(
        self,
        http: GatewayHttp,
        *,
        server_key: str,
        signature_key: str | None = None,
        core_url: str = "https://api.midtrans.com",
        snap_url: str = "https://app.midtrans.com",
        methods: tuple[str, ...] = METHODS,
        confirms_callbacks: bool = True,
        acquirer: str = "gopay",
    ) -> None:
        self._http, self._core, self._snap = http, core_url.rstrip("/"), snap_url.rstrip("/")
        self._key, self._signs = server_key, signature_key or server_key
        self.methods, self.confirms_callbacks, self._acquirer = methods, confirms_callbacks, acquirer

    async def create(self, charge: Charge) -> Made:
        """Make a payment; one that was made of this ref before is looked up."""
        if charge.method == "page":
            return await self._page(charge)
        reply = await self.charge(charge, self._core_charge(charge))
        code = reply.text("status_code")
        if code not in {"200", "201"}:
            raise GatewayRefusedError(f"midtrans refuses: {code} {reply.text('status_message')}"[:300])
        return _made(reply, charge)

    async def charge(self, charge: Charge, asked: Mapping[str, Any]) -> Reply:
        """Return what is said of a charge; one that was made of this ref before is looked up."""
        reply = await self.ask("POST", "/v2/charge", asked, charge=charge)
        if reply.text("status_code") == _DUPLICATE:  # an earlier call got through: what it made is what we wanted
            reply = await self.ask("GET", f"/v2/{path_of(charge.ref)}/status")
        return reply

    def common_of(self, charge: Charge) -> dict[str, Any]:
        """Return what every charge says, whatever it is paid with."""
        return _common(charge)

    async def status(self, ref: str, gateway_ref: str | None) -> Notice | None:
        """Return how a payment is; a payer who has chosen nothing yet has none."""
        reply = await self.ask("GET", f"/v2/{path_of(ref)}/status")
        code = reply.text("status_code")
        if code == _UNKNOWN and gateway_ref:  # some methods are found by the transaction alone
            reply = await self.ask("GET", f"/v2/{path_of(gateway_ref)}/status")
            code = reply.text("status_code")
        if code == _UNKNOWN or reply.status == int(_UNKNOWN):
            return None
        if not reply.text("transaction_status"):
            raise GatewayRefusedError(f"midtrans says nothing of {ref}: {code} {reply.text('status_message')}"[:300])
        return self._notice(reply.body)

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """Return what a notification says; its proof covers order, status code and amount, not the status itself."""
        del headers
        fields = json_object(body)
        signed = "".join(str(fields.get(name, "")) for name in ("order_id", "status_code", "gross_amount"))
        wanted = hashlib.sha512(octets(f"{signed}{self._signs}")).hexdigest()
        if not same_proof(str(fields.get("signature_key", "")), wanted):
            raise BadSignatureError
        return self._notice(fields)

    def answer(self, verdict: Verdict) -> Answer:
        """Return a status; Midtrans reads no body."""
        return Answer(_ANSWERS[verdict])

    async def refund(self, ref: str, gateway_ref: str | None, amount_minor: int, key: str, reason: str) -> RefundState:
        """Give money back under a key of ours."""
        del gateway_ref
        asked = {"refund_key": key, "amount": amount_minor, "reason": reason[:200]}
        reply = await self.ask("POST", f"/v2/{path_of(ref)}/refund", asked)
        code = reply.text("status_code")
        if code not in {"200", "201"}:
            raise GatewayRefusedError(f"midtrans refuses the refund: {code} {reply.text('status_message')}"[:300])
        return RefundState.DONE

    async def expire(self, ref: str, gateway_ref: str | None) -> None:
        """End a pending payment; one that is no more is left as it is."""
        del gateway_ref
        await self.ask("POST", f"/v2/{path_of(ref)}/expire", {})

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, charge: Charge | None = None
    ) -> Reply:
        """Return an answer of the Core API.

        Raises:
            GatewayAwayError: there was none of use.
            GatewayRefusedError: it does not know our key.
        """
        headers = self._headers(charge)
        if charge is not None:
            headers["Idempotency-Key"] = charge.ref[:36]
        reply = await self._http.ask(method, self._core + path, headers, None if body is None else json_octets(body))
        code = reply.text("status_code")
        if code.startswith("5"):
            raise GatewayAwayError(f"midtrans answers {code}")
        if code == "401" or reply.status == 401:
            raise GatewayRefusedError("midtrans does not know our server key", code="gateway_key")
        return reply

    def _headers(self, charge: Charge | None) -> dict[str, str]:
        headers = {"Authorization": basic_auth(self._key), "Content-Type": "application/json"}
        if charge is not None and charge.callback_url:
            headers["X-Override-Notification"] = charge.callback_url
        return headers

    async def _page(self, charge: Charge) -> Made:
        seconds = max(60, int((charge.expires_at - charge.made_at).total_seconds()))
        asked = {
            **_common(charge),
            "enabled_payments": [
                "other_qris",
                "gopay",
                "shopeepay",
                "bca_va",
                "bni_va",
                "bri_va",
                "permata_va",
                "echannel",
                "indomaret",
                "alfamart",
            ],
            "expiry": {"start_time": _wib(charge.made_at), "unit": "minutes", "duration": seconds // 60},
            "callbacks": {"finish": charge.return_url},
        }
        url = f"{self._snap}/snap/v1/transactions"
        reply = await self._http.ask("POST", url, self._headers(charge), json_octets(asked))
        url = reply.text("redirect_url")
        if reply.status != 201 or not url:
            said = reply.body.get("error_messages") if isinstance(reply.body, dict) else None
            raise GatewayRefusedError(f"midtrans refuses: {said or reply.status}"[:300])
        return Made("", pay_url=url, expires_at=charge.expires_at)

    def _core_charge(self, charge: Charge) -> dict[str, Any]:
        kind, _, channel = charge.method.partition("_")
        seconds = max(60, int((charge.expires_at - charge.made_at).total_seconds()))
        asked: dict[str, Any] = {
            **_common(charge),
            "custom_expiry": {
                "order_time": _wib(charge.made_at),
                "expiry_duration": seconds // 60,
                "unit": "minute",
            },
        }
        match kind, channel:
            case "qris", "":
                asked |= {"payment_type": "qris", "qris": {"acquirer": self._acquirer}}
            case "va", "mandiri":
                asked |= {
                    "payment_type": "echannel",
                    "echannel": {"bill_info1": "Internet", "bill_info2": charge.payer_id[:30]},
                }
            case "va", bank:
                asked |= {"payment_type": "bank_transfer", "bank_transfer": {"bank": bank}}
            case "retail", shop:
                asked |= {"payment_type": "cstore", "cstore": {"store": shop, "message": charge.text[:20]}}
            case "ewallet", "gopay":
                asked |= {
                    "payment_type": "gopay",
                    "gopay": {"enable_callback": True, "callback_url": charge.return_url},
                }
            case _:
                raise GatewayRefusedError(f"midtrans has no {charge.method}", code="no_such_method")
        return asked

    def _notice(self, fields: Mapping[str, Any]) -> Notice:
        word = text_of(fields, "transaction_status", is_needed=True).lower()
        state = _STATES.get(word)
        if state is None:
            raise MalformedCallbackError(f"transaction_status {word!r} is unknown")
        code, fraud = text_of(fields, "status_code"), text_of(fields, "fraud_status").lower()
        if state is GatewayState.PAID and (code != "200" or fraud not in {"", "accept"}):
            # the status code is signed and the word is not: what is not 200 is not paid, whatever the word says
            state = GatewayState.PENDING if fraud == "challenge" or code in {"201", ""} else GatewayState.FAILED
        if state is GatewayState.CANCELLED and text_of(fields, "payment_type") == _CARD:
            state = GatewayState.DENIED  # of a card that was captured this takes the money back
        if word.startswith("partial_"):
            refunded_minor = amount_of(fields.get("refund_amount")) or amount_of(fields.get("chargeback_amount")) or 0
        else:
            refunded_minor = 0
        return Notice(
            ref=text_of(fields, "order_id", is_needed=True),
            transaction=text_of(fields, "transaction_id") or text_of(fields, "order_id"),
            state=state,
            amount_minor=amount_of(fields.get("gross_amount")),
            currency=text_of(fields, "currency") or "IDR",
            raw_status=word,
            paid_at=instant_of(fields.get("settlement_time")) or instant_of(fields.get("transaction_time"))
            if state.is_paid
            else None,
            refunded_minor=refunded_minor,
        )


def _common(charge: Charge) -> dict[str, Any]:
    customer = {"first_name": charge.payer_name[:50] or charge.payer_id}
    if charge.payer_email:
        customer["email"] = charge.payer_email
    if charge.payer_phone:
        customer["phone"] = charge.payer_phone
    return {
        "transaction_details": {"order_id": charge.ref, "gross_amount": charge.amount_minor},
        "item_details": [
            {"id": charge.payer_id, "price": charge.amount_minor, "quantity": 1, "name": charge.text[:50]}
        ],
        "customer_details": customer,
        "custom_field1": charge.payer_id,
    }


def _made(reply: Reply, charge: Charge) -> Made:
    body = reply.body if isinstance(reply.body, dict) else {}
    numbers = body.get("va_numbers")
    number, at = "", charge.method.partition("_")[2]
    if isinstance(numbers, list) and numbers and isinstance(numbers[0], dict):
        number, at = str(numbers[0].get("va_number", "")), str(numbers[0].get("bank", at))
    number = number or reply.text("permata_va_number", "bill_key", "payment_code")
    actions = [one for one in body.get("actions") or () if isinstance(one, dict)]
    links = {str(one.get("name", "")): str(one.get("url", "")) for one in actions}
    return Made(
        reply.text("transaction_id"),
        pay_url=links.get("deeplink-redirect") or None,
        qr_string=reply.text("qr_string") or None,
        number=number or None,
        number_at=reply.text("store") or at or None if number else None,
        biller_code=reply.text("biller_code") or None,
        expires_at=instant_of(body.get("expiry_time")),
    )


def path_of(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")


def _wib(moment: datetime) -> str:
    return moment.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S +0700")
