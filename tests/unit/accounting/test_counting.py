"""NAS that count otherwise: kilobytes, IPv6 beside the total, and a profile that is set in the middle of a session."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.counting import counting, unit_octets
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import SessionChange
from netbilld.radius import attributes as a
from netbilld.radius.values import encode_integer
from tests.accounting_packets import T0, record

PLAIN = counting(False, "octets", "inside")
ERX_IPV6 = (
    (a.ERX_IPV6_ACCT_INPUT_OCTETS, a.ERX_IPV6_ACCT_INPUT_GIGAWORDS),
    (a.ERX_IPV6_ACCT_OUTPUT_OCTETS, a.ERX_IPV6_ACCT_OUTPUT_GIGAWORDS),
)
HUAWEI_IPV6 = (
    (a.HUAWEI_ACCT_IPV6_INPUT_OCTETS, a.HUAWEI_ACCT_IPV6_INPUT_GIGAWORDS),
    (a.HUAWEI_ACCT_IPV6_OUTPUT_OCTETS, a.HUAWEI_ACCT_IPV6_OUTPUT_GIGAWORDS),
)


def ipv6(keys: tuple[tuple[int, int], ...], *octets: int) -> tuple[tuple[int, bytes], ...]:
    return tuple(
        (key, encode_integer(value))
        for (low, high), number in zip(keys, octets, strict=True)
        for key, value in ((low, number & 0xFFFFFFFF), (high, number >> 32))
    )


def told(seconds: int, up: int, down: int, **what: Any) -> AccountingRecord:
    return record("interim", T0 + timedelta(seconds=seconds), up=up, down=down, seconds=seconds, **what)


def moved(*records: AccountingRecord) -> list[tuple[int, int]]:
    fold = SessionFold([], lambda _: UUID(int=7))
    changes = [fold.apply(one, number) for number, one in enumerate(records, 1)]
    assert all(isinstance(change, SessionChange) for change in changes)
    return [(change.upload_octets, change.download_octets) for change in changes if change is not None]


@pytest.mark.parametrize(("unit", "octets"), [("octets", 1), ("kB", 1000), ("KiB", 1024)])
def test_a_counter_counts_in_the_unit_of_its_nas(unit: str, octets: int) -> None:
    flags = counting(False, unit, "inside")
    assert unit_octets(flags) == octets
    one = told(300, 7, 2**32 + 1, flags=flags)
    assert (one.upload_octets, one.download_octets) == (7 * octets, (2**32 + 1) * octets)


def test_kilobytes_without_gigawords_wrap_at_two_to_the_32_kilobytes() -> None:
    flags = counting(False, "kB", "inside")
    what: dict[str, Any] = {"flags": flags, "gigawords": False}
    assert moved(told(300, 2**32 - 10, 5, **what), told(600, 10, 6, **what)) == [
        ((2**32 - 10) * 1000, 5_000),
        (20_000, 1_000),
    ]


@pytest.mark.parametrize("keys", [ERX_IPV6, HUAWEI_IPV6])
def test_ipv6_beside_the_total_is_added_and_inside_is_not(keys: tuple[tuple[int, int], ...]) -> None:
    extra = ipv6(keys, 2**32 + 1, 9)
    inside, beside = (
        told(300, 5, 6, extra=extra),
        told(300, 5, 6, extra=extra, flags=counting(False, "octets", "beside")),
    )
    assert (inside.upload_octets, inside.download_octets) == (5, 6)
    assert (beside.upload_octets, beside.download_octets) == (2**32 + 6, 15)
    both = told(300, 5, 6, extra=extra, flags=counting(True, "kB", "beside"))
    assert (both.upload_octets, both.download_octets) == (15_000, (2**32 + 6) * 1000)  # swapped as well


@pytest.mark.parametrize("gigawords", [True, False])
def test_a_unit_that_is_set_later_counts_from_then_on_and_rewrites_nothing(gigawords: bool) -> None:
    kilo = counting(False, "kB", "inside")
    what: dict[str, Any] = {"gigawords": gigawords}
    assert moved(
        told(300, 100, 1000, **what),
        told(600, 130, 1500, flags=kilo, **what),
        told(900, 131, 1501, flags=kilo, **what),
        told(1200, 141, 1601, **what),
    ) == [(100, 1000), (30_000, 500_000), (1_000, 1_000), (10, 100)]


def test_ipv6_that_is_said_to_be_beside_later_counts_from_the_next_report_on() -> None:
    beside = counting(False, "octets", "beside")
    assert moved(
        told(300, 100, 1000, extra=ipv6(ERX_IPV6, 50, 500)),
        told(600, 110, 1100, extra=ipv6(ERX_IPV6, 60, 600), flags=beside),  # what IPv6 had before nobody has said
        told(900, 111, 1101, extra=ipv6(ERX_IPV6, 65, 605), flags=beside),
        told(1200, 112, 1102, extra=ipv6(ERX_IPV6, 69, 609)),
        told(1500, 113, 1103, extra=ipv6(ERX_IPV6, 70, 610)),
    ) == [(100, 1000), (10, 100), (6, 6), (5, 5), (1, 1)]
