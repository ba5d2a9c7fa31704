"""Proofs of the four gateways: right ones are believed, wrong and moved ones are not; all keys are made up."""

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.adapters.gateways.duitku import Duitku
from netbilld.adapters.gateways.fields import amount_of, instant_of
from netbilld.adapters.gateways.http_client import GatewayHttp, basic_auth
from netbilld.adapters.gateways.midtrans import Midtrans
from netbilld.adapters.gateways.tripay import Tripay
from netbilld.adapters.gateways.xendit import Xendit
from netbilld.billing.gateway import GatewayState
from netbilld.ports.gateways import BadSignatureError, Gateway, MalformedCallbackError, Verdict

REF = "INV-202601-000123"
MIDTRANS_KEY = "SB-Mid-server-netbilld-TEST-0001"
MIDTRANS = Midtrans(GatewayHttp("midtrans"), server_key=MIDTRANS_KEY)
XENDIT = Xendit(GatewayHttp("xendit"), secret_key="xnd_development_TEST0001", callback_token="token-TEST-0001")
TRIPAY = Tripay(GatewayHttp("tripay"), api_key="api", private_key="tripay-private-TEST-0001", merchant_code="T00001")
DUITKU = Duitku(
    GatewayHttp("duitku"),
    merchant_code="DS00001",
    api_key="duitku-api-TEST-0001",
    now=lambda: datetime(2026, 1, 5, tzinfo=UTC),
)
SETTLEMENT = {
    "transaction_time": "2026-01-05 15:00:00",
    "transaction_status": "settlement",
    "transaction_id": "aaaabbbb-cccc-4ddd-8eee-ffff00001111",
    "status_message": "midtrans payment notification",
    "status_code": "200",
    "signature_key": (
        "cfd4e86d4c2394b41ac2c5a3e5c26561478255aa2335c19d52a4320e51038fe4788514d727360e8e4593afd0aba297e45305"
        "18ff10cc9ee2d44134464586fecd"
    ),
    "settlement_time": "2026-01-05 15:02:11",
    "payment_type": "qris",
    "order_id": REF,
    "merchant_id": "G123456789",
    "issuer": "gopay",
    "gross_amount": "275000.00",
    "fraud_status": "accept",
    "currency": "IDR",
    "acquirer": "gopay",
    "transaction_type": "on-us",
}
XENDIT_PAID = {
    "id": "6597c1f2a1b2c3d4e5f60718",
    "external_id": REF,
    "is_high": False,
    "status": "PAID",
    "amount": 275000,
    "paid_amount": 275000,
    "currency": "IDR",
    "paid_at": "2026-01-05T08:02:11.000Z",
    "payment_method": "QR_CODE",
}
XENDIT_CAPTURE = {
    "event": "payment.capture",
    "data": {
        "payment_id": "py-1",
        "payment_request_id": "pr-2",
        "reference_id": REF,
        "currency": "IDR",
        "request_amount": "275000",
        "status": "SUCCEEDED",
        "captures": [{"capture_amount": 275000, "capture_timestamp": "2026-01-05T08:02:11Z"}],
    },
}
TRIPAY_BODY = (
    b'{"reference":"DEV-T00001000000012345","merchant_ref":"INV-202601-000123","payment_method":"QRIS by ShopeePay",'
    b'"payment_method_code":"QRIS","total_amount":275000,"fee_merchant":2675,"fee_customer":0,"total_fee":2675,'
    b'"amount_received":272325,"is_closed_payment":1,"status":"PAID","paid_at":1767600000,"note":null}'
)
TRIPAY_SIGNATURE = "27f08458e0c98384bdd8dbe847950097e60356efbc21fac46bd7ffbd44094092"
DUITKU_BODY = (
    b"merchantCode=DS00001&amount=275000&merchantOrderId=INV-202601-000123&productDetail=Internet+20+Mbps+Jan+2026"
    b"&additionalParam=&paymentCode=SP&resultCode=00&merchantUserId=CUST-000045&reference=DS0000126ABCDEF"
    b"&signature=cd6a4b0c66c775e6d9bf2bd9ad848f84&publisherOrderId=PUBORDER0001&spUserHash=&settlementDate=2026-01-07"
    b"&issuerCode=93600914"
)
TOKEN = {"x-callback-token": "token-TEST-0001"}
SIGNED = {"x-callback-signature": TRIPAY_SIGNATURE, "x-callback-event": "payment_status"}
RIGHT: list[tuple[Gateway, dict[str, str], bytes]] = [
    (MIDTRANS, {}, json.dumps(SETTLEMENT).encode()),
    (XENDIT, TOKEN, json.dumps(XENDIT_PAID).encode()),
    (XENDIT, TOKEN, json.dumps(XENDIT_CAPTURE).encode()),
    (TRIPAY, SIGNED, TRIPAY_BODY),
    (DUITKU, {}, DUITKU_BODY),
]


