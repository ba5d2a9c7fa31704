"""How devices are told of the portal, octet by octet; and what must never be open to who is walled."""

import pytest

from netbilld.enforcement.nas_script.open_hosts import PAYMENT_HOSTS, is_probed
from netbilld.enforcement.nas_script.portal_options import NO_PORTAL, WRITERS, check_url, portal_option_lines, ra_option
from netbilld.model.errors import InvalidInputError

URL = "https://portal.isp.example/capport"


def test_rfc8910_2_3_vector_the_router_advertisement_option() -> None:
    option = ra_option(URL)
    assert option == bytes.fromhex("2505") + URL.encode() + bytes(4)
    assert len(option) == 40


@pytest.mark.parametrize("length", range(27, 60))
def test_rfc8910_2_3_the_option_is_whole_units_padded_with_nul(length: int) -> None:
    url = "https://portal.example/".ljust(length, "x")
    option = ra_option(url)
    assert len(option) % 8 == 0
    assert option[1] * 8 == len(option)
    assert option[2:].rstrip(b"\0").decode() == url


def test_every_server_is_told_the_same_url_by_its_number() -> None:
    """RFC 8910 §3: the same URL everywhere."""
    for server in WRITERS:
        lines = "\n".join(portal_option_lines(server, URL))
        assert URL in lines or URL.encode().hex(" ") in lines
    assert "dhcp-option=114,https://portal.isp.example/capport" in portal_option_lines("dnsmasq", URL)
    assert "option captive-portal code 114 = text;" in portal_option_lines("isc", URL)
    assert "dhcp-option=option6:103,https://portal.isp.example/capport" in portal_option_lines("dnsmasq", URL)
    assert "dhcp-option=114,urn:ietf:params:capport:unrestricted" in portal_option_lines("dnsmasq", NO_PORTAL)


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/capport",
        "https://portal.example/" + "x" * 255,
        'https://portal.example/"',
        "https://a b/",
        "",
    ],
)
def test_what_devices_would_not_take_is_not_told_to_them(url: str) -> None:
    with pytest.raises(InvalidInputError):
        check_url(url)
    with pytest.raises(InvalidInputError):
        portal_option_lines("dnsmasq", url)


@pytest.mark.parametrize(
    "host",
    [
        "connectivitycheck.gstatic.com", "*.gstatic.com", "google.com", "www.google.com", "captive.apple.com", "*.com",
        "*", "WWW.MSFTCONNECTTEST.COM", "detectportal.firefox.com", "connect.rom.miui.com", "nmcheck.gnome.org",
    ],
)  # fmt: skip
def test_what_devices_probe_is_known(host: str) -> None:
    assert is_probed(host)


@pytest.mark.parametrize(
    "host", ["bayar.example", "*.bayar.example", "notgoogle.com", "apple.com.example", "192.0.2.1"]
)
def test_other_hosts_are_open_if_wanted(host: str) -> None:
    assert not is_probed(host)


def test_no_payment_page_is_one_of_those() -> None:
    assert not [host for hosts in PAYMENT_HOSTS.values() for host in hosts if is_probed(host)]
