"""Xendit: payment requests where we show the code or number ourselves, invoices for the page where the payer chooses.

Its callbacks carry a token and no signature of what they say, so by default nothing is believed that the status call
does not say too.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from netbilld.adapters.gateways.fields import amount_of, instant_of, json_object, same_secret, text_of
from netbilld.adapters.gateways.http_client import GatewayHttp, Reply, basic_auth, json_octets
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

API_VERSION: Final = "2024-11-11"
METHODS: Final = (
    "qris",
    "va_bca",
    "va_bni",
    "va_bri",
    "va_mandiri",
    "va_permata",
    "va_bsi",
    "va_cimb",
    "ewallet_ovo",
    "ewallet_dana",
    "ewallet_shopeepay",
    "retail_alfamart",
    "retail_indomaret",
    "page",
)
_INVOICE_STATES: Final = {
    "PENDING": GatewayState.PENDING,
    "PAID": GatewayState.PAID,
    "SETTLED": GatewayState.PAID,
    "EXPIRED": GatewayState.EXPIRED,
}
_REQUEST_STATES: Final = {
    "ACCEPTING_PAYMENTS": GatewayState.PENDING,
    "REQUIRES_ACTION": GatewayState.PENDING,
    "AUTHORIZED": GatewayState.PENDING,
    "PENDING": GatewayState.PENDING,
    "CANCELED": GatewayState.CANCELLED,
    "EXPIRED": GatewayState.EXPIRED,
    "FAILED": GatewayState.FAILED,
    "SUCCEEDED": GatewayState.PAID,
}
_EVENTS: Final = frozenset(("payment.capture", "payment.authorization", "payment.failure"))
_ANSWERS: Final = {
    Verdict.TAKEN: 200,
    Verdict.UNKNOWN_EVENT: 200,
    Verdict.BAD_SIGNATURE: 401,
    Verdict.MALFORMED: 400,
    Verdict.TRY_LATER: 503,
}
_REQUEST: Final = "pr-"  # how payment requests are named; all else is an invoice
_DUPLICATE: Final = 409


class Xendit:
    """The other end of the port Gateway."""

    name: Final = "xendit"
    refunds: Final = True

    def __init__(
        self,
        http: GatewayHttp,
        *,
        secret_key: str,
        callback_token: str,
        url: str = "https://api.xendit.co",
        methods: tuple[str, ...] = METHODS,
        confirms_callbacks: bool = True,
    ) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._key, self._token = secret_key, callback_token
        self.methods, self.confirms_callbacks = methods, confirms_callbacks

    async def create(self, charge: Charge) -> Made:
        """Make a payment; of an invoice, which may be made twice, the one that is there already."""
        if charge.method != "page":
            return await self._request(charge)
        earlier = await self._invoice_of(charge.ref)
        if earlier is not None:
            return _invoice_made(earlier)
        reply = await self._ask("POST", "/v2/invoices/", _invoice(charge))
        if reply.status not in {200, 201} or not reply.text("id"):
            raise _refused(reply)
        return _invoice_made(reply.body)

    async def status(self, ref: str, gateway_ref: str | None) -> Notice | None:
        """Return how a payment is."""
        if gateway_ref and gateway_ref.startswith(_REQUEST):
            reply = await self._ask("GET", f"/v3/payment_requests/{quote(gateway_ref, safe='')}")
            if reply.status == 404:
                return None
            if reply.status != 200:
                raise _refused(reply)
            return _request_notice(reply.body, reply.body)
        found = await self._invoice_of(ref)
        return None if found is None else _invoice_notice(found)

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """Return what a webhook says; its token is a shared secret and covers nothing."""
        if not same_secret(headers.get("x-callback-token", ""), self._token):
            raise BadSignatureError("the callback token is wrong")
        fields = json_object(body)
        if "event" not in fields:
            return _invoice_notice(fields)
        data = fields["data"] if isinstance(fields.get("data"), dict) else {}
        event = text_of(fields, "event")
        if event.startswith("refund."):
            return None  # what was given back is asked for, not believed
        if event not in _EVENTS:
            return None
        notice = _request_notice(data, data)
        if notice.state is GatewayState.PAID and event != "payment.capture":
            raise MalformedCallbackError(f"{event} can't say {notice.raw_status}")
        return notice

    def answer(self, verdict: Verdict) -> Answer:
        """Return a status; Xendit reads no body."""
        return Answer(_ANSWERS[verdict])

    async def refund(self, ref: str, gateway_ref: str | None, amount_minor: int, key: str, reason: str) -> RefundState:
        """Give money back under a key of ours."""
        del reason
        named = (
            {"payment_request_id": gateway_ref}
            if gateway_ref and gateway_ref.startswith(_REQUEST)
            else {"invoice_id": gateway_ref or ref}
        )
        asked = {
            **named,
            "reference_id": key,
            "currency": "IDR",
            "amount": amount_minor,
            "reason": "REQUESTED_BY_CUSTOMER",
        }
        reply = await self._ask("POST", "/refunds", asked, {"idempotency-key": key})
        if reply.status not in {200, 201, _DUPLICATE}:
            raise _refused(reply)
        state = reply.text("status").upper()
        if state in {"FAILED", "CANCELLED"}:
            raise GatewayRefusedError(f"xendit refuses the refund: {reply.text('failure_code')}"[:300])
        return RefundState.DONE if state == "SUCCEEDED" else RefundState.PENDING

    async def expire(self, ref: str, gateway_ref: str | None) -> None:
        """End an open payment."""
        if gateway_ref and gateway_ref.startswith(_REQUEST):
            await self._ask("POST", f"/v3/payment_requests/{quote(gateway_ref, safe='')}/cancel", {})
        elif gateway_ref:
            await self._ask("POST", f"/invoices/{quote(gateway_ref, safe='')}/expire!", {})
        elif (found := await self._invoice_of(ref)) is not None:
            await self._ask("POST", f"/invoices/{quote(str(found.get('id', '')), safe='')}/expire!", {})

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Reply:
        headers = {
            "Authorization": basic_auth(self._key),
            "Content-Type": "application/json",
            **({"api-version": API_VERSION} if path.startswith("/v3/") else {}),
            **(more or {}),
        }
        reply = await self._http.ask(method, self._url + path, headers, None if body is None else json_octets(body))
        if reply.status == 401:
            raise GatewayRefusedError("xendit does not know our secret key", code="gateway_key")
        return reply

    async def _invoice_of(self, ref: str) -> Mapping[str, Any] | None:
        reply = await self._ask("GET", f"/v2/invoices?external_id={quote(ref, safe='')}")
        listed = reply.body if isinstance(reply.body, list) else []
        # a search that is not understood lists what there is, and another's page must not be shown
        found = [one for one in listed if isinstance(one, dict) and one.get("external_id") == ref]
        if reply.status not in {200, 404}:
            raise _refused(reply)
        return found[0] if found else None

    async def _request(self, charge: Charge) -> Made:
        kind, _, channel = charge.method.partition("_")
        properties: dict[str, Any] = {"expires_at": charge.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        match kind:
            case "qris":
                code = "QRIS"
            case "va":
                code = f"{channel.upper()}_VIRTUAL_ACCOUNT"
                properties["display_name"] = charge.payer_name[:50] or charge.payer_id
            case "retail":
                code = channel.upper()
                properties["payer_name"] = charge.payer_name[:50] or charge.payer_id
            case _:
                code = channel.upper()
                properties = {"success_return_url": charge.return_url, "failure_return_url": charge.return_url}
                if channel == "ovo":
                    properties["account_mobile_number"] = charge.payer_phone
        asked = {
            "reference_id": charge.ref,
            "type": "PAY",
            "country": "ID",
            "currency": charge.currency,
            "request_amount": charge.amount_minor,
            "capture_method": "AUTOMATIC",
            "channel_code": code,
            "channel_properties": properties,
            "description": charge.text[:200],
            "metadata": {"customer": charge.payer_id},
        }
        reply = await self._ask("POST", "/v3/payment_requests", asked, {"idempotency-key": charge.ref})
        if reply.status not in {200, 201} or not reply.text("payment_request_id"):
            raise _refused(reply)
        return _request_made(reply, charge)


def _invoice(charge: Charge) -> dict[str, Any]:
    customer: dict[str, Any] = {"given_names": charge.payer_name[:50] or charge.payer_id}
    if charge.payer_email:
        customer["email"] = charge.payer_email
    asked: dict[str, Any] = {
        "external_id": charge.ref,
        "amount": charge.amount_minor,
        "currency": charge.currency,
        "description": charge.text[:200],
        "invoice_duration": max(60, int((charge.expires_at - charge.made_at).total_seconds())),
        "locale": "id",
        "customer": customer,
        "customer_notification_preference": {"invoice_created": [], "invoice_reminder": [], "invoice_paid": []},
        "items": [{"name": charge.text[:200], "price": charge.amount_minor, "quantity": 1}],
        "metadata": {"customer": charge.payer_id},
    }
    if charge.return_url:
        asked |= {"success_redirect_url": charge.return_url, "failure_redirect_url": charge.return_url}
    return asked


def _invoice_made(found: Mapping[str, Any]) -> Made:
    return Made(
        str(found.get("id", "")),
        pay_url=str(found.get("invoice_url") or "") or None,
        expires_at=instant_of(found.get("expiry_date")),
    )


def _request_made(reply: Reply, charge: Charge) -> Made:
    actions = [one for one in reply.body.get("actions") or () if isinstance(one, dict)]
    values = {str(one.get("descriptor", "")): str(one.get("value", "")) for one in actions}
    number = values.get("VIRTUAL_ACCOUNT_NUMBER") or values.get("PAYMENT_CODE") or None
    return Made(
        reply.text("payment_request_id"),
        pay_url=values.get("WEB_URL") or values.get("DEEPLINK_URL") or None,
        qr_string=values.get("QR_STRING") or None,
        number=number,
        number_at=charge.method.partition("_")[2] or None if number else None,
        expires_at=charge.expires_at,
    )


def _invoice_notice(fields: Mapping[str, Any]) -> Notice:
    word = text_of(fields, "status", is_needed=True).upper()
    state = _INVOICE_STATES.get(word)
    if state is None:
        raise MalformedCallbackError(f"status {word!r} is unknown")
    amount_minor, paid_minor = amount_of(fields.get("amount")), amount_of(fields.get("paid_amount"))
    if state.is_paid and paid_minor is not None and paid_minor != amount_minor:
        amount_minor = paid_minor  # other than was asked for: a person looks at it
    return Notice(
        ref=text_of(fields, "external_id", is_needed=True),
        transaction=text_of(fields, "id", is_needed=True),
        state=state,
        amount_minor=amount_minor,
        currency=text_of(fields, "currency") or "IDR",
        raw_status=word,
        paid_at=instant_of(fields.get("paid_at")) if state.is_paid else None,
        fee_minor=amount_of(fields.get("fees_paid_amount")) if state.is_paid else None,
    )


def _request_notice(fields: Mapping[str, Any], paid: Mapping[str, Any]) -> Notice:
    word = text_of(fields, "status", is_needed=True).upper()
    state = _REQUEST_STATES.get(word)
    if state is None:
        raise MalformedCallbackError(f"status {word!r} is unknown")
    captures = paid.get("captures")
    capture = captures[0] if isinstance(captures, list) and captures and isinstance(captures[0], dict) else {}
    asked_minor, captured_minor = amount_of(fields.get("request_amount")), amount_of(capture.get("capture_amount"))
    return Notice(
        ref=text_of(fields, "reference_id", is_needed=True),
        transaction=text_of(fields, "payment_request_id", is_needed=True),
        state=state,
        amount_minor=captured_minor if state.is_paid and captured_minor is not None else asked_minor,
        currency=text_of(fields, "currency") or "IDR",
        raw_status=word,
        paid_at=instant_of(capture.get("capture_timestamp")) if state.is_paid else None,
    )


def _refused(reply: Reply) -> GatewayRefusedError:
    said = " ".join(filter(None, (reply.text("error_code"), reply.text("message"))))
    return GatewayRefusedError(f"xendit refuses: {said or reply.status}"[:300])