def midtrans(**changes: str | None) -> bytes:
    fields = {**SETTLEMENT, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def signed_midtrans(**changes: str | None) -> bytes:
    fields = {**SETTLEMENT, **changes}
    said = f"{fields['order_id']}{fields['status_code']}{fields['gross_amount']}{MIDTRANS_KEY}"
    return midtrans(**changes, signature_key=hashlib.sha512(said.encode()).hexdigest())


@pytest.mark.parametrize(("gateway", "headers", "body"), RIGHT)
def test_what_each_gateway_sends_is_read_alike(gateway: Gateway, headers: dict[str, str], body: bytes) -> None:
    notice = gateway.parse_callback(headers, body)
    assert notice is not None
    assert (notice.ref, notice.state, notice.amount_minor, notice.currency) == (REF, GatewayState.PAID, 275_000, "IDR")


def test_m_0_and_x_0_keys_are_user_names_without_a_password() -> None:
    assert basic_auth(MIDTRANS_KEY) == "Basic U0ItTWlkLXNlcnZlci1uZXRiaWxsZC1URVNULTAwMDE6"
    assert basic_auth("xnd_development_TEST0001") == "Basic eG5kX2RldmVsb3BtZW50X1RFU1QwMDAxOg=="


@pytest.mark.parametrize(
    ("ref", "code", "amount", "word", "proof", "state"),
    [
        (
            REF,
            "201",
            "275000.00",
            "pending",
            (
                "1140f82f559d2371b8b3589113b1824a30006ea37a905dde5de9de1987fc1928"
                "fe0f54e139782b5fe7b7aae4b67c71432174332b0b836ea96456f9f6ecd67021"
            ),
            GatewayState.PENDING,
        ),
        (
            "INV-202601-000124",
            "202",
            "150000.00",
            "expire",
            (
                "7d9c47939981fe93ff99ebef5f4a4184c82da4a03f4d26cff938ea75ac08e2d8"
                "cd2a1cc6bafc62f54931cae02e1e134ec0f917e32f19163c2b098b25ca70dc60"
            ),
            GatewayState.EXPIRED,
        ),
        (
            "INV-202601-000124",
            "407",
            "150000.00",
            "expire",
            (
                "b2110938d4f4a411d63fe9392f907ea487f3bad2134282ac4724ff42dd827d16"
                "3a15244e726e524fb90608158d26a350d689d888e8a0feb2b7be582292be843c"
            ),
            GatewayState.EXPIRED,
        ),
    ],
)
def test_m_2_to_m_4_are_believed(ref: str, code: str, amount: str, word: str, proof: str, state: GatewayState) -> None:
    changes = {"order_id": ref, "status_code": code, "gross_amount": amount, "transaction_status": word}
    notice = MIDTRANS.parse_callback({}, midtrans(**changes, signature_key=proof))
    assert notice is not None
    assert notice.state is state
    assert MIDTRANS.parse_callback({}, midtrans(**changes, signature_key=proof.upper())) == notice


def test_m_5_the_amount_is_signed_as_it_is_written() -> None:
    proof = (
        "53164dcf1bee81b0b893eb1c83929edf7226d94bc11f8adca001e478b73b9a54832003b9bfe584a0ce1dc3f0cd25c50e23"
        "4126d0cf0138b9d5865757fa7d36e3"
    )
    with pytest.raises(BadSignatureError):
        MIDTRANS.parse_callback({}, midtrans(signature_key=proof))


def test_a_pending_notification_whose_word_was_changed_to_settlement_is_not_paid() -> None:
    pending = signed_midtrans(status_code="201", transaction_status="pending")
    changed = pending.replace(b'"pending"', b'"settlement"')
    notice = MIDTRANS.parse_callback({}, changed)
    assert notice is not None
    assert notice.state is GatewayState.PENDING


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"transaction_status": "capture"}, GatewayState.PAID),
        ({"transaction_status": "capture", "fraud_status": "challenge"}, GatewayState.PENDING),
        ({"fraud_status": None}, GatewayState.PAID),
        ({"transaction_status": "SETTLEMENT"}, GatewayState.PAID),
        ({"transaction_status": "deny", "status_code": "202"}, GatewayState.DENIED),
        ({"transaction_status": "cancel", "status_code": "202"}, GatewayState.CANCELLED),
        ({"transaction_status": "failure", "status_code": "202"}, GatewayState.FAILED),
        ({"transaction_status": "refund"}, GatewayState.REFUNDED),
        ({"transaction_status": "chargeback"}, GatewayState.CHARGED_BACK),
        ({"transaction_status": "settlement", "status_code": "202"}, GatewayState.FAILED),
    ],
)
def test_midtrans_states(changes: dict[str, str | None], state: GatewayState) -> None:
    notice = MIDTRANS.parse_callback({}, signed_midtrans(**changes))
    assert notice is not None
    assert notice.state is state


