"""What messengers tell by webhook, with the specification's vectors; and what is not from them."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.adapters.messengers.evolution import EvolutionHook
from netbilld.adapters.messengers.fonnte import FonnteHook
from netbilld.adapters.messengers.gowa import GowaHook
from netbilld.adapters.messengers.signatures import hex_sha256, hex_sha512, is_token_of
from netbilld.adapters.messengers.sms_http import SmsHook, zenziva
from netbilld.adapters.messengers.telegram import TelegramHook
from netbilld.adapters.messengers.wablas import StarSenderHook, WablasHook
from netbilld.adapters.messengers.waha import WahaHook
from netbilld.adapters.messengers.whatsapp_cloud import CloudHook
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messenger_hooks import DeviceNews, Heard, Hook, HookCall, HookRefusedError, News, Progress

NOW: Final = datetime(2026, 1, 5, 8, 0, 30, tzinfo=UTC)
META: Final = "meta-app-secret-TEST-0001"
GOWA: Final = "gowa-secret-TEST-0001"
EVO: Final = b"evo-jwt-TEST-0001"
EVO_TOKEN: Final = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3Njc2MDAwMDAsImV4cCI6MTc2NzYwMDYwMCwiYXBwIjoiZXZvbHV0aW9uIiwiYWN0aW"
    "9uIjoid2ViaG9vayJ9.cwjN2SR6HyVbT84_UCzGdDP5EFHWKhmqfDZzsB0gn8s"
)
W1: Final = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":'
    b'"whatsapp","metadata":{"display_phone_number":"622150001234","phone_number_id":"106540352242922"},"contacts":[{'
    b'"profile":{"name":"Budi"},"wa_id":"6281234567890"}],"messages":[{"from":"6281234567890","id":"wamid.TEST0001",'
    b'"timestamp":"1767600000","type":"text","text":{"body":"Internet mati sejak pagi"}}]},"field":"messages"}]}]}'
)
W2: Final = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":'
    b'"whatsapp","metadata":{"display_phone_number":"622150001234","phone_number_id":"106540352242922"},"contacts":[{'
    b'"profile":{"name":"Caf\\u00e9"},"wa_id":"6281234567890"}],"messages":[{"from":"6281234567890","id":'
    b'"wamid.TEST0002","timestamp":"1767600001","type":"text","text":{"body":"\\u00e4\\u00f6\\u00e5"}}]},"field":'
    b'"messages"}]}]}'
)
G1: Final = (
    b'{"event":"message","device_id":"6281200000001@s.whatsapp.net","payload":{"id":"3EB0TEST0001","chat_id":'
    b'"6281234567890@s.whatsapp.net","from":"6281234567890@s.whatsapp.net","from_name":"Budi","timestamp":'
    b'"2026-01-05T08:00:00Z","is_from_me":false,"body":"Internet mati sejak pagi"}}'
)
BUDI: Final = "+6281234567890"


def call(body: bytes | dict[str, Any], method: str = "POST", **headers: str) -> HookCall:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return HookCall(method, named, {}, raw, NOW)


def meta(body: bytes | dict[str, Any]) -> News:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = f"sha256={hex_sha256(META.encode(), raw)}"
    return CloudHook(META, "verify").read(call(raw, x_hub_signature_256=signed))


@pytest.mark.parametrize(
    ("body", "signature", "words", "name"),
    [
        (W1, "5c0cd4769288282dde9e30a07aa3b71e1b1ac25d6317981e81dddbb3cfec290f", "Internet mati sejak pagi", "Budi"),
        (W2, "b7379be0057708bacfecb1dad61a63d15f2c9844b9ca80450c2e4c063baf2989", "äöå", "Café"),
    ],
)
def test_metas_signature_is_of_the_body_as_it_came(body: bytes, signature: str, words: str, name: str) -> None:
    """Vectors W-1 and W-2."""
    assert hex_sha256(META.encode(), body) == signature
    [one] = CloudHook(META, "v").read(call(body, x_hub_signature_256=f"sha256={signature}")).incoming
    assert (one.text, one.name, one.phone, one.address) == (words, name, BUDI, "6281234567890")
    with pytest.raises(HookRefusedError) as refused:
        CloudHook(META, "v").read(call(body + b" ", x_hub_signature_256=f"sha256={signature}"))
    assert refused.value.status == 403
    with pytest.raises(HookRefusedError):
        CloudHook(META, "v").read(call(body))


def test_meta_is_greeted_back_if_it_knows_our_word() -> None:
    hook = CloudHook(META, "kata-kita")
    asked = {"hub.mode": "subscribe", "hub.verify_token": "kata-kita", "hub.challenge": "1234509876"}
    assert hook.greet(asked) == "1234509876"
    assert hook.greet(asked | {"hub.verify_token": "x"}) is None
    assert hook.greet({}) is None


def test_metas_states_come_in_any_number_and_name_our_message() -> None:
    def status(word: str, **more: Any) -> dict[str, Any]:
        return {"id": "wamid.9", "status": word, "timestamp": "1767600005", "recipient_id": "6281234567890",
                "biz_opaque_callback_data": "outbox:8812", **more}  # fmt: skip

    states = [status("sent"), status("read"), status("warned"),
              status("failed", errors=[{"code": 131026, "title": "Message undeliverable"}])]  # fmt: skip
    news = meta({"entry": [{"changes": [{"field": "messages", "value": {"statuses": states}},
                                        {"field": "message_template_status_update", "value": {"event": "PAUSED"}}]}]})  # fmt: skip
    assert [(one.told, one.reference) for one in news.progress] == [
        (Told(Reached.SENT), "outbox:8812"), (Told(Reached.READ), "outbox:8812"),
        (Told(Reached.NOWHERE, failed=True), "outbox:8812"),
    ]  # fmt: skip
    assert news.progress[2].said == "131026 Message undeliverable"


def test_meta_may_hide_the_number_and_send_pictures_and_places() -> None:
    def one(kind: str, **more: Any) -> dict[str, Any]:
        return {"id": f"wamid.{kind}", "type": kind, "timestamp": "1767600000", "from": "6281234567890", **more}

    hidden = {"id": "wamid.x", "type": "text", "text": {"body": "halo"}, "from_user_id": "ID.1349120865530274"}
    messages = [
        one("image", image={"id": "m1", "caption": "LAPOR putus"}), one("location", location={"latitude": -6.9, "longitude": 107.6}),
        one("interactive", interactive={"button_reply": {"title": "TAGIHAN"}}), one("sticker"), hidden,
    ]  # fmt: skip
    news = meta({"entry": [{"changes": [{"field": "messages", "value": {"messages": messages}}]}]})
    image, place, button, other, nobody = news.incoming
    assert (image.kind, image.text, image.media) == (Heard.IMAGE, "LAPOR putus", "m1")
    assert (place.kind, place.place) == (Heard.LOCATION, (-6.9, 107.6))
    assert (button.kind, button.text, other.kind) == (Heard.BUTTON, "TAGIHAN", Heard.OTHER)
    assert (nobody.phone, nobody.address, nobody.at) == (None, "ID.1349120865530274", NOW)


def test_fonnte_tells_of_messages_states_and_the_telephone() -> None:
    hook = FonnteHook()
    told = {"device": "6281200000001", "sender": "6281234567890", "message": "TAGIHAN", "name": "Budi",
            "timestamp": 1767600000, "inboxid": 77}  # fmt: skip
    [one] = hook.read(call(told)).incoming
    assert (one.key, one.phone, one.text, one.kind) == ("77", BUDI, "TAGIHAN", Heard.TEXT)
    photo = hook.read(call(told | {"url": "https://x.example/p.jpg", "extension": "jpg"})).incoming[0]
    assert (photo.kind, photo.media) == (Heard.IMAGE, "https://x.example/p.jpg")
    assert not hook.read(call(told | {"member": "6281200000009", "sender": "120363-1"})).incoming
    assert not hook.read(call(told | {"sender": "6281200000001"})).incoming, "our own"
    assert hook.read(call({"device": "d", "id": "9", "status": "sent"})).progress[0].told == Told(Reached.SENT)
    assert hook.read(call({"device": "d", "id": "9", "state": "read"})).progress[0].told == Told(Reached.READ)
    assert hook.read(call({"device": "d", "id": "9", "status": "invalid"})).progress[0].told.failed
    [device] = hook.read(call({"device": "d", "status": "disconnect", "reason": "logout"})).device
    assert (device.connected, device.said) == (False, "logout")
    form = HookCall(
        "POST", {"content-type": "application/x-www-form-urlencoded"}, {}, b"sender=0812-3456-7890&message=hai", NOW
    )
    assert hook.read(form).incoming[0].phone == BUDI


def test_wablas_calls_us_the_sender_and_them_the_phone() -> None:
    hook = WablasHook()
    told = {"id": "A1", "phone": "6281234567890", "sender": "6281200000001", "message": "SALDO", "pushName": "Budi",
            "isGroup": False, "isFromMe": False}  # fmt: skip
    assert hook.read(call(told)).incoming[0].phone == BUDI
    assert not hook.read(call(told | {"isGroup": "true"})).incoming
    assert not hook.read(call(told | {"isFromMe": True})).incoming
    tracked = {"id": "A9", "phone": "6281234567890", "status": "delivered", "deviceId": "D"}
    assert hook.read(call(tracked)).progress == (Progress("A9:delivered", "A9", Told(Reached.DELIVERED)),)


def test_starsender_has_no_ids_so_a_message_is_known_by_all_that_it_says() -> None:
    hook = StarSenderHook()
    told = {"device": "d", "from": "6281234567890@s.whatsapp.net", "message": "BAYAR", "timestamp": 1767600000123}
    [one], [copy] = hook.read(call(told)).incoming, hook.read(call(told)).incoming
    assert one == copy
    assert (one.phone, one.at) == (BUDI, datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    assert hook.read(call(told | {"message": "BAYAR!"})).incoming[0].key != one.key


def test_waha_signs_with_sha512_where_it_has_a_key() -> None:
    """Vector H-1."""
    body = b'{"event":"message","session":"default","engine":"WEBJS"}'
    signature = (
        "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c"
        "1631777076153fa89"
    )
    assert hex_sha512(b"my-secret-key", body) == signature
    assert WahaHook("my-secret-key").read(call(body, x_webhook_hmac=signature)) == News()
    with pytest.raises(HookRefusedError):
        WahaHook("my-secret-key").read(call(body, x_webhook_hmac="0" * 128))


def test_waha_tells_of_messages_receipts_and_its_session() -> None:
    hook = WahaHook(None)

    def told(event: str, **payload: Any) -> News:
        return hook.read(call({"id": "evt_1", "timestamp": 1767600000123, "event": event, "payload": payload}))

    words = {
        "id": "false_6281234567890@c.us_3EB0",
        "timestamp": 1767600000,
        "from": "6281234567890@c.us",
        "body": "STATUS",
    }
    [one] = told("message", **words).incoming
    assert (one.phone, one.text, one.at) == (BUDI, "STATUS", datetime(2026, 1, 5, 8, tzinfo=UTC))
    assert told("message", **words | {"from": "12345@lid"}).incoming[0].phone is None
    for nobody in ("1203@g.us", "x@newsletter", "status@broadcast"):
        assert not told("message", **words | {"from": nobody}).incoming
    assert not told("message.any", **words, fromMe=True).incoming
    media = {"url": "http://waha.test/api/files/1.jpg", "mimetype": "image/jpeg"}
    assert told("message", **words, hasMedia=True, media=media).incoming[0].media == media["url"]
    acks = [told("message.ack", id={"_serialized": "true_x"}, ack=ack).progress for ack in (-1, 0, 1, 2, 3, 4, 9)]
    assert [one[0].told for one in acks[:-1]] == [
        Told(Reached.NOWHERE, failed=True), Told(Reached.ACCEPTED), Told(Reached.SENT), Told(Reached.DELIVERED),
        Told(Reached.READ), Told(Reached.READ),
    ]  # fmt: skip
    assert acks[-1] == ()
    assert told("session.status", status="SCAN_QR_CODE").device == (DeviceNews("evt_1", False, "session SCAN_QR_CODE"),)
    assert told("session.status", status="WORKING").device[0].connected


def test_gowa_signs_its_webhooks_and_tells_of_receipts() -> None:
    """Vector G-1."""
    signature = "95a7070bbe11b5d1fa07c4e37ce297dfff38f72262e8c3f73050297d0dda1d94"
    hook = GowaHook(GOWA)
    [one] = hook.read(call(G1, x_hub_signature_256=f"sha256={signature}")).incoming
    assert (one.phone, one.name, one.text) == (BUDI, "Budi", "Internet mati sejak pagi")
    with pytest.raises(HookRefusedError):
        GowaHook("secret").read(call(G1, x_hub_signature_256=f"sha256={signature}"))

    def read(document: dict[str, Any]) -> News:
        raw = json.dumps(document).encode()
        return hook.read(call(raw, x_hub_signature_256="sha256=" + hex_sha256(GOWA.encode(), raw)))

    receipt = {"event": "message.ack", "payload": {"ids": ["A", "B"], "receipt_type": "read"}}
    assert [one.provider_id for one in read(receipt).progress] == ["A", "B"]
    old = {"sender_id": "6281234567890", "from": "6281234567890:3@s.whatsapp.net in 6281234567890@s.whatsapp.net",
           "message": {"text": "CEK", "id": "X"}, "pushname": "Budi"}  # fmt: skip
    assert read(old).incoming[0].phone == BUDI
    assert not read(old | {"from": "6281234567890@s.whatsapp.net in 1203@g.us"}).incoming


def test_evolutions_token_is_signed_and_holds_for_ten_minutes() -> None:
    """Vector E-1."""
    assert is_token_of(EVO, EVO_TOKEN, NOW)
    assert not is_token_of(b"another", EVO_TOKEN, NOW)
    assert not is_token_of(EVO, EVO_TOKEN, datetime(2026, 1, 5, 9, tzinfo=UTC))
    unsigned = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9."
    assert not is_token_of(EVO, unsigned, NOW)
    hook = EvolutionHook(EVO.decode())
    told = {"event": "messages.upsert", "instance": "isp1", "apikey": "rahasia", "data": {
        "key": {"remoteJid": "6281234567890@s.whatsapp.net", "fromMe": False, "id": "BAE5"}, "pushName": "Budi",
        "message": {"extendedTextMessage": {"text": "MENU"}}, "messageTimestamp": 1767600000}}  # fmt: skip
    news = hook.read(call(told, authorization=f"Bearer {EVO_TOKEN}"))
    assert (news.incoming[0].text, news.incoming[0].phone) == ("MENU", BUDI)
    assert "rahasia" not in repr(news)
    with pytest.raises(HookRefusedError):
        hook.read(call(told))
    acked = {"event": "messages.update", "data": {"keyId": "BAE5", "status": "DELIVERY_ACK"}}
    assert EvolutionHook(None).read(call(acked)).progress[0].told == Told(Reached.DELIVERED)
    closed = {"event": "connection.update", "data": {"state": "close"}, "date_time": "2026-01-05T08:00:00Z"}
    assert not EvolutionHook(None).read(call(closed)).device[0].connected


def test_telegram_proves_itself_by_our_word_and_only_people_in_private_are_heard() -> None:
    hook = TelegramHook("kata-rahasia-kita")
    told = {"update_id": 9, "message": {"from": {"id": 5, "first_name": "Ani"}, "chat": {"id": 5, "type": "private"},
                                        "date": 1767600000, "text": "/start kode"}}  # fmt: skip
    right = {"x_telegram_bot_api_secret_token": "kata-rahasia-kita"}
    [one] = hook.read(call(told, **right)).incoming
    assert (one.key, one.address, one.text, one.phone) == ("9", "5", "/start kode", None)
    with pytest.raises(HookRefusedError):
        hook.read(call(told, x_telegram_bot_api_secret_token="x"))
    told["message"]["chat"]["type"] = "group"  # type: ignore[index]
    assert not hook.read(call(told, **right)).incoming


def test_an_sms_is_reported_by_whichever_way() -> None:
    hook = SmsHook(zenziva("k", "p"))
    assert hook.read(call({"id": "7", "status": "DELIVRD"})).progress[0].told == Told(Reached.DELIVERED)
    assert hook.read(call({"id": "7", "status": "UNDELIV"})).progress[0].told.failed
    by_get = HookCall("GET", {}, {"id": "7", "status": "expired"}, b"", NOW)
    assert hook.read(by_get).progress[0].told.failed
    assert not hook.read(call({"id": "7", "status": "SOMETHING"})).progress


def test_what_is_no_number_and_no_place_is_none() -> None:
    hook = FonnteHook()
    for broken in ({"timestamp": "--5"}, {"location": "nan,nan"}, {"location": "91,0"}, {"location": "1e999,0"}):
        [one] = hook.read(call({"sender": "6281234567890", "message": "x", **broken})).incoming
        assert (one.at, one.place) == (NOW, None)
    [one] = hook.read(call({"sender": "6281234567890", "message": "x", "location": "-6.9,107.6"})).incoming
    assert one.place == (-6.9, 107.6)
    body = W1.replace(b'"type":"text"', b'"location":{"latitude":1' + b"0" * 400 + b',"longitude":0},"type":"text"')
    assert meta(body).incoming[0].place is None


def test_a_state_that_repeats_our_own_words_is_nothing_somebody_wrote() -> None:
    news = WablasHook().read(call({"id": "a1", "phone": "6281234567890", "status": "read", "message": "Tagihan Anda"}))
    assert (news.incoming, [one.provider_id for one in news.progress]) == ((), ["a1"])


def test_a_signature_that_is_no_text_is_a_wrong_one() -> None:
    with pytest.raises(HookRefusedError) as refused:
        CloudHook(META, "v").read(call(W1, x_hub_signature_256="sha256=\udcff"))
    assert refused.value.status == 403


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["entry", "changes", "value", "messages", "statuses", "id", "from", "type", "text", "payload", "event", "key",
         "data", "message", "sender", "phone", "status", "ack", "timestamp", "chat", "field", "update_id", "ids"]
    ), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(document=JSON)
def test_whatever_comes_is_understood_or_refused(document: Any) -> None:
    raw = json.dumps(document).encode()
    hooks: list[tuple[Hook, dict[str, str]]] = [
        (CloudHook(META, "v"), {"x_hub_signature_256": "sha256=" + hex_sha256(META.encode(), raw)}),
        (GowaHook(GOWA), {"x_hub_signature_256": "sha256=" + hmac.new(GOWA.encode(), raw, hashlib.sha256).hexdigest()}),
        (TelegramHook("s"), {"x_telegram_bot_api_secret_token": "s"}),
        (FonnteHook(), {}), (WablasHook(), {}), (StarSenderHook(), {}), (WahaHook(None), {}), (EvolutionHook(None), {}),
        (SmsHook(zenziva("k", "p")), {}),
    ]  # fmt: skip
    for hook, headers in hooks:
        try:
            news = hook.read(call(raw, **headers))
        except HookRefusedError as refused:
            assert refused.status == 400  # noqa: PT017 - it may as well be understood
            continue
        assert all(one.address for one in news.incoming)
        assert all(one.provider_id for one in news.progress)


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"a=1&b"])
def test_garbage_is_refused_quietly(raw: bytes) -> None:
    signed = {"x_hub_signature_256": "sha256=" + hex_sha256(META.encode(), raw)}
    for hook, headers in (
        (CloudHook(META, "v"), signed),
        (FonnteHook(), {}),
        (WahaHook(None), {}),
        (EvolutionHook(None), {}),
    ):
        try:
            assert hook.read(call(raw, **headers)) == News()
        except HookRefusedError as refused:
            assert refused.status == 400  # noqa: PT017 - some of it is empty, and empty is nothing
