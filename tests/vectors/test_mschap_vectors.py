"""RFC 2759 §9.2, RFC 3079 §3.5.3, RFC 2433 appendix B, RFC 1320 appendix A.5, and MPPE hiding of our own reckoning."""

import pytest

from netbilld.radius import mschap
from netbilld.radius.attributes import MS_CHAP2_SUCCESS, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY
from netbilld.radius.authenticator import Secret
from netbilld.radius.md4 import md4, md4_in_python
from netbilld.radius.packet import decode, encode
from netbilld.radius.passwords import hide_salted, reveal_salted

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
CHALLENGE = bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255e262a28295f2b3a337c7e")
NT_HASH = bytes.fromhex("44ebba8d5312b8d611474411f56989ae")
NT_RESPONSE = bytes.fromhex("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df")
RESPONSE = b"\x2a\x00" + PEER_CHALLENGE + bytes(8) + NT_RESPONSE


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "043f8582f241db351ce627e153e7f0e4",
        ),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_rfc1320_a_5_md4(message: bytes, digest: str) -> None:
    assert md4(message).hex() == digest
    assert md4_in_python(message).hex() == digest


def test_rfc2759_9_2_hashes() -> None:
    assert mschap.nt_hash("clientPass") == mschap.nt_hash(b"clientPass") == NT_HASH
    assert md4(NT_HASH).hex() == "41c00c584bd2d91c4017a2a12fa59f3f"
    assert mschap.challenge_hash(PEER_CHALLENGE, CHALLENGE, b"User").hex() == "d02e4386bce91226"


def test_rfc2759_9_2_nt_response_is_made_and_verified() -> None:
    assert mschap.challenge_response(bytes.fromhex("d02e4386bce91226"), NT_HASH) == NT_RESPONSE
    assert mschap.verify_v2(CHALLENGE, RESPONSE, b"User", NT_HASH)
    assert mschap.verify_v2(CHALLENGE, RESPONSE, b"BIGCORP\\User", NT_HASH)
    assert not mschap.verify_v2(CHALLENGE, RESPONSE, b"user", NT_HASH)
    assert not mschap.verify_v2(CHALLENGE, RESPONSE, b"User", mschap.nt_hash("clientpass"))


def test_rfc2759_9_2_authenticator_response() -> None:
    assert mschap.success_v2(CHALLENGE, RESPONSE, b"User", NT_HASH) == (
        b"\x2aS=407A5589115FD0D6209F510FE9C04566932CDA56"
    )


def test_rfc2759_9_3_des_keys_get_odd_parity() -> None:
    assert mschap.nt_hash("MyPw").hex() == "fc156af7edcd6c0edde3337d427f4eac"
    keys = mschap.des_keys(bytes.fromhex("fc156af7edcd6c0edde3337d427f4eac0000000000"))
    assert keys[:16].hex() == "fd0b5b5e7f6e34d90e6e796737ea08fe"


def test_rfc2433_b_ms_chap_v1_response_is_made_and_verified() -> None:
    challenge = bytes.fromhex("102db5df085d3041")
    answer = bytes.fromhex("4e9d3c8f9cfd385d5bf4d3246791956ca4c351ab409a3d61")
    nt_hash = mschap.nt_hash("MyPw")
    assert mschap.challenge_response(challenge, nt_hash) == answer
    assert mschap.verify_v1(challenge, b"\x01\x01" + bytes(24) + answer, nt_hash)
    assert not mschap.verify_v1(challenge, b"\x01\x01" + answer + bytes(24), nt_hash)


def test_rfc3079_3_5_3_master_and_start_keys() -> None:
    assert mschap.master_key(md4(NT_HASH), NT_RESPONSE).hex() == "fdece3717a8c838cb388e527ae3cdd31"
    send, receive = mschap.server_keys(md4(NT_HASH), NT_RESPONSE)
    assert send.hex() == "8b7cdc149b993a1ba118cb153f56dccb"
    assert receive.hex() == "d5f0e9521e3ea9589645e86051c82226"


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (
            bytes.fromhex("8b7cdc149b993a1ba118cb153f56dccb"),
            "8001d7c4aaa4718a06cddca737c2f3bcd1ffef26b141dc036e4cdb731d79248c658e",
        ),
        (
            bytes.fromhex("d5f0e9521e3ea9589645e86051c82226"),
            "80028118c1340bddec5f79718a8085b7273966e0d8bf4cd44176fa9f6eabd96e2af8",
        ),
        (b"arctangent", "8001cd2ea41b1170f190a2685b09e6838723"),  # Tunnel-Password, RFC 2868 §3.5
    ],
)
def test_rfc2548_2_4_2_salted_values_are_hidden_and_revealed(value: bytes, hidden: str) -> None:
    octets = bytes.fromhex(hidden)
    assert hide_salted(value, octets[:2], SECRET, AUTHENTICATOR) == octets
    assert reveal_salted(octets, SECRET, AUTHENTICATOR) == value


def test_rfc2548_2_3_3_and_2_4_an_acceptance_carries_the_proof_and_both_keys_hidden() -> None:
    attributes = mschap.acceptance_v2(
        mschap.challenge_hash(RESPONSE[2:18], CHALLENGE, b"User"),
        RESPONSE,
        mschap.prepare(NT_HASH),
        SECRET,
        AUTHENTICATOR,
        b"\x01\x02",
    )
    found = decode(encode(2, 1, AUTHENTICATOR, attributes)).attributes
    assert found[MS_CHAP2_SUCCESS] == mschap.success_v2(CHALLENGE, RESPONSE, b"User", NT_HASH)
    hidden = found[MS_MPPE_SEND_KEY], found[MS_MPPE_RECV_KEY]
    assert tuple(reveal_salted(key, SECRET, AUTHENTICATOR) for key in hidden) == mschap.server_keys(
        md4(NT_HASH), NT_RESPONSE
    )
    assert hidden[0][:2] != hidden[1][:2]
    assert hidden[0][0] & hidden[1][0] & 0x80