def test_a_part_given_back_is_told_as_the_sum_so_far() -> None:
    body = signed_midtrans(transaction_status="partial_refund", refund_amount="50000.00")
    notice = MIDTRANS.parse_callback({}, body)
    assert notice is not None
    assert (notice.state, notice.refunded_minor) == (GatewayState.PARTLY_REFUNDED, 50_000)


def test_times_without_a_zone_are_of_jakarta() -> None:
    notice = MIDTRANS.parse_callback({}, midtrans())
    assert notice is not None
    assert notice.paid_at == datetime(2026, 1, 5, 8, 2, 11, tzinfo=UTC)
    assert instant_of("2026-01-05T08:02:11.000Z") == notice.paid_at
    assert instant_of(1767600000) == instant_of("1767600000000") == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert instant_of("soon") is None


def test_xendit_states() -> None:
    for word, state in (
        ("PAID", GatewayState.PAID),
        ("SETTLED", GatewayState.PAID),
        ("EXPIRED", GatewayState.EXPIRED),
        ("PENDING", GatewayState.PENDING),
    ):
        notice = XENDIT.parse_callback(TOKEN, json.dumps({**XENDIT_PAID, "status": word}).encode())
        assert notice is not None
        assert notice.state is state


def test_xendit_is_not_believed_without_its_token() -> None:
    body = json.dumps(XENDIT_PAID).encode()
    for headers in ({}, {"x-callback-token": ""}, {"x-callback-token": "TOKEN-TEST-0001"}):
        with pytest.raises(BadSignatureError):
            XENDIT.parse_callback(headers, body)


def test_xendit_another_paid_amount_is_what_is_compared() -> None:
    notice = XENDIT.parse_callback(TOKEN, json.dumps({**XENDIT_PAID, "paid_amount": 100}).encode())
    assert notice is not None
    assert notice.amount_minor == 100


def test_xendit_only_a_capture_is_paid() -> None:
    with pytest.raises(MalformedCallbackError):
        XENDIT.parse_callback(TOKEN, json.dumps({**XENDIT_CAPTURE, "event": "payment.authorization"}).encode())
    assert XENDIT.parse_callback(TOKEN, json.dumps({**XENDIT_CAPTURE, "event": "payout.done"}).encode()) is None


def test_t_1_and_t_2_what_we_sign() -> None:
    assert TRIPAY.create_signature(REF, 275_000) == "10b4f941f44b3bb894275ac0c8dddf9ac96ac79a7c1d9dace45686d9f6a1aaf8"
    wanted = "3bbbd76947f56eff39e03c012900bd7fe243ba9a3c97cf7584d46c517e0454c3"
    assert TRIPAY.open_signature("BCAVA", "CUST-000045") == wanted


