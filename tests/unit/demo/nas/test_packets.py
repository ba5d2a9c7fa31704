"""The requests hold what traces of real routers hold, in their order; read by number, not through the dictionary."""

import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from netbilld.demo.nas.packets import AccountingRecord, Call, access_request, accounting_request
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from netbilld.demo.nas.wire import AcctStatus, TerminateCause, well_formed

SPEC = NasSpec(bind_address=IPv4Address("127.0.0.9"), secret="sixteen-octets-!")
HOME = SubscriberSpec(username="u1001@isp", password="rahasia", mac="AA:BB:CC:DD:EE:FF")
CALL = Call(HOME, "81100007", 15_728_641)
HOTSPOT = Call(
    SubscriberSpec(username="thepumper", password="lkfgxifde", method="chap", service="hotspot"),
    "80100014",
    1,
    IPv4Address("127.64.0.2"),
)
ACCESS_ORDER_PPP = [6, 7, 5, 61, 1, 31, 30, 87, 44, 2, 32, 4, 80]
ACCESS_ORDER_HOTSPOT = [61, 31, 30, 87, 1, 5, 44, 8, 26, 60, 3, 6, 32, 4, 80]


def numbers(datagram: bytes) -> list[int]:
    found, at = [], 20
    while at < len(datagram):
        found.append(datagram[at])
        at += datagram[at + 1]
    return found


def test_an_access_request_has_mikrotiks_order_with_message_authenticator_last() -> None:
    datagram = access_request(SPEC, CALL, 44).RequestPacket()
    assert numbers(datagram) == ACCESS_ORDER_PPP
    assert numbers(access_request(SPEC, HOTSPOT, 44).RequestPacket()) == ACCESS_ORDER_HOTSPOT
    received = AuthPacket(packet=datagram, secret=b"sixteen-octets-!")
    assert received.verify_message_authenticator()
    assert received.PwDecrypt(received[2][0]) == "rahasia"
    assert received[1] == [b"u1001@isp"]
    assert received[5] == [struct.pack("!I", 15_728_641)]


def test_an_older_router_sends_no_message_authenticator() -> None:
    datagram = access_request(replace(SPEC, send_message_authenticator=False), CALL, 44).RequestPacket()
    assert numbers(datagram) == ACCESS_ORDER_PPP[:-1]


def test_a_mac_log_in_has_an_empty_password() -> None:
    device = SubscriberSpec(username="02:00:00:00:00:02", method="mac", service="hotspot")
    received = AuthPacket(
        packet=access_request(SPEC, replace(HOTSPOT, subscriber=device), 1).RequestPacket(),
        secret=b"sixteen-octets-!",
    )
    assert received.PwDecrypt(received[2][0]) == ""
    assert len(received[2][0]) == 16


def test_a_hotspots_nas_port_is_its_session_id() -> None:
    received = AuthPacket(packet=access_request(SPEC, HOTSPOT, 1).RequestPacket(), secret=b"sixteen-octets-!")
    assert received[5] == [struct.pack("!I", 0x80100014)]


def test_a_stop_carries_gigawords_cause_and_class() -> None:
    record = AccountingRecord(
        status=AcctStatus.STOP,
        call=replace(CALL, address=IPv4Address("127.64.0.5")),
        event_at_unix=1_767_225_600,
        class_values=(b"one", b"two"),
        session_seconds=77,
        upload_octets=(3 << 32) + 5,
        download_octets=(1 << 32) - 1,
        upload_packets=9,
        download_packets=(1 << 32) + 4,
        cause=TerminateCause.LOST_CARRIER,
    )
    datagram = accounting_request(SPEC, record, 6, 45).RequestPacket()
    assert well_formed(datagram)
    received = AcctPacket(packet=datagram, secret=b"sixteen-octets-!")
    assert received.VerifyAcctRequest()
    assert received.id == 45
    expected = {
        40: 2,
        41: 6,
        42: 5,
        52: 3,
        43: 0xFFFFFFFF,
        53: 0,
        47: 9,
        48: 4,
        46: 77,
        49: 2,
        55: 1_767_225_600,
        45: 1,
    }
    assert {number: struct.unpack("!I", received[number][0])[0] for number in expected} == expected
    assert received[25] == [b"one", b"two"]
    assert received[8] == [IPv4Address("127.64.0.5").packed]
    assert 80 not in numbers(datagram)


def test_a_start_has_no_counters() -> None:
    record = AccountingRecord(status=AcctStatus.START, call=HOTSPOT, event_at_unix=1)
    assert not {42, 43, 46, 52, 53} & set(numbers(accounting_request(SPEC, record, 0, 1).RequestPacket()))


@pytest.mark.parametrize(
    "tail",
    [b"\x01", b"\x01\x00", b"\x01\x01", b"\x01\x09ab", b"\x19\x03a\x19"],
    ids=["half", "0", "1", "over", "stray"],
)
def test_lengths_that_do_not_add_up_are_seen(tail: bytes) -> None:
    assert not well_formed(struct.pack("!BBH", 2, 1, 20 + len(tail)) + bytes(16) + tail)
    assert well_formed(struct.pack("!BBH", 2, 1, 20) + bytes(16) + tail)  # padding, RFC 2865 section 3
    assert not well_formed(bytes(19))
