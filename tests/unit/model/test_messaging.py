"""Numbers of messengers, lengths of SMS, and how far a message has come: pure, with the specification's vectors."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.model.contact import Line, line_of, parse_phone, phone_of_sender
from netbilld.model.delivery import Reached, Told, moved_on
from netbilld.model.errors import InvalidInputError
from netbilld.model.sms import SmsSize, sms_size
from netbilld.ports.messages import Delivery, verdict


@pytest.mark.parametrize(
    "written",
    [
        "0812-3456-7890", "+62 812 3456 7890", "62812 34567890", "81234567890", "006281234567890", "+62(0)81234567890",
        "+62 0812 3456 7890", "6281234567890@s.whatsapp.net", "6281234567890:12@s.whatsapp.net", "6281234567890@c.us",
    ],
)  # fmt: skip
def test_a_number_is_one_number_however_people_and_messengers_write_it(written: str) -> None:
    assert phone_of_sender(written) == "+6281234567890"
    if "@" not in written:
        assert parse_phone(written) == "+6281234567890"
    assert line_of("+6281234567890") is Line.MOBILE


def test_a_landline_takes_no_messages_and_is_no_sender() -> None:
    assert line_of(parse_phone("0215550123")) is Line.FIXED
    assert phone_of_sender("62215550123@c.us") is None
    assert line_of("+6591234567") is Line.ABROAD


@pytest.mark.parametrize(
    "sender",
    ["83729104712@lid", "120363041234@g.us", "status@broadcast", "US.13491208655302741918", "", "@", "abc@c.us"],
)
def test_an_id_that_hides_the_number_is_nobodys_number(sender: str) -> None:
    assert phone_of_sender(sender) is None


@pytest.mark.parametrize("written", ["12", "0812", "081234567890123456", "+62 0", "nol delapan"])
def test_what_can_be_no_number_is_said(written: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_phone(written)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", SmsSize(True, 0, 1)),
        ("a" * 160, SmsSize(True, 160, 1)),
        ("a" * 161, SmsSize(True, 161, 2)),
        ("a" * 306, SmsSize(True, 306, 2)),
        ("a" * 307, SmsSize(True, 307, 3)),
        ("a" * 159 + "€", SmsSize(True, 161, 2)),
        ("é" * 70, SmsSize(True, 70, 1)),
        ("ş" * 70, SmsSize(False, 70, 1)),
        ("ş" * 71, SmsSize(False, 71, 2)),
        ("😀" * 35, SmsSize(False, 70, 1)),
        ("😀" * 36, SmsSize(False, 72, 2)),
        ("a" * 152 + "€" + "a" * 152, SmsSize(True, 306, 3)),  # the escape would stand alone at the end of a part
    ],
)
def test_a_text_is_as_many_sms_as_it_is(text: str, size: SmsSize) -> None:
    assert sms_size(text) == size


@given(st.permutations([Told(Reached(rank)) for rank in range(1, 5)] * 2))
def test_news_in_any_order_and_number_end_where_the_message_is(news: list[Told]) -> None:
    stands = Told(Reached.NOWHERE)
    for one in news:
        after = moved_on(stands, one)
        assert after.reached >= stands.reached
        stands = after
    assert stands == Told(Reached.READ)


def test_a_failure_holds_until_the_message_turns_up() -> None:
    told = [Told(Reached.SENT), Told(Reached.NOWHERE, failed=True), Told(Reached.DELIVERED)]
    for order in permutations(told):
        stands = Told(Reached.ACCEPTED)
        for one in order:
            stands = moved_on(stands, one)
        assert stands == Told(Reached.DELIVERED)
    assert moved_on(Told(Reached.SENT), told[1]) == Told(Reached.SENT, failed=True)
    assert moved_on(Told(Reached.SENT, failed=True), Told(Reached.SENT)).failed


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        (200, Delivery.ACCEPTED), (201, Delivery.ACCEPTED), (401, Delivery.PAUSE), (403, Delivery.PAUSE),
        (429, Delivery.PAUSE), (400, Delivery.NEVER), (404, Delivery.NEVER), (422, Delivery.NEVER),
        (408, Delivery.LATER), (500, Delivery.LATER), (503, Delivery.LATER),
    ],
)  # fmt: skip
def test_a_status_says_whether_to_come_back(status: int, delivery: Delivery) -> None:
    assert verdict(status) is delivery
