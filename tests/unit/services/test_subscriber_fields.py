"""The fields of a subscriber."""

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.model.subscriber import CredentialKind
from netbilld.services.subscriber_fields import (
    check_password,
    clean_text,
    credential_kind,
    name_key,
    parse_billing_day,
    parse_day,
    parse_mac,
    parse_number,
    parse_static_ip,
    parse_username,
)


def test_user_names_are_the_same_without_regard_to_case_and_macs_however_written() -> None:
    assert name_key("Budi") == name_key("BUDI")
    assert name_key("aabb.ccdd.eeff") == name_key("AA-BB-CC-DD-EE-FF")


@pytest.mark.parametrize("name", ["", "  ", " budi", "budi ", "bu\ndi", "bu\x00di", "x" * 254, "bu\udcffdi"])
def test_a_name_no_nas_could_send_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_username(name)


def test_a_name_whose_key_would_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="253"):
        parse_username("ΐ" * 100)


def test_a_mac_needs_no_password_and_anything_else_does() -> None:
    assert credential_kind("AA:BB:CC:DD:EE:FF", has_password=False) is CredentialKind.MAC
    assert credential_kind("AABBCCDDEEFF", has_password=True) is CredentialKind.PASSWORD
    with pytest.raises(InvalidInputError, match="needs a password"):
        credential_kind("budi", has_password=False)


@pytest.mark.parametrize("password", ["", "a\x00b", "x" * 129, "\udcff"])
def test_a_password_no_nas_could_carry_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_password(password)
    assert "x" * 10 not in str(refused.value)


@pytest.mark.parametrize(("written", "stored"), [("10.0.0.7", "10.0.0.7"), ("2001:DB8::0007", "2001:db8::7")])
def test_an_address_is_stored_in_one_form(written: str, stored: str) -> None:
    """BANG-2.1a: the form validates IPv4 and IPv6."""
    assert parse_static_ip(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.0/24",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "10.0.0.07",
    ],
)
def test_an_address_no_subscriber_can_have_is_refused(written: str) -> None:
    """BANG-2.1a."""
    with pytest.raises(InvalidInputError, match="address"):
        parse_static_ip(written)


@pytest.mark.parametrize("written", ["0", "32", "-1", "x", "", "1.5", "²", 0, 32])
def test_a_billing_day_is_1_to_31(written: str | int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 31"):
        parse_billing_day(written)
    assert parse_billing_day(" 31 ") == 31


@pytest.mark.parametrize("written", ["", "12a", "-5", "1" * 21, "١٢"])
def test_a_subscriber_number_is_digits(written: str) -> None:
    with pytest.raises(InvalidInputError, match="digits"):
        parse_number(written)


def test_other_fields_say_what_is_wrong_with_them() -> None:
    with pytest.raises(InvalidInputError, match="MAC"):
        parse_mac("aa:bb")
    with pytest.raises(InvalidInputError, match="installed_on"):
        parse_day("installed_on", "2026-02-30")
    with pytest.raises(InvalidInputError, match="area is longer"):
        clean_text("area", "x" * 101, 100)
    with pytest.raises(InvalidInputError, match="control"):
        clean_text("name", "a\x1b[31m", 100)
    assert clean_text("address", " Jl. Mawar 1\nRT 02 ", 100) == "Jl. Mawar 1\nRT 02"
