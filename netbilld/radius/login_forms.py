"""How a subscriber without a password is told from others, and a subscriber from somebody at the router's prompt."""

from typing import Final

from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    EAP_MESSAGE,
    FRAMED_IP_ADDRESS,
    FRAMED_PROTOCOL,
    MIKROTIK_HOST_IP,
    NAS_PORT_TYPE,
    SERVICE_TYPE,
    USER_NAME,
    WISPR_LOCATION_ID,
    WISPR_LOCATION_NAME,
    WISPR_LOGOFF_URL,
)
from netbilld.radius.codes import NasPortType, ServiceType
from netbilld.radius.location import NO_STATION, line_ids
from netbilld.radius.packet import Packet
from netbilld.radius.values import is_client_identifier, normalise_mac, text

CIRCUIT_PREFIX: Final = "circuit:"  # what a credential's name begins with that stands for a line, not for a person

_ROUTER_LOGIN_TYPES: Final = frozenset(
    kind.to_bytes(4, "big")
    for kind in (ServiceType.LOGIN_USER, ServiceType.ADMINISTRATIVE_USER, ServiceType.NAS_PROMPT_USER)
)
_LOGIN_USER: Final = ServiceType.LOGIN_USER.to_bytes(4, "big")
_WIRELESS: Final = NasPortType.WIRELESS_802_11.to_bytes(4, "big")
_ETHERNET: Final = NasPortType.ETHERNET.to_bytes(4, "big")
# What only a NAS that serves a subscriber reports.
_SUBSCRIBER_MARKS: Final = frozenset(
    (
        FRAMED_PROTOCOL,
        FRAMED_IP_ADDRESS,
        MIKROTIK_HOST_IP,
        WISPR_LOCATION_ID,
        WISPR_LOCATION_NAME,
        WISPR_LOGOFF_URL,
        EAP_MESSAGE,
    )
)


def is_router_login(packet: Packet) -> bool:
    """Tell whether somebody wants to administer the router, not to use the network.

    RouterOS asks for both with Service-Type Login-User, so a subscriber is told by what only a NAS serving one reports
    (PPP, hotspot, WISPr, EAP, the subscriber's address, a station on a radio). A name that looks like a MAC address is
    no such mark by itself, since whoever logs in chooses it: it must be the station's own, on a port that has stations.
    """
    attributes = packet.attributes
    service_type = attributes.get(SERVICE_TYPE)
    if service_type not in _ROUTER_LOGIN_TYPES:
        return False
    if not _SUBSCRIBER_MARKS.isdisjoint(attributes):
        return False
    station = normalise_mac(text(attributes.get(CALLING_STATION_ID, b"")))
    if station is None or station == NO_STATION:
        return True
    port_type = attributes.get(NAS_PORT_TYPE)
    if port_type == _WIRELESS and service_type == _LOGIN_USER:  # a captive portal of access points
        return False
    named = normalise_mac(text(attributes.get(USER_NAME, b"")))
    return named != station or port_type not in {_WIRELESS, _ETHERNET}


def station_agrees(packet: Packet, mac: str) -> bool:
    """Return False where the NAS reports another station than the MAC address that is named.

    In PPP whoever dials chooses the name, so there the station must be known and the same. A DHCP client identifier is
    the client's own word, and what the server saw is the name: the two may differ.
    """
    attributes = packet.attributes
    said = text(attributes.get(CALLING_STATION_ID, b""))
    station = normalise_mac(said)
    if station is None:
        return FRAMED_PROTOCOL not in attributes
    return station == mac or is_client_identifier(said)


def circuit_name(value: bytes | str) -> str:
    """Return the name of a line's credential: its circuit or remote id as text, or in hex where it is none.

    Letter case and spaces around do not count.
    """
    octets = value.encode() if isinstance(value, str) else value
    if octets and all(0x20 <= octet < 0x7F for octet in octets):
        return CIRCUIT_PREFIX + octets.decode("ascii").strip().lower()
    return f"{CIRCUIT_PREFIX}0x{octets.hex()}"


def circuit_names(packet: Packet) -> list[str]:
    """Return the names the line of this request may have: remote and circuit id, circuit id alone, remote id alone.

    Both together are `REMOTE|CIRCUIT`: a circuit id by itself is often unique on one access node only. Nothing in PPP,
    where a line is no proof of who dials.
    """
    if FRAMED_PROTOCOL in packet.attributes:
        return []
    names = [circuit_name(value) for value in line_ids(packet) if value]
    if len(names) == 2:
        names.insert(0, f"{names[1]}|{names[0].removeprefix(CIRCUIT_PREFIX)}")
    return names