def test_t_3b_a_body_written_anew_is_not_believed() -> None:
    assert len(TRIPAY_BODY) == 311
    anew = json.dumps(json.loads(TRIPAY_BODY), separators=(", ", ": ")).encode()
    with pytest.raises(BadSignatureError):
        TRIPAY.parse_callback(SIGNED, anew)
    other = {"x-callback-signature": "fe0d411a59f1dcb49be17aedb2e9ef6358791d2adf5bde1cae80c02539d060e3"}
    assert TRIPAY.parse_callback(other, anew) == TRIPAY.parse_callback(SIGNED, TRIPAY_BODY)


def test_tripay_what_the_payer_is_charged_on_top_is_not_ours() -> None:
    body = TRIPAY_BODY.replace(b'"total_amount":275000', b'"total_amount":277675').replace(
        b'"fee_customer":0', b'"fee_customer":2675'
    )
    signature = {"x-callback-signature": _tripay_signature(body)}
    notice = TRIPAY.parse_callback(signature, body)
    assert notice is not None
    assert (notice.amount_minor, notice.fee_minor) == (275_000, 2675)


def _tripay_signature(body: bytes) -> str:
    import hmac  # noqa: PLC0415 - of this one alone

    return hmac.digest(b"tripay-private-TEST-0001", body, "sha256").hex()


def test_tripay_another_event_is_said_to_be_unknown() -> None:
    assert TRIPAY.parse_callback({**SIGNED, "x-callback-event": "other"}, TRIPAY_BODY) is None
    assert json.loads(TRIPAY.answer(Verdict.UNKNOWN_EVENT).body)["success"] is False
    assert TRIPAY.answer(Verdict.TAKEN).body == b'{"success":true}'


@pytest.mark.parametrize(
    ("parts", "legacy", "newer"),
    [
        (
            (REF, "275000"),
            "aac8f4350f78910e5d713d17470061c9",
            "9d4d498de44142a0271121556e53f5069f0d8670c53c29077b2999e94b652026",
        ),
        (
            ("275000", REF),
            "cd6a4b0c66c775e6d9bf2bd9ad848f84",
            "ddd83cd0b3337cae36792aef6e569038af6ef63270d21aeaf664b429572ca6f8",
        ),
        (
            (REF,),
            "93f16b74f55aab9cdddc76ca46655069",
            "c60e784c19e858d1434fbb0a0cb1651661c1d1faef20e9316275b7edc5be1692",
        ),
    ],
)
def test_d_inquiry_callback_and_status(parts: tuple[str, ...], legacy: str, newer: str) -> None:
    assert DUITKU.signature("md5", *parts) == legacy
    assert DUITKU.signature("hmac", *parts) == newer


@pytest.mark.parametrize(
    ("parts", "legacy", "newer"),
    [
        (
            ("275000", "2026-01-05 15:00:00"),
            "9c62547fc83263ffa90576afbc747f150a56625341dec065591e756181917fa9",
            "c8b1573d250ba031a3fa460ddf33b89b7de9f0c4707b50ef855dfde14a686a6f",
        ),
        (
            ("1767600000000",),
            "2207ad15a1c7ac7146749af9be6aa2b75469af7cfe112607f069e46668880e8b",
            "6ec9013592bf635b0a3c3f9f8a30c0431684bfa8486f9967bb434b703e6634a6",
        ),
    ],
)
def test_d_methods_and_page(parts: tuple[str, ...], legacy: str, newer: str) -> None:
    assert DUITKU.long_signature("md5", *parts) == legacy
    assert DUITKU.long_signature("hmac", *parts) == newer


def test_d_vectors_that_others_have_published() -> None:
    other = Duitku(
        GatewayHttp("duitku"), merchant_code="D0001", api_key="732B39FC61796845775D2C4FB05332AF", now=lambda: NOW
    )
    assert other.signature("md5", "10000", "12345") == "4104f20a70c933113c66c004fe25a9f1"
    newer = Duitku(GatewayHttp("duitku"), merchant_code="D1234", api_key="test-api-key-123", now=lambda: NOW)
    assert (
        newer.signature("hmac", "1700000000000") == "1880f0ce93376632283acba69b750498b07cc9616e1b74920b8de445998ad5c2"
    )


NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_duitku_takes_both_generations_unless_one_is_locked_out() -> None:
    fields = dict(parse_qsl(DUITKU_BODY.decode(), keep_blank_values=True))
    fields["signature"] = "ddd83cd0b3337cae36792aef6e569038af6ef63270d21aeaf664b429572ca6f8"
    newer = urlencode(fields).encode()
    strict = Duitku(
        GatewayHttp("duitku"),
        merchant_code="DS00001",
        api_key="duitku-api-TEST-0001",
        now=lambda: NOW,
        require_hmac=True,
    )
    assert DUITKU.parse_callback({}, newer) == strict.parse_callback({}, newer)
    with pytest.raises(BadSignatureError):
        strict.parse_callback({}, DUITKU_BODY)


def test_duitku_a_changed_result_keeps_its_signature_so_the_status_call_decides() -> None:
    notice = DUITKU.parse_callback({}, DUITKU_BODY.replace(b"resultCode=00", b"resultCode=01"))
    assert notice is not None
    assert notice.state is GatewayState.FAILED
    assert DUITKU.confirms_callbacks


@pytest.mark.parametrize("name", ["resultCode", "reference", "amount", "signature"])
def test_duitku_a_field_that_is_there_twice_is_neither(name: str) -> None:
    with pytest.raises(MalformedCallbackError):
        DUITKU.parse_callback({}, DUITKU_BODY + f"&{name}=00".encode())


def test_duitku_a_callback_of_another_merchant_is_not_ours() -> None:
    with pytest.raises(BadSignatureError):
        DUITKU.parse_callback({}, DUITKU_BODY.replace(b"DS00001&", b"DS00002&"))


def test_midtrans_a_key_of_signatures_alone_is_the_only_one_that_signs() -> None:
    apart = Midtrans(GatewayHttp("midtrans"), server_key="SB-Mid-server-another", signature_key=MIDTRANS_KEY)
    assert apart.parse_callback({}, midtrans()) == MIDTRANS.parse_callback({}, midtrans())
    apart = Midtrans(GatewayHttp("midtrans"), server_key=MIDTRANS_KEY, signature_key="SB-Mid-server-another")
    with pytest.raises(BadSignatureError):
        apart.parse_callback({}, midtrans())


@pytest.mark.parametrize(("gateway", "headers", "body"), [one for one in RIGHT if one[0] is not XENDIT])
def test_one_changed_amount_breaks_the_proof(gateway: Gateway, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignatureError):
        gateway.parse_callback(headers, body.replace(b"275000", b"175000"))


@pytest.mark.parametrize(("gateway", "headers", "body"), RIGHT)
def test_a_gateway_that_refuses_says_so_in_its_own_way(gateway: Gateway, headers: dict[str, str], body: bytes) -> None:
    del headers, body
    assert gateway.answer(Verdict.TAKEN).status == 200
    assert gateway.answer(Verdict.BAD_SIGNATURE).status in {401, 403}
    assert gateway.answer(Verdict.TRY_LATER).status == 503


@pytest.mark.parametrize(
    ("written", "amount"),
    [(275000, 275_000), (275000.0, 275_000), ("275000", 275_000), ("275000.00", 275_000), (None, None), ("", None)],
)
def test_amounts_come_in_several_spellings(written: object, amount: int | None) -> None:
    assert amount_of(written) == amount


@pytest.mark.parametrize("written", [275000.5, "275000.50", "1e30", "NaN", "Infinity", True, [], {}, "a"])
def test_what_is_no_whole_number_of_rupiah_is_refused(written: object) -> None:
    with pytest.raises(MalformedCallbackError):
        amount_of(written)


@pytest.mark.parametrize("gateway", [MIDTRANS, XENDIT, TRIPAY, DUITKU])
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@settings(max_examples=60, deadline=None)
def test_garbage_is_refused_and_never_a_fault(gateway: Gateway, body: bytes) -> None:
    for headers in ({}, TOKEN, {"x-callback-signature": _tripay_signature(body)}):
        with pytest.raises((BadSignatureError, MalformedCallbackError)):
            gateway.parse_callback(headers, body)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda one: st.lists(one, max_size=3))
)
@settings(max_examples=60, deadline=None)
def test_fields_of_any_kind_are_refused_and_never_a_fault(value: object) -> None:
    for name in ("status", "amount", "external_id", "id", "paid_amount", "currency", "paid_at"):
        body = json.dumps({**XENDIT_PAID, name: value}).encode()
        try:
            XENDIT.parse_callback(TOKEN, body)
        except MalformedCallbackError:
            continue
