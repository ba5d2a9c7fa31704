"""Packets out of a stream, and which NAS a certificate speaks for."""

from dataclasses import replace
from ipaddress import ip_network
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.model.errors import InvalidInputError
from netbilld.radius.authenticator import Secret
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.radsec import (
    FrameReader,
    PeerCertificate,
    PeerRefusal,
    has_name,
    identify,
    names_known,
    parse_binding,
)

FINGERPRINT = "ab" * 32


def nas(name: str, address: str, radsec_name: str | None = None) -> Client:
    return Client(uuid4(), name, ip_network(address), Secret(b"its own"), "mikrotik", "true", radsec_name=radsec_name)


def shown(*names: str, fingerprint: str = "00" * 32, use: CertificateUse = CertificateUse.RADSEC) -> PeerCertificate:
    return PeerCertificate(frozenset(names), fingerprint, use)


def known_as(clients: list[Client], certificate: PeerCertificate, address: str, *subscribers: str) -> str:
    found = identify(ClientTable(clients), certificate, address, subscribers.__contains__)
    return found.name if isinstance(found, Client) else found.value


def frame(length: int, code: int = 1) -> bytes:
    return bytes((code, 7, length >> 8, length & 0xFF)) + bytes(max(0, length - 4))


# -- who it is ---------------------------------------------------------------------------------------------------------


def test_a_nas_bound_to_a_name_is_known_from_anywhere_and_by_nothing_else() -> None:
    clients = [nas("pop1", "192.0.2.1", "pop1.example.net"), nas("pop2", "198.51.100.0/24")]
    assert known_as(clients, shown("pop1.example.net", "pop1"), "203.0.113.9") == "pop1"
    assert known_as(clients, shown("pop1.example.net"), "198.51.100.7") == "pop1"
    assert known_as(clients, shown("pop1", "192.0.2.1"), "192.0.2.1") == PeerRefusal.OTHER_CERTIFICATE


def test_a_nas_bound_to_a_fingerprint_is_known_by_it() -> None:
    clients = [nas("pop1", "192.0.2.1", FINGERPRINT)]
    assert known_as(clients, shown("x", fingerprint=FINGERPRINT), "203.0.113.9") == "pop1"
    assert known_as(clients, shown("pop1"), "192.0.2.1") == PeerRefusal.OTHER_CERTIFICATE


def test_a_name_that_looks_like_a_fingerprint_is_no_fingerprint() -> None:
    clients = [nas("pop1", "192.0.2.1", FINGERPRINT)]
    assert known_as(clients, shown(FINGERPRINT), "192.0.2.1") == PeerRefusal.OTHER_CERTIFICATE


def test_of_several_nas_at_one_address_the_certificate_says_which_it_is() -> None:
    there = [nas("hill", "192.0.2.1"), nas("port", "192.0.2.1"), nas("quay", "192.0.2.1", "quay.example.net")]
    clients = [replace(one, told_by=one.name.encode()) for one in there]
    assert known_as(clients, shown("port"), "192.0.2.1") == "port"
    assert known_as(clients, shown("quay.example.net"), "192.0.2.1") == "quay"
    for names in (("192.0.2.1",), ("quay",), ("hill", "port")):
        assert known_as(clients, shown(*names), "192.0.2.1") == PeerRefusal.SHARED_ADDRESS
    found = identify(ClientTable(clients), shown("port"), "192.0.2.1", lambda _: False)
    assert isinstance(found, Client)
    assert found.neighbours is None


@pytest.mark.parametrize("name", ["pop1", "192.0.2.1"])
def test_an_unbound_nas_is_known_by_its_address_and_a_certificate_for_it(name: str) -> None:
    assert known_as([nas("POP1", "192.0.2.0/24")], shown(name), "192.0.2.1") == "POP1"
    assert known_as([nas("POP1", "192.0.2.0/24")], shown(name), "::ffff:192.0.2.1") == "POP1"


def test_a_subscribers_certificate_of_the_same_authority_is_not_the_nas_whose_address_it_shares() -> None:
    clients = [nas("pop1", "192.0.2.1")]
    assert known_as(clients, shown("budi"), "192.0.2.1") == PeerRefusal.OTHER_CERTIFICATE
    clients = [nas("pop1", "192.0.2.1", "*")]
    assert known_as(clients, shown("budi"), "192.0.2.1") == "pop1"


@pytest.mark.parametrize("binding", [None, "pop1", "*"])
def test_a_certificate_for_eap_is_no_nas_s_whatever_its_name(binding: str | None) -> None:
    clients = [nas("pop1", "192.0.2.1", binding)]
    assert known_as(clients, shown("pop1", use=CertificateUse.EAP), "192.0.2.1") == PeerRefusal.SUBSCRIBERS
    assert known_as(clients, shown("pop1", use=CertificateUse.RADSEC), "192.0.2.1", "pop1") == "pop1"


