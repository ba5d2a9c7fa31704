"""What a router's own accounts become."""

from datetime import date

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.ports.local_accounts import LocalAccount
from netbilld.services.import_rows import ImportRow
from netbilld.services.router_rows import RouterRows, parse_map
from netbilld.services.switch_local_accounts import enable_line, quoted

TODAY = date(2026, 11, 22)


def account(**said: object) -> LocalAccount:
    fields = {
        "menu": "ppp",
        "number": "*1",
        "name": "budi",
        "password": "rahasia",
        "profile": "20M",
        "caller_id": "",
        "address": "",
        "comment": "",
        "is_disabled": False,
    }
    return LocalAccount(**(fields | said))  # type: ignore[arg-type]


def understood(one: LocalAccount, encoding: str = "cp1252") -> tuple[ImportRow, list[str]]:
    rows = RouterRows([one], {"20m": "HOME20"}, {"rumah"}, encoding=encoding)
    (row,) = rows
    found = rows.understand(row, "IDR", TODAY)
    return found, [note for _, note in rows.notes]


def octets(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def test_a_secret_becomes_a_subscriber_with_plan_lock_and_address() -> None:
    found, notes = understood(
        account(caller_id="aa:bb:cc:00:00:01", address="10.9.0.7", comment="Budi Santoso", is_disabled=True)
    )
    new = found.new
    assert (new.username, new.password, new.plan, new.name, new.ip) == (
        "budi", "rahasia", "HOME20", "Budi Santoso", "10.9.0.7",
    )  # fmt: skip
    assert (found.lock_mac, found.suspended_because) == ("AA:BB:CC:00:00:01", "disabled on the router")
    assert (new.activated_on, notes) == (TODAY, [])


@pytest.mark.parametrize("name", ["1001", "no", "true", "0812", "08:00"])
def test_names_that_look_like_something_else_stay_names(name: str) -> None:
    assert understood(account(name=name, password=name))[0].new.username == name


@pytest.mark.parametrize(
    ("comment", "encoding", "name"),
    [
        ("Café Ünal 咖啡", "cp1252", "Café Ünal 咖啡"),
        (octets("Иван".encode("cp1251")), "cp1251", "Иван"),
        (octets(b"Caf\xe9"), "cp1252", "Café"),
        (" two\r\nlines\x00 ", "cp1252", "two lines"),
        ("", "cp1252", None),
    ],
)
def test_a_comment_becomes_the_name_whatever_it_is_written_in(comment: str, encoding: str, name: str | None) -> None:
    assert understood(account(comment=comment), encoding)[0].new.name == name


def test_what_is_left_behind_is_noted() -> None:
    found, notes = understood(
        account(caller_id="10.0.0.9", address="pool-20", comment="x" * 250, beside=("limit-bytes-in=1000",))
    )
    assert (found.lock_mac, found.new.ip, found.new.name) == (None, None, "x" * 200)
    assert [note.split(" ")[0] for note in notes] == ["caller-id", "its", "address", "not"]
    assert "pool-20" in notes[2]
    assert "limit-bytes-in=1000" in notes[3]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"name": octets(b"Caf\xe9")}, "user name is not UTF-8"),
        ({"password": None}, "does not show its password"),
        ({"password": octets(b"\xff")}, "password is not UTF-8"),
        ({"profile": "50M"}, "profile '50M' has no plan"),
    ],
)
def test_what_can_not_go_in_says_why(said: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        understood(account(**said))


def test_a_profile_is_a_plan_by_what_is_said_by_its_own_name_or_by_the_rest() -> None:
    rows = RouterRows([], parse_map(["20M=HOME20", "a=b=HOME5"]), {"rumah"}, encoding="ascii")
    assert [rows.plan_for(profile) for profile in ("20m", "a=b", "RUMAH", "default")] == [
        "HOME20",
        "HOME5",
        "RUMAH",
        None,
    ]
    rows = RouterRows([], parse_map(["20M=HOME20", "*=REST"]), {"rumah"}, encoding="ascii")
    assert [rows.plan_for(profile) for profile in ("20M", "Rumah", "default")] == ["HOME20", "Rumah", "REST"]


@pytest.mark.parametrize("written", [["20M"], ["=HOME"], ["20M="], ["20M=A", "20m=B"]])
def test_a_map_that_says_nothing_or_two_things_is_refused(written: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="--map"):
        parse_map(written)


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="encoding"):
        RouterRows([], {}, (), encoding="cp-nothing")


def test_the_undo_line_is_what_a_console_takes_literally() -> None:
    assert quoted("budi") == '"budi"'
    assert quoted('a"b\\c$d?e') == '"a\\"b\\\\c\\$d\\?e"'
    assert quoted(octets(b"Caf\xe9")) == '"Caf\\E9"'
    assert quoted("é\n") == '"\\C3\\A9\\0A"'
    assert enable_line(account()) == '/ppp secret enable [find name="budi"]'
    assert enable_line(account(menu="hotspot")) == '/ip hotspot user enable [find name="budi"]'
