"""Whose money a row is: reasons, their order, and when one is sure."""

from datetime import date
from uuid import UUID

from netbilld.billing.bank_matching import Known, OpenDocument, Owing, Reason, phone_forms, propose, tokens

DAY = date(2026, 2, 3)
BUDI = OpenDocument("INV-202602-000001", 200_000, DAY, "100001", "Budi Santoso")
SITI = OpenDocument("INV-202602-000002", 200_000, DAY, "100002", "Siti Aminah Putri")


def reasons(amount: int, text: str, known: Known) -> list[tuple[str, str, bool]]:
    return [(one.reason.name, one.subscriber_no, one.is_sure) for one in propose(amount, text, DAY, known)]


def test_an_amount_of_an_invoices_own_comes_first_and_is_sure() -> None:
    known = Known(
        codes={200_123: [(BUDI, True)]},
        people={"100002": ("100002", Reason.SUBSCRIBER_NUMBER)},
        open_of={"100002": [SITI]},
    )
    assert reasons(200_123, "TRSF 100002", known) == [("CODE", "100001", True), ("SUBSCRIBER_NUMBER", "100002", False)]


def test_an_amount_that_was_an_invoices_own_is_only_proposed() -> None:
    assert reasons(200_123, "x", Known(codes={200_123: [(BUDI, False)]})) == [("EXPIRED_CODE", "100001", False)]


def test_an_invoice_number_is_found_however_a_bank_cuts_it() -> None:
    known = Known(by_number={"inv202602000001": BUDI}, open_of={"100001": [BUDI]})
    for text in ("INV-202602-000001", "bayar inv202602000001 ok", "INV 202602 000001", "BYR/INV-202602-000001/BUDI"):
        assert reasons(200_000, text, known) == [("INVOICE_NUMBER", "100001", True)], text
    assert reasons(150_000, "INV-202602-000001", known) == [("INVOICE_NUMBER", "100001", False)]


def test_two_who_are_named_are_not_sure() -> None:
    people = {"budi": ("100001", Reason.USERNAME), "siti1": ("100002", Reason.USERNAME)}
    known = Known(people=people, open_of={"100001": [BUDI], "100002": [SITI]})
    assert reasons(200_000, "dari budi untuk siti1", known) == [
        ("USERNAME", "100001", False),
        ("USERNAME", "100002", False),
    ]
    assert reasons(200_000, "dari budi", known) == [("USERNAME", "100001", True)]


def test_a_name_with_the_amount_is_proposed_and_never_sure() -> None:
    known = Known(owing={200_000: Owing.of([BUDI, SITI])})
    assert reasons(200_000, "TRSF SITI AMINAH PU", known) == [("NAME_AND_AMOUNT", "100002", False)]
    assert reasons(200_000, "TRSF AMINAH", known) == []


def test_the_only_one_who_owes_just_that_is_proposed_last() -> None:
    assert reasons(200_000, "TRSF", Known(owing={200_000: Owing.of([BUDI])})) == [("AMOUNT", "100001", False)]


def test_a_payment_that_was_recorded_by_hand_keeps_a_row_from_being_sure() -> None:
    known = Known(
        people={"budi": ("100001", Reason.USERNAME)},
        open_of={"100001": [BUDI]},
        recorded={200_000: [(UUID(int=1), "100001", date(2026, 2, 1)), (UUID(int=2), "100002", date(2026, 1, 2))]},
    )
    found = propose(200_000, "budi", DAY, known)
    assert [(one.reason, one.payment_id, one.is_sure) for one in found] == [
        (Reason.RECORDED, UUID(int=1), False),
        (Reason.USERNAME, None, False),
    ]


def test_words_are_looked_for_with_their_neighbours_and_parts() -> None:
    found = tokens("TRF INV/2026/02/00001 a.n. budi@rt05, (0812-3456-789)")
    assert {"inv20260200001", "budi@rt05", "budirt05", "08123456789", "00001"} <= found
    assert phone_forms("+62 812-3456-789") == phone_forms("08123456789") == {"08123456789", "628123456789"}
    assert phone_forms("110") == set()
