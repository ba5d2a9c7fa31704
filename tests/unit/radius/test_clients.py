from uuid import uuid4

import pytest

from netbilld.radius import clients
from netbilld.radius.clients import Client, ClientTable
from tests.radius_requests import client


def table(*addresses: str) -> ClientTable:
    return ClientTable([client(address, name=address, nas_id=uuid4()) for address in addresses])


def name_of(found: Client | None) -> str | None:
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.4", "10.1.2.0/24"),
        ("10.1.3.4", "10.0.0.0/8"),
        ("192.0.2.1", None),
        ("2001:db8:1::5", "2001:db8:1::/48"),
        ("2001:db8:2::5", "2001:db8::/32"),
        ("2001:db9::1", None),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("fe80::1%eth0", "fe80::/10"),
        ("not an address", None),
    ],
)
def test_the_longest_prefix_wins(address: str, expected: str | None) -> None:
    known = table("10.0.0.0/8", "10.1.2.3/32", "10.1.2.0/24", "2001:db8::/32", "2001:db8:1::/48", "fe80::/10")
    assert name_of(known.find(address)) == expected
    assert name_of(known.find(address)) == expected


def test_a_default_route_takes_everything_else() -> None:
    known = table("0.0.0.0/0", "10.0.0.0/8")
    assert name_of(known.find("192.0.2.1")) == "0.0.0.0/0"
    assert known.find("2001:db8::1") is None


def test_an_empty_table_knows_nobody() -> None:
    assert ClientTable(()).find("10.0.0.1") is None


def test_forged_sources_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_REMEMBERED_ADDRESSES", 10)
    known = table("10.0.0.0/30")
    for number in range(1000):
        known.find(f"192.0.{number // 256}.{number % 256}")
        known.find(f"garbage {number}")
    assert len(known._found) <= 10
    assert name_of(known.find("10.0.0.1")) == "10.0.0.0/30"


def test_a_table_lists_its_clients() -> None:
    known = table("10.0.0.0/8", "10.1.0.0/16")
    assert len(known) == 2
    assert [item.name for item in known] == ["10.0.0.0/8", "10.1.0.0/16"]


def test_a_client_shows_no_secret() -> None:
    assert "xyzzy5461" not in repr(client())
