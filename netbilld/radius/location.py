"""Where a log-in comes from: station, VLAN and port, in whatever words the NAS has for them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from netbilld.radius.attributes import (
    ADSL_AGENT_CIRCUIT_ID,
    ADSL_AGENT_REMOTE_ID,
    CALLING_STATION_ID,
    CISCO_AVPAIR,
    NAS_PORT,
    NAS_PORT_ID,
    REDBACK_AGENT_CIRCUIT_ID,
    REDBACK_AGENT_REMOTE_ID,
)
from netbilld.radius.packet import Packet
from netbilld.radius.values import normalise_mac, text

NO_STATION: Final = "00:00:00:00:00:00"  # what some NAS report where there is none
_LOCALLY_ADMINISTERED: Final = 0x02
_VLAN_LIMIT: Final = 4095
_REMEMBERED_LINES: Final = 4096  # many log-ins come by few ports

# DHCP option 82 and the PPPoE line tags, as access concentrators report them (RFC 4679 §3.3.1-3.3.2; Redback's are
# what RouterOS sends, Cisco says the same in text).
_CISCO_CIRCUIT: Final = b"circuit-id-tag="
_CISCO_REMOTE: Final = b"remote-id-tag="

# vlan100-olt1, vlan-100, VLAN_100; vlanid=100; with vlanid2=200 (Huawei: outer and inner)
_NAMED_VLAN: Final = re.compile(r"(?<![a-z])s?vlan(?:id)?[-_=: ]?(\d{1,4})(?!\d)", re.IGNORECASE)
_SECOND_VLAN: Final = re.compile(r"vlanid2=(\d{1,4})(?!\d)", re.IGNORECASE)
# eth 1/2/3:100.200, 0/1/0/5:123, ge-1/0/0.1073741824:100-200 (TR-101 §3.9.3, RFC 4679 §3.3.1): outer, then inner
_AFTER_COLON: Final = re.compile(r"(?<!atm )\b\d+:(\d{1,4})(?:[.\-](\d{1,4}))?(?!\d)(?![.:/]\d)\s*$", re.IGNORECASE)
_ATM: Final = re.compile(r"\batm\b", re.IGNORECASE)
# ether3.100, eth0.100.200: sub-interfaces of Linux and of routers that follow it
_SUB_INTERFACE: Final = re.compile(r"[a-z]\S*?\.(\d{1,4})(?:\.(\d{1,4}))?$", re.IGNORECASE)
# 0/0/1/100: slot, adapter, port, VLAN; 0/0/1/100.200 with the inner one
_FOUR_PARTS: Final = re.compile(r"\d+/\d+/\d+/(\d{1,4})(?:\.(\d{1,4}))?$")
# slot 2, subslot 2, port 3 and VLAN 9 digits: Huawei's old form
_HUAWEI_DIGITS: Final = re.compile(r"\d{7}(\d{9})")


@dataclass(frozen=True, slots=True)
class Location:
    """Where an Access-Request comes from; None for what the NAS does not say.

    Attributes:
        mac: of the station, `AA:BB:CC:DD:EE:FF`.
        vlan: `100`, or `100.200` for outer and inner.
        nas_port: the line's circuit id, else NAS-Port-Id, else the number of a port that has a lasting one; lower case.
    """

    mac: str | None
    vlan: str | None
    nas_port: str | None


def locate(packet: Packet, vendor: str) -> Location:
    """Return where a request comes from, as far as the words of this vendor's NAS tell."""
    attributes = packet.attributes
    station = attributes.get(CALLING_STATION_ID)
    mac = normalise_mac(text(station)) if station else None
    circuit, _ = line_ids(packet)
    port_id = attributes.get(NAS_PORT_ID)
    lines = [_line(value) for value in (circuit, port_id) if value]
    vlan = next((found for line in lines if (found := vlan_of(line)) is not None), None)
    number = attributes.get(NAS_PORT)
    port = lines[0] if lines else None
    if number is not None and len(number) == 4 and vendor == "huawei":
        # slot, subslot, port and VLAN: elsewhere NAS-Port counts log-ins or interfaces and says nothing that lasts
        port = port or f"port {int.from_bytes(number, 'big')}"
        vlan = vlan or _valid(int.from_bytes(number, "big") & 0xFFF)
    return Location(None if mac == NO_STATION else mac, vlan, port)


def line_ids(packet: Packet) -> tuple[bytes | None, bytes | None]:
    """Return the circuit and the remote id of the line a request came by; None, or no octets, for what is not said."""
    attributes = packet.attributes
    circuit = attributes.get(ADSL_AGENT_CIRCUIT_ID) or attributes.get(REDBACK_AGENT_CIRCUIT_ID)
    remote = attributes.get(ADSL_AGENT_REMOTE_ID) or attributes.get(REDBACK_AGENT_REMOTE_ID)
    if CISCO_AVPAIR in attributes and not (circuit and remote):
        for pair in packet.all(CISCO_AVPAIR):
            if not circuit and pair.startswith(_CISCO_CIRCUIT):
                circuit = pair.removeprefix(_CISCO_CIRCUIT)
            elif not remote and pair.startswith(_CISCO_REMOTE):
                remote = pair.removeprefix(_CISCO_REMOTE)
    return circuit, remote


@lru_cache(_REMEMBERED_LINES)
def vlan_of(line: str) -> str | None:
    """Return the VLAN that NAS-Port-Id or a circuit id names, `outer.inner` for two; None where it names none."""
    if named := _NAMED_VLAN.search(line):
        second = _SECOND_VLAN.search(line)
        return _pair(named[1], second[1] if second else None)
    if (digits := _HUAWEI_DIGITS.fullmatch(line)) is not None:
        return _valid(int(digits[1]))
    if _ATM.search(line):  # a circuit's VPI and VCI are no VLAN
        return None
    for form in (_AFTER_COLON, _FOUR_PARTS, _SUB_INTERFACE):
        if found := form.search(line):
            return _pair(found[1], found[2])
    return None


def is_randomised(mac: str) -> bool:
    """Tell whether a device made its address up (IEEE 802 locally administered): another day it has another one."""
    return bool(int(mac[:2], 16) & _LOCALLY_ADMINISTERED)


def normalise_vlan(value: str) -> str | None:
    """Return `100` or `100.200` for a VLAN as a person writes it; None if it is none."""
    outer, _, inner = value.strip().partition(".")
    parts = [outer, inner] if inner else [outer]
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts) or value.strip().endswith("."):
        return None
    return _pair(outer, inner or None)


def normalise_port(value: str) -> str:
    """Return the name of a port as it is compared: without spaces around, in lower case."""
    return value.strip().casefold()[:253]


def _line(value: bytes) -> str:
    if all(0x20 <= octet < 0x7F for octet in value.rstrip(b"\0")):
        return normalise_port(text(value))
    return f"0x{value.hex()}"[:253]


def _pair(outer: str, inner: str | None) -> str | None:
    first = _valid(int(outer))
    if first is None or inner is None:
        return first
    second = _valid(int(inner))
    return f"{first}.{second}" if second is not None else first


def _valid(number: int) -> str | None:
    return str(number) if 0 < number < _VLAN_LIMIT else None
