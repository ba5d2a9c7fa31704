"""Where a log-in comes from, in the words of many NAS."""

import pytest

from netbilld.radius.attributes import (
    ADSL_AGENT_CIRCUIT_ID,
    CALLING_STATION_ID,
    CISCO_AVPAIR,
    NAS_PORT,
    NAS_PORT_ID,
    REDBACK_AGENT_CIRCUIT_ID,
    USER_NAME,
)
from netbilld.radius.location import Location, is_randomised, line_ids, locate, normalise_vlan, vlan_of
from netbilld.radius.packet import Packet
from tests.radius_requests import accepted, access_request


def packet(*pairs: tuple[int, bytes]) -> Packet:
    return accepted(access_request([(USER_NAME, b"budi"), *pairs])).packet


@pytest.mark.parametrize(
    ("line", "vlan"),
    [
        ("vlan100", "100"),
        ("vlan-888-hotspot", "888"),
        ("VLAN_7", "7"),
        ("slot=1;subslot=0;port=2;vlanid=100;", "100"),
        ("slot=1;subslot=0;port=2;vlanid=100;vlanid2=200;", "100.200"),
        ("1234567000000100", "100"),
        ("eth 1/2/3:100.200", "100.200"),
        ("olt1 xpon 0/1/0/5:123", "123"),
        ("ge-1/0/0.1073741824:100-200", "100.200"),
        ("0/0/1/100", "100"),
        ("0/0/1/100.200", "100.200"),
        ("gigabitethernet0/1.100", "100"),
        ("eth0.100.200", "100.200"),
        ("atm 1/2/3:8.35", None),
        ("ether5-olt", None),
        ("ge-1/0/0", None),
        ("wlan1|cap1", None),
        ("vlan0", None),
        ("vlan4095", None),
        ("192.168.1.20:eth0", None),
        ("", None),
    ],
)
def test_a_vlan_is_read_from_the_names_that_nas_give_to_ports(line: str, vlan: str | None) -> None:
    assert vlan_of(line) == vlan


def test_a_mac_is_read_in_any_form_and_all_zeros_are_none() -> None:
    assert locate(packet((CALLING_STATION_ID, b"0011.2233.44ff")), "mikrotik").mac == "00:11:22:33:44:FF"
    assert locate(packet((CALLING_STATION_ID, b"203.0.113.9")), "mikrotik").mac is None
    assert locate(packet((CALLING_STATION_ID, b"00:00:00:00:00:00")), "mikrotik").mac is None
    assert locate(packet(), "mikrotik") == Location(None, None, None)


def test_the_line_comes_before_the_interface_and_letter_case_does_not_count() -> None:
    both = packet((NAS_PORT_ID, b"ether5"), (ADSL_AGENT_CIRCUIT_ID, b"OLT1 eth 0/1:55"))
    assert locate(both, "mikrotik") == Location(None, "55", "olt1 eth 0/1:55")
    assert locate(packet((NAS_PORT_ID, b"Ether5 ")), "mikrotik").nas_port == "ether5"
    assert locate(packet((REDBACK_AGENT_CIRCUIT_ID, b"\0\4\0\1\2\3")), "mikrotik").nas_port == "0x000400010203"


def test_cisco_names_the_line_in_a_pair_of_its_own() -> None:
    said = (CISCO_AVPAIR, b"ip:something=else"), (CISCO_AVPAIR, b"circuit-id-tag=OLT1 eth 0/1/3:100")
    at_cisco = packet(*said, (NAS_PORT_ID, b"0/0/1/0"))
    assert locate(at_cisco, "cisco") == Location(None, "100", "olt1 eth 0/1/3:100")
    assert line_ids(at_cisco) == (b"OLT1 eth 0/1/3:100", None)
    both = packet((REDBACK_AGENT_CIRCUIT_ID, b"ge 1"), (CISCO_AVPAIR, b"remote-id-tag=sw7"), *said)
    assert line_ids(both) == (b"ge 1", b"sw7")


def test_nas_port_only_counts_where_it_lasts() -> None:
    number = (NAS_PORT, (0x10_2A_0064).to_bytes(4, "big"))
    assert locate(packet(number), "mikrotik") == Location(None, None, None)
    assert locate(packet(number), "huawei") == Location(None, "100", f"port {0x10_2A_0064}")


def test_an_address_that_a_device_made_up_is_told() -> None:
    assert is_randomised("DA:A1:19:00:00:01")
    assert not is_randomised("BC:24:11:EB:56:4D")


@pytest.mark.parametrize(
    ("written", "vlan"), [("100", "100"), (" 0100.20", "100.20"), ("0", None), ("4095", None), ("a", None), ("1.", None), ("1.2.3", None), ("", None)]
)  # fmt: skip
def test_a_vlan_written_by_a_person_is_checked(written: str, vlan: str | None) -> None:
    assert normalise_vlan(written) == vlan
