"""EAP's keys and answers: the vector RFC 2759 has, and the derivations of the RFCs done here a second time by hand."""

import hashlib
import hmac
from contextlib import suppress
from pathlib import Path

import pytest
from OpenSSL import SSL

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy, EapTlsTunnel
from netbilld.radius import mschap
from netbilld.radius.access import AccessView
from netbilld.radius.eap.md5 import Md5Method
from netbilld.radius.eap.mschapv2 import InnerMsChapV2
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.steps import Granted
from netbilld.radius.eap.tunnel import master_session_key
from tests.eap_certificates import make
from tests.eap_peer import client_context
from tests.radius_requests import view

# RFC 2759 §9.2
USER, PASSWORD = b"User", "clientPass"
AUTHENTICATOR_CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
AUTHENTICATOR_RESPONSE = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def user(name: bytes) -> AccessView | None:
    return view("User", PASSWORD) if name == USER else None


def test_rfc2759_9_2_inside_peap() -> None:
    inner = InnerMsChapV2(USER, AUTHENTICATOR_CHALLENGE, bytes(16))
    assert inner.start() == b"\1\1\0\x1d\x10" + AUTHENTICATOR_CHALLENGE + b"netbilld"
    value = PEER_CHALLENGE + bytes(8) + NT_RESPONSE + b"\0"
    answer = inner.answer(b"\2\1\0\x3a\x31" + value + USER, user)
    assert isinstance(answer, bytes)
    assert answer[:1] == b"\3"
    assert answer[4:].split(b" ")[0] == AUTHENTICATOR_RESPONSE
    assert isinstance(inner.answer(b"\3", user), Granted)


def test_rfc2759_9_2_one_bit_changed_is_a_failure_that_offers_no_retry() -> None:
    inner = InnerMsChapV2(USER, AUTHENTICATOR_CHALLENGE, bytes(16))
    value = PEER_CHALLENGE + bytes(8) + bytes((NT_RESPONSE[0] ^ 1,)) + NT_RESPONSE[1:] + b"\0"
    answer = inner.answer(b"\2\1\0\x3a\x31" + value + USER, user)
    assert isinstance(answer, bytes)
    assert answer[:1] == b"\4"
    assert answer[4:].startswith(b"E=691 R=0 C=" + b"0" * 32 + b" V=3")


def test_rfc1994_4_1_the_digest_is_over_identifier_secret_and_challenge() -> None:
    method = Md5Method(b"nemo", bytes(range(16)))
    method.identifier = 7
    digest = hashlib.md5(b"\x07arctangent" + bytes(range(16)), usedforsecurity=False).digest()
    assert isinstance(method.answer(b"\x10" + digest + b"nemo", lambda _: view()), Granted)
    assert not isinstance(method.answer(b"\x10" + digest[::-1], lambda _: view()), Granted)


def handshake(directory: Path, version: str) -> tuple[EapTlsTunnel, SSL.Connection, list[bytes]]:
    """Shake hands in memory; return both ends and what the client wrote to its key log."""
    authority = make("Test authority")
    authority.write(directory, "ca")
    make("radius.example.net", authority).write(directory, "server")
    files = EapTlsFiles(directory / "server.pem", directory / "server.key", directory / "ca.pem")
    tunnel = EapTls(files, EapTlsPolicy(), SystemClock().now).tunnel(client_certificate=False)
    context = client_context(directory / "ca.pem", version=version)
    logged: list[bytes] = []
    context.set_keylog_callback(lambda _, line: logged.append(line))
    peer = SSL.Connection(context, None)
    peer.set_connect_state()
    for _ in range(4):
        with suppress(SSL.WantReadError):
            peer.do_handshake()
        try:
            tunnel.receive(peer.bio_read(65536))
        except SSL.WantReadError:
            break
        if octets := tunnel.take():
            peer.bio_write(octets)
    assert tunnel.established
    assert tunnel.version == version
    return tunnel, peer, logged


def p_hash(secret: bytes, seed: bytes, octets: int, algorithm: str) -> bytes:
    """RFC 5246 §5."""
    result, chained = b"", seed
    while len(result) < octets:
        chained = hmac.digest(secret, chained, algorithm)
        result += hmac.digest(secret, chained + seed, algorithm)
    return result[:octets]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        (EapType.TLS, b"client EAP encryption"),
        (EapType.PEAP, b"client EAP encryption"),
        (EapType.TTLS, b"ttls keying material"),
    ],
)
def test_rfc5216_2_3_and_rfc5281_8_the_key_is_the_prf_of_the_master_secret(
    tmp_path: Path, kind: EapType, label: bytes
) -> None:
    tunnel, peer, _ = handshake(tmp_path, "1.2")
    master, client_random, server_random = peer.master_key(), peer.client_random(), peer.server_random()
    assert master is not None
    assert client_random is not None
    assert server_random is not None
    cipher = peer.get_cipher_name() or ""
    algorithm = "sha384" if cipher.endswith("SHA384") else "sha256"
    expected = p_hash(master, label + client_random + server_random, 64, algorithm)
    assert master_session_key(tunnel, kind) == expected


def expand_label(secret: bytes, label: bytes, context: bytes, octets: int, algorithm: str) -> bytes:
    """RFC 8446 §7.1: HKDF-Expand-Label."""
    label = b"tls13 " + label
    info = octets.to_bytes(2, "big") + bytes((len(label),)) + label + bytes((len(context),)) + context
    result, block = b"", b""
    for number in range(1, 10):
        block = hmac.digest(secret, block + info + bytes((number,)), algorithm)
        result += block
        if len(result) >= octets:
            break
    return result[:octets]


@pytest.mark.parametrize("kind", [EapType.TLS, EapType.TTLS, EapType.PEAP])
def test_rfc9190_2_3_and_rfc9427_2_1_the_key_is_exported_with_the_type(tmp_path: Path, kind: EapType) -> None:
    tunnel, peer, logged = handshake(tmp_path, "1.3")
    secrets = [bytes.fromhex(line.split()[2].decode()) for line in logged if line.startswith(b"EXPORTER_SECRET")]
    assert secrets, logged
    algorithm = "sha384" if (peer.get_cipher_name() or "").endswith("SHA384") else "sha256"
    # RFC 8446 §7.5
    empty, of_type = (hashlib.new(algorithm, octets).digest() for octets in (b"", bytes((kind,))))
    derived = expand_label(secrets[0], b"EXPORTER_EAP_TLS_Key_Material", empty, len(empty), algorithm)
    expected = expand_label(derived, b"exporter", of_type, 128, algorithm)[:64]
    assert master_session_key(tunnel, kind) == expected


def test_the_nt_hash_of_the_vector_is_the_one_that_is_kept() -> None:
    assert mschap.nt_hash(PASSWORD).hex().upper() == "44EBBA8D5312B8D611474411F56989AE"
