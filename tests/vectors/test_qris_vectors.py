"""QRIS codes of a fictional merchant, and one printed in public documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.qris import crc16, dynamic_qris, read_qris
from netbilld.model.errors import InvalidInputError
from tests.builders.documents import STATIC_QRIS as STATIC

DYNAMIC = (
    "00020101021226620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI52044816530336054062750005802ID5915NETBILLD CONTOH6007BANDUNG61054011162070703A0163040152"
)
WITH_BILL = (
    "00020101021226620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI52044816530336054062750005802ID5915NETBILLD CONTOH6007BANDUNG6105401116228"
    "0117INV-202601-0001230703A0163049A65"
)
WITH_FEE = (
    "00020101021226620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI5204481653033605406275000550202560410005802ID5915NETBILLD CONTOH6007BANDUNG"
    "61054011162070703A016304BDE7"
)
WITH_PERCENT = (
    "00020101021226620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI520448165303360540627500055020357030.55802ID5915NETBILLD CONTOH6007BANDUNG"
    "61054011162070703A016304E118"
)
FOREIGN_ORDER = (
    "00020101021226620014COM.GO-JEK.WWW011993600914337918182570210G3791818250303UKE51440014ID.CO.QRIS.WWW"
    "0215AID7720513752290303UKE5204359353033605802ID5910PAPI LIVE26005KUKAR6105755535409100000.0062475036"
    "b1855b6c-70ab-4449-9778-61b8ffe43fd20703A016304C385"
)


def test_q_0_the_crc_is_ccitt_false() -> None:
    assert crc16("123456789") == "29B1"


def test_q_1_a_static_code_is_read() -> None:
    read = read_qris(STATIC)
    assert len(STATIC) == 205
    assert (read.merchant_name, read.city, read.is_static, read.amount_minor) == (
        "NETBILLD CONTOH",
        "BANDUNG",
        True,
        None,
    )


def test_q_2_a_static_code_is_given_an_amount() -> None:
    assert dynamic_qris(STATIC, 275_000) == DYNAMIC
    assert read_qris(DYNAMIC).amount_minor == 275_000


def test_q_3_a_bill_number_goes_before_what_else_is_added() -> None:
    assert dynamic_qris(STATIC, 275_000, "INV-202601-000123") == WITH_BILL
    assert read_qris(WITH_BILL).bill_number == "INV-202601-000123"


@pytest.mark.parametrize("additional", ["0791" + "A" * 91, "07XX"], ids=["full", "in disorder"])
def test_a_bill_number_that_finds_no_room_is_left_out_and_the_code_is_still_paid(additional: str) -> None:
    body = STATIC.partition("62070703A016304")[0] + f"62{len(additional):02}{additional}6304"
    code = dynamic_qris(body + crc16(body), 275_000, "INV-202601-000123")
    read = read_qris(code)
    assert (read.amount_minor, read.value("62")) == (275_000, additional)
    assert dynamic_qris(STATIC, 275_000, "x" * 26) == DYNAMIC


@pytest.mark.parametrize("code", [WITH_FEE, WITH_PERCENT])
def test_q_4_and_q_5_tips_are_read_and_never_carried_on(code: str) -> None:
    assert read_qris(code).amount_minor == 275_000
    assert dynamic_qris(code, 275_000) == DYNAMIC


def test_q_6_fields_may_stand_in_any_order() -> None:
    read = read_qris(FOREIGN_ORDER)
    assert (read.merchant_name, read.amount_minor) == ("PAPI LIVE2", 100_000)
    assert read_qris(dynamic_qris(FOREIGN_ORDER, 1)).amount_minor == 1


def test_a_lower_case_crc_is_read() -> None:
    assert read_qris(STATIC[:-4] + STATIC[-4:].lower()).is_static


@pytest.mark.parametrize(
    "wrong",
    [
        STATIC[:-1] + "1",
        STATIC[:-1],
        STATIC[:-8] + "6399" + STATIC[-4:],
        "",
        "0002",
        STATIC.replace("5303360", "5303840"),
        STATIC.replace("CONTOH6", "CÖNTOH6"),
    ],
)
def test_a_damaged_code_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInputError):
        read_qris(wrong)


@pytest.mark.parametrize("amount", [0, -1, 10_000_001])
def test_an_amount_that_no_code_can_have_is_refused(amount: int) -> None:
    with pytest.raises(InvalidInputError):
        dynamic_qris(STATIC, amount)


@given(st.text(max_size=120) | st.binary(max_size=80).map(lambda octets: octets.decode("latin-1")))
def test_garbage_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_qris(text)


@given(st.integers(1, 10_000_000))
def test_every_amount_is_read_back(amount: int) -> None:
    assert read_qris(dynamic_qris(STATIC, amount, "INV-1")).amount_minor == amount