@pytest.mark.parametrize("binding", [None, "pop1"])
def test_a_certificate_that_says_nothing_is_a_nas_s_unless_a_subscriber_has_its_name(binding: str | None) -> None:
    clients = [nas("pop1", "192.0.2.1", binding)]
    certificate = shown("pop1", "pop1.example.net", use=CertificateUse.ANY)
    assert known_as(clients, certificate, "192.0.2.1", "budi") == "pop1"
    assert known_as(clients, certificate, "192.0.2.1", "pop1") == PeerRefusal.AMBIGUOUS
    assert known_as(clients, certificate, "192.0.2.1", "pop1.example.net") == PeerRefusal.AMBIGUOUS


def test_the_certificate_that_a_fingerprint_names_is_the_nas_s_whatever_it_says() -> None:
    clients = [nas("pop1", "192.0.2.1", FINGERPRINT)]
    for use in CertificateUse:
        assert known_as(clients, shown("budi", fingerprint=FINGERPRINT, use=use), "203.0.113.9", "budi") == "pop1"


def test_a_name_is_a_nas_s_if_it_is_called_or_bound_so() -> None:
    clients = [nas("POP1", "192.0.2.1"), nas("pop2", "192.0.2.2", "pop2.example.net"), nas("pop3", "192.0.2.3", "*")]
    assert [has_name(clients, name) for name in ("pop1", "pop2", "POP2.example.net.", "budi", "*")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_strangers_address_is_unknown_whatever_its_certificate() -> None:
    assert known_as([nas("pop1", "192.0.2.1")], shown("pop1"), "203.0.113.9") == PeerRefusal.UNKNOWN_CLIENT
    assert known_as([nas("pop1", "192.0.2.1", "*")], shown("*"), "203.0.113.9") == PeerRefusal.UNKNOWN_CLIENT


def test_over_tls_a_nas_has_the_fixed_secret_and_its_own_host_address() -> None:
    clients = ClientTable([nas("pop1", "2001:db8::/64")])
    found = identify(clients, shown("pop1"), "2001:db8::9%eth0", lambda _name: False)
    assert isinstance(found, Client)
    assert found.secret.md5_after(b"x") == Secret(b"radsec").md5_after(b"x")
    assert str(found.address) == "2001:db8::9/128"
    assert found.over_tls
    assert found.require_message_authenticator == "false"


def test_strangers_are_expected_only_where_a_nas_is_bound_to_a_name() -> None:
    assert not names_known([nas("a", "192.0.2.1"), nas("b", "192.0.2.2", "*")])
    assert names_known([nas("a", "192.0.2.1"), nas("b", "192.0.2.2", "b.example.net")])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" POP1.Example.net. ", "pop1.example.net"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("*", "*"),
        (FINGERPRINT.upper(), FINGERPRINT),
        (":".join(["AB"] * 32), FINGERPRINT),
        (f"sha256:{FINGERPRINT}", FINGERPRINT),
    ],
)
def test_a_binding_is_kept_in_one_form(text: str, kept: str) -> None:
    assert parse_binding(text) == kept


@pytest.mark.parametrize("text", ["", "two words", "x" * 254, "a\nb"])
def test_a_binding_that_no_certificate_can_show_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="the certificate name"):
        parse_binding(text)


@pytest.mark.parametrize("text", ["5d:fc:76:…", "5d:fc:76", FINGERPRINT[:16], FINGERPRINT[:-1], FINGERPRINT + "0"])
def test_a_part_of_a_fingerprint_is_refused_instead_of_taken_for_a_name(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not whole"):
        parse_binding(text)


@pytest.mark.parametrize("text", ["cafe", "2001:db8:aa:bb:cc:dd:ee:ff", "fe80::1", "aa:bb", "00:11:22:33:44:55:66:77"])
def test_names_and_addresses_of_hexadecimal_digits_are_no_parts_of_a_fingerprint(text: str) -> None:
    assert parse_binding(text)


# -- packets out of a stream -------------------------------------------------------------------------------------------


@given(st.lists(st.integers(20, 4096), max_size=8), st.lists(st.integers(1, 5000), max_size=30))
def test_packets_are_the_same_however_the_stream_is_cut(lengths: list[int], cuts: list[int]) -> None:
    packets = [frame(length, index % 250) for index, length in enumerate(lengths)]
    stream = b"".join(packets)
    reader, seen, at = FrameReader(), [], 0
    for cut in [*cuts, len(stream)]:
        reader.feed(stream[at : at + cut])
        at += cut
        while (packet := reader.take()) is not None:
            seen.append(packet)
    assert seen == packets
    assert reader.waiting_octets == 0
    assert not reader.is_bad


@pytest.mark.parametrize("length", [0, 4, 19, 4097, 65535])
def test_rfc6613_2_6_4_an_impossible_length_ends_the_stream(length: int) -> None:
    reader = FrameReader()
    reader.feed(frame(20) + bytes((1, 1)) + length.to_bytes(2, "big") + bytes(100))
    assert reader.take() == frame(20)
    assert reader.take() is None
    assert reader.is_bad
    reader.feed(frame(20))
    assert reader.take() is None


def test_half_a_packet_is_waited_for() -> None:
    reader = FrameReader()
    reader.feed(frame(4096)[:4095])
    assert reader.take() is None
    assert reader.waiting_octets == 4095
    reader.feed(b"\0")
    assert reader.take() == frame(4096)
