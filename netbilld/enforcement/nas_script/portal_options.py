"""How other DHCP servers and routers tell devices of the captive portal (RFC 8910): lines for each, and the option.

The same URL everywhere: which of several carriers a device believes is left to it (RFC 8910 §3).
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from netbilld.model.errors import InvalidInputError

DHCPV4_OPTION: Final = 114  # RFC 8910 §2.1
DHCPV6_OPTION: Final = 103  # RFC 8910 §2.2
RA_OPTION: Final = 37  # RFC 8910 §2.3
LONGEST_URL: Final = 255  # RFC 8910 §2.1: what one DHCPv4 option holds
NO_PORTAL: Final = "urn:ietf:params:capport:unrestricted"  # RFC 8910 §2
_UNIT: Final = 8  # RFC 4861 §4.6: the length of an option is told in units of 8 octets


def check_url(url: str) -> str:
    """Return a URL that these options may carry.

    Raises:
        InvalidInputError: it is not https (RFC 8908 §4), is too long, or no plain URL.
    """
    if url != NO_PORTAL and not url.startswith("https://"):
        raise InvalidInputError("devices ask a portal over https alone (RFC 8908 §4)", hint="set portal.public_url")
    if not url.isascii() or not url.isprintable() or " " in url or '"' in url or len(url) > LONGEST_URL:
        raise InvalidInputError(f"a URL of at most {LONGEST_URL} plain characters is needed")
    return url


def ra_option(url: str) -> bytes:
    """Return the option of a Router Advertisement: type, length in units of 8 octets, the URL, padded with NUL."""
    text = check_url(url).encode()
    units = -(-(2 + len(text)) // _UNIT)
    return bytes((RA_OPTION, units)) + text.ljust(units * _UNIT - 2, b"\0")


def _isc(url: str) -> Iterator[str]:
    yield "# dhcpd.conf (ISC DHCP)"
    yield f"option captive-portal code {DHCPV4_OPTION} = text;"
    yield f'option captive-portal "{url}";'
    yield "# dhcpd6.conf"
    yield f"option dhcp6.captive-portal code {DHCPV6_OPTION} = text;"
    yield f'option dhcp6.captive-portal "{url}";'


def _kea(url: str) -> Iterator[str]:
    yield "// kea-dhcp4.conf, in Dhcp4.option-data; kea-dhcp6.conf likewise in Dhcp6.option-data"
    yield f'{{ "name": "v4-captive-portal", "data": "{url}" }}'
    yield f'{{ "name": "v6-captive-portal", "data": "{url}" }}'


def _dnsmasq(url: str) -> Iterator[str]:
    yield "# dnsmasq.conf"
    yield f"dhcp-option={DHCPV4_OPTION},{url}"
    yield f"dhcp-option=option6:{DHCPV6_OPTION},{url}"


def _radvd(url: str) -> Iterator[str]:
    yield "# radvd.conf, in the interface's block (radvd 2.20 and later)"
    yield f'AdvCaptivePortalAPI "{url}";'
    yield f"# the option itself: {ra_option(url).hex(' ')}"


def _routeros(url: str) -> Iterator[str]:
    yield "# RouterOS; `netbilld nas script NAME` prints these among the rest, and sets them on its networks"
    yield f"/ip dhcp-server option add name=netbilld-portal code={DHCPV4_OPTION} value=\"'{url}'\""
    yield f"/ipv6 dhcp-server option add name=netbilld-portal code={DHCPV6_OPTION} value=\"'{url}'\""
    yield "# RouterOS sends no captive-portal option in its Router Advertisements."


WRITERS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = MappingProxyType(
    {"routeros": _routeros, "isc": _isc, "kea": _kea, "dnsmasq": _dnsmasq, "radvd": _radvd}
)


def portal_option_lines(server: str, url: str) -> list[str]:
    """Return the lines for one kind of server.

    Raises:
        InvalidInputError: the kind is not known, or the URL can't be told.
    """
    write = WRITERS.get(server)
    if write is None:
        raise InvalidInputError(f"{server!r} is not known", hint=f"allowed: {', '.join(WRITERS)}")
    return list(write(check_url(url)))
