"""Each messenger's driver against a messenger that speaks as its specification says, and misbehaves (KAMIL-11)."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import pytest

from netbilld.adapters.messengers import sms_http, telegram, whatsapp_cloud
from netbilld.adapters.messengers.calls import Answer
from netbilld.adapters.messengers.evolution import Evolution
from netbilld.adapters.messengers.fonnte import Fonnte
from netbilld.adapters.messengers.gowa import Gowa
from netbilld.adapters.messengers.sms_http import SmsOverHttp, SmsService, zenziva
from netbilld.adapters.messengers.telegram import Telegram
from netbilld.adapters.messengers.wablas import StarSender, Wablas
from netbilld.adapters.messengers.waha import Waha
from netbilld.adapters.messengers.whatsapp_cloud import CloudAccount, WhatsAppCloud
from netbilld.daemon.messenger_drivers import CARRIERS
from netbilld.ports.messages import ApprovedTemplate, Attachment, Delivery, Driver, Handed, Outgoing
from tests.messengers import TOKEN, Messenger, messenger

WAIT: Final = 0.3
DRIVERS: Final[dict[str, Callable[[str], Driver]]] = {
    "whatsapp_cloud": lambda url: WhatsAppCloud(CloudAccount("106540352242922", TOKEN, url), WAIT),
    "fonnte": lambda url: Fonnte(TOKEN, url, WAIT),
    "wablas": lambda url: Wablas(url, TOKEN, "kunci", WAIT),
    "starsender": lambda url: StarSender(TOKEN, url, WAIT),
    "waha": lambda url: Waha(url, TOKEN, timeout_seconds=WAIT),
    "gowa": lambda url: Gowa(url, "isp", TOKEN, "hp-1", WAIT),
    "evolution": lambda url: Evolution(url, TOKEN, "isp1", WAIT),
    "telegram": lambda url: Telegram(TOKEN, url, WAIT),
    "zenziva": lambda url: SmsOverHttp(zenziva("kunci-1", TOKEN, f"{url}/reguler/api/sendsms/"), WAIT),
}
EVERY: Final = pytest.mark.parametrize("make", list(DRIVERS))


def note(to: str = "+6281234567890", text: str = "Tagihan Anda Rp275.000", **told: Any) -> Outgoing:
    values: dict[str, Any] = {"in_conversation": True, "reference": "outbox:8812"}
    return Outgoing(to, "Budi", "Tagihan", text, "<1@isp.test>", **(values | told))


async def sent(make: str, way: str = "", **told: Any) -> tuple[Handed, Messenger]:
    async with messenger(make, everybody=way) as there:
        handed = await DRIVERS[make](there.url).send(note(**told))
    assert TOKEN not in handed.said
    return handed, there


@EVERY
async def test_a_message_is_taken_and_what_it_is_called_is_kept(make: str) -> None:
    """KAMIL-11: a driver interface, a fake of each gateway, and the delivery result of a message."""
    handed, there = await sent(make)
    assert handed.delivery is Delivery.ACCEPTED
    assert handed.provider_id == f"{make}-1"
    [(to, words)] = there.taken
    assert to == "6281234567890"
    assert "Tagihan Anda Rp275.000" in words


@EVERY
@pytest.mark.parametrize("way", ["hang_up", "mute"])
async def test_an_answer_that_is_lost_leaves_open_whether_it_was_sent(make: str, way: str) -> None:
    handed, there = await sent(make, way)
    assert handed.delivery is Delivery.UNSURE
    assert len(there.taken) == 1


@EVERY
async def test_a_house_that_is_not_there_has_taken_nothing(make: str) -> None:
    async with messenger(make) as there:
        gone = there.url
    handed = await DRIVERS[make](gone).send(note())
    assert handed.delivery is Delivery.PAUSE
    assert not handed.log_in
    assert TOKEN not in handed.said


@EVERY
async def test_a_fault_there_may_pass_and_too_many_is_said_with_how_long(make: str) -> None:
    assert (await sent(make, "503"))[0].delivery is Delivery.LATER
    handed, _ = await sent(make, "429:7")
    assert (handed.delivery, handed.log_in) == (Delivery.PAUSE, False)
    assert handed.retry_seconds in ({7.0, None} if make == "telegram" else {7.0})


@EVERY
@pytest.mark.parametrize("status", ["302", "404"])
async def test_an_address_that_is_no_interface_loses_no_message_and_is_told(make: str, status: str) -> None:
    handed, _ = await sent(make, status)
    assert (handed.delivery, handed.log_in) == (Delivery.PAUSE, True)


@EVERY
async def test_a_number_that_is_none_is_refused_for_good_and_a_log_in_that_is_none_stops_the_house(make: str) -> None:
    assert (await sent(make, "refuse"))[0].delivery is Delivery.NEVER
    handed, _ = await sent(make, "token")
    assert (handed.delivery, handed.log_in) == (Delivery.PAUSE, True)


@pytest.mark.parametrize(
    ("make", "path", "header"),
    [
        ("whatsapp_cloud", "/v25.0/106540352242922/messages", ("Authorization", f"Bearer {TOKEN}")),
        ("fonnte", "/send", ("Authorization", TOKEN)),
        ("wablas", "/api/v2/send-message", ("Authorization", f"{TOKEN}.kunci")),
        ("starsender", "/api/send", ("Authorization", TOKEN)),
        ("waha", "/api/sendText", ("X-Api-Key", TOKEN)),
        ("gowa", "/send/message", ("X-Device-Id", "hp-1")),
        ("evolution", "/message/sendText/isp1", ("apikey", TOKEN)),
        ("telegram", f"/bot{TOKEN}/sendMessage", ("Content-Type", "application/json")),
        ("zenziva", "/reguler/api/sendsms/", ("Content-Type", "application/x-www-form-urlencoded")),
    ],
)
async def test_each_is_asked_where_and_as_its_specification_says(make: str, path: str, header: tuple[str, str]) -> None:
    _, there = await sent(make)
    [call] = there.calls
    assert call.path == path
    assert call.headers[header[0]] == header[1]


CARRY: Final = pytest.mark.parametrize("make", sorted(CARRIERS))
BILL: Final = Attachment("INV-2026-000123.pdf", b"%PDF-1.4 bill")


@CARRY
async def test_a_bill_goes_along_as_pdf_with_the_words_beside_it(make: str) -> None:
    handed, there = await sent(make, attachment=BILL)
    assert (handed.delivery, handed.provider_id) == (Delivery.ACCEPTED, f"{make}-1")
    assert there.taken == [("6281234567890", "Tagihan Anda Rp275.000")]
    told = str([call.body for call in there.calls])
    assert "INV-2026-000123.pdf" in told
    assert "%PDF-1.4 bill" in told or b64encode(BILL.octets).decode() in told


@CARRY
async def test_where_a_document_is_refused_the_words_go_alone_and_once(make: str) -> None:
    async with messenger(make, carries_none=True) as there:
        handed = await DRIVERS[make](there.url).send(note(attachment=BILL))
    assert handed.delivery is Delivery.ACCEPTED
    assert there.taken == [("6281234567890", "Tagihan Anda Rp275.000")]
    handed, there = await sent(make, attachment=BILL, text="x" * 1025)
    assert "INV-2026" not in str(there.calls), "so many words stand beside no document"


@CARRY
async def test_a_plan_or_a_release_that_knows_no_documents_stops_no_words(make: str) -> None:
    async with messenger(make, knows_none=True) as there:
        handed = await DRIVERS[make](there.url).send(note(attachment=BILL))
    assert handed.delivery is Delivery.ACCEPTED
    assert there.taken == [("6281234567890", "Tagihan Anda Rp275.000")]
    handed, there = await sent(make, "token", attachment=BILL)
    assert (handed.delivery, handed.log_in, there.taken) == (Delivery.PAUSE, True, [])


@CARRY
async def test_a_document_whose_answer_is_lost_is_not_followed_by_the_words(make: str) -> None:
    handed, there = await sent(make, "hang_up", attachment=BILL)
    assert (handed.delivery, len(there.taken)) == (Delivery.UNSURE, 1)


async def test_meta_is_given_our_name_for_a_message_and_fonnte_a_number_as_it_is() -> None:
    _, there = await sent("whatsapp_cloud")
    assert there.calls[0].body["biz_opaque_callback_data"] == "outbox:8812"
    assert there.calls[0].body["to"] == "6281234567890"
    _, there = await sent("fonnte")
    assert (there.calls[0].body["countryCode"], there.calls[0].body["connectOnly"]) == ("0", "true")


async def test_who_has_not_written_lately_gets_an_approved_template_from_meta_or_nothing() -> None:
    handed, there = await sent("whatsapp_cloud", in_conversation=False)
    assert (handed.delivery, there.calls) == (Delivery.NEVER, [])
    template = ApprovedTemplate("tagihan_bulanan", "id", ("Budi\n Santoso", "Rp275.000", "\t", "a     b"))
    handed, there = await sent("whatsapp_cloud", in_conversation=False, template=template)
    assert handed.delivery is Delivery.ACCEPTED
    assert there.taken == [("6281234567890", "tagihan_bulanan|Budi Santoso|Rp275.000|-|a b")]
    assert there.calls[0].body["template"]["language"] == {"code": "id"}


async def test_a_window_that_has_closed_meanwhile_is_answered_with_the_template() -> None:
    handed, there = await sent("whatsapp_cloud", "window", template=ApprovedTemplate("tagihan_bulanan", "id"))
    assert handed.delivery is Delivery.ACCEPTED
    assert [call.body["type"] for call in there.calls] == ["text", "template"]
    assert there.taken == [("6281234567890", "tagihan_bulanan")]
    handed, _ = await sent("whatsapp_cloud", "window")
    assert handed.delivery is Delivery.NEVER


@pytest.mark.parametrize(
    ("code", "delivery", "seconds", "log_in"),
    [
        (0, Delivery.PAUSE, None, True), (190, Delivery.PAUSE, None, True), (200, Delivery.PAUSE, None, True),
        (299, Delivery.PAUSE, None, True), (131031, Delivery.PAUSE, None, True), (131042, Delivery.PAUSE, None, True),
        (368, Delivery.PAUSE, None, True), (131005, Delivery.PAUSE, None, True),
        (130429, Delivery.PAUSE, 30, False), (80007, Delivery.PAUSE, 60, False), (131048, Delivery.PAUSE, 3600, False),
        (131056, Delivery.LATER, 60, False), (131049, Delivery.LATER, 86_400, False),
        (131000, Delivery.LATER, None, False), (1, Delivery.LATER, None, False), (2, Delivery.LATER, None, False),
        (131026, Delivery.NEVER, None, False), (131050, Delivery.NEVER, None, False),
        (130472, Delivery.NEVER, None, False), (132000, Delivery.NEVER, None, False),
        (132001, Delivery.NEVER, None, False), (132015, Delivery.NEVER, None, False),
        (131008, Delivery.NEVER, None, False), (999_999, Delivery.NEVER, None, False),
    ],
)  # fmt: skip
def test_metas_errors_are_of_the_classes_of_the_specification(
    code: int, delivery: Delivery, seconds: float | None, log_in: bool
) -> None:
    error = {"error": {"message": "(#1)", "type": "OAuthException", "code": code, "error_data": {"details": "d"}}}
    handed, told = whatsapp_cloud.understood(_answer(400, error))
    assert (handed.delivery, handed.retry_seconds, handed.log_in, told) == (delivery, seconds, log_in, code)


async def test_telegram_says_for_how_long_and_where_a_group_has_gone() -> None:
    busy = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 7",
            "parameters": {"retry_after": 7}}  # fmt: skip
    handed = telegram.understood(_answer(429, busy))
    assert (handed.delivery, handed.retry_seconds, handed.log_in) == (Delivery.PAUSE, 7.0, False)
    handed, there = await sent("telegram", to="123456789", text="a < b & c")
    assert handed.delivery is Delivery.ACCEPTED
    assert there.taken == [("123456789", "<b>Tagihan</b>\n\na &lt; b &amp; c")]


async def test_zenziva_says_no_with_a_status_that_says_yes() -> None:
    _, there = await sent("zenziva")
    assert there.calls[0].body == {
        "userkey": "kunci-1", "passkey": TOKEN, "to": "081234567890", "message": "Tagihan Anda Rp275.000",
    }  # fmt: skip


async def test_words_that_look_like_a_place_in_the_body_stay_words() -> None:
    service = SmsService("", {"data": [{"to": "{to}", "text": "{text}", "id": "{id}"}]}, body_type="json", to_format="+62",
                         success_path="$.data.0.ok", success_value="TRUE", id_path="data[0].id")  # fmt: skip
    filled = sms_http._filled(service.body, {"{to}": "+62", "{text}": 'kata "{to}" & {id}', "{id}": "7"})
    assert filled == {"data": [{"to": "+62", "text": 'kata "{to}" & {id}', "id": "7"}]}
    handed = sms_http.understood(_answer(200, {"data": [{"ok": True, "id": 12}]}), service)
    assert handed == Handed(Delivery.LATER, handed.said)  # a boolean is no text that was asked for
    handed = sms_http.understood(_answer(200, {"data": [{"ok": "true", "id": 12}]}), service)
    assert (handed.delivery, handed.provider_id) == (Delivery.ACCEPTED, "12")


def test_a_landline_is_sent_no_sms_and_a_number_is_written_as_the_service_wants_it() -> None:
    assert sms_http.written("+6281234567890", "08") == "081234567890"
    assert sms_http.written("+6281234567890", "62") == "6281234567890"
    assert sms_http.written("+6281234567890", "+62") == "+6281234567890"
    assert sms_http.written("+6591234567", "08") == "6591234567"


async def test_a_landline_takes_no_sms() -> None:
    handed, there = await sent("zenziva", to="+62215550123")
    assert (handed.delivery, there.calls) == (Delivery.NEVER, [])


def _answer(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode())
