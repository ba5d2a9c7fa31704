"""What got silence, by source and by name; bounded whatever is sent."""

from datetime import UTC, datetime, timedelta

from netbilld.daemon.drop_ledger import MAX_NAMES, MAX_SOURCES, NAMES_A_SECOND, DropLedger
from netbilld.radius.attributes import USER_NAME
from netbilld.radius.server import Drop, DropReason
from tests.radius_requests import access_request, client

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
BAD = DropReason.BAD_MESSAGE_AUTHENTICATOR


def packet(name: str) -> bytes:
    return access_request([(USER_NAME, name.encode())])


def drop(host: str = "192.0.2.1", reason: DropReason = BAD, *, known: bool = True) -> Drop:
    return Drop(reason, (host, 40_000), client() if known else None)


def test_a_drop_is_found_by_its_name_in_any_letter_case_and_by_its_nas() -> None:
    ledger = DropLedger()
    ledger.note(drop(), packet("Budi"), "auth", NOW, 1.0)
    ledger.note(drop(), packet("Budi"), "auth", NOW + timedelta(seconds=1), 2.0)
    told = ledger.read(["BUDI"], "pop1")
    (line,) = told["names"]
    assert (line["reason"], line["nas"], line["source"], line["count"]) == (BAD, "pop1", "192.0.2.1", 2)
    assert line["last_at"] == (NOW + timedelta(seconds=1)).isoformat()
    assert [one["count"] for one in told["sources"]] == [2]
    assert ledger.read(["siti"], "pop2") == {"names": [], "sources": []}


def test_a_name_with_a_realm_is_found_by_the_bare_name() -> None:
    ledger = DropLedger()
    ledger.note(drop(), packet("budi@isp"), "auth", NOW, 1.0)
    ledger.note(drop(), packet("ISP\\siti"), "auth", NOW, 1.0)
    assert len(ledger.read(["budi"], None)["names"]) == 1
    assert len(ledger.read(["siti"], None)["names"]) == 1


def test_an_unknown_address_is_a_source_without_a_nas() -> None:
    ledger = DropLedger()
    ledger.note(drop("203.0.113.7", DropReason.UNKNOWN_CLIENT, known=False), packet("budi"), "auth", NOW, 1.0)
    (line,) = ledger.read(["budi"], None)["names"]
    assert (line["nas"], line["source"]) == (None, "203.0.113.7")


def test_retransmissions_of_work_under_way_and_rubbish_leave_no_name() -> None:
    ledger = DropLedger()
    ledger.note(drop(reason=DropReason.DUPLICATE_IN_PROGRESS), packet("budi"), "auth", NOW, 1.0)
    ledger.note(drop(), b"\x01\x02rubbish", "auth", NOW, 1.0)
    told = ledger.read(["budi"], None)
    assert told["names"] == []
    assert [line["reason"] for line in told["sources"]] == [BAD]


def test_forged_sources_and_names_fill_no_memory_and_cost_little() -> None:
    ledger = DropLedger()
    for number in range(MAX_SOURCES + 50):
        source = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        ledger.note(drop(source), packet(f"n{number}"), "auth", NOW, 1.0)
    assert len(ledger._sources) == MAX_SOURCES
    assert len(ledger._names) == NAMES_A_SECOND
    for number in range(MAX_NAMES + 50):
        ledger.note(drop(), packet(f"m{number}"), "auth", NOW, float(number))
    assert len(ledger._names) == MAX_NAMES
