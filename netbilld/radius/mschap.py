"""MS-CHAPv1 and v2, and the MPPE keys that follow from them (RFC 2433, RFC 2759, RFC 3079, RFC 2548).

The NT hash of a password is made when the password is stored.
"""

from hmac import compare_digest

from netbilld.radius.attributes import MS_CHAP2_SUCCESS, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY
from netbilld.radius.authenticator import Secret
from netbilld.radius.des import des
from netbilld.radius.md4 import md4
from netbilld.radius.packet import encode_attribute
from netbilld.radius.passwords import hide_key, hide_password
from netbilld.radius.sha1 import sha1

# RFC 2759 §8.7
_MAGIC_SERVER = b"Magic server to client signing constant"
_MAGIC_PAD = b"Pad to make it do more than one iteration"
# RFC 3079 §3.4
_MAGIC_MASTER = b"This is the MPPE Master Key"
_MAGIC_CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
_MAGIC_SERVER_SENDS = b"On the client side, this is the receive key; on the server side, it is the send key."
_THREE_KEYS_OCTETS = 24
_FIVE_ZEROS = bytes(5)  # an NT hash, 16 octets, makes three keys of 7
_SHS_PAD_1 = bytes(40)
_SHS_PAD_2 = b"\xf2" * 40
_SERVER_SENDS = _MAGIC_SERVER_SENDS + _SHS_PAD_2
_CLIENT_SENDS = _MAGIC_CLIENT_SENDS + _SHS_PAD_2
_SUCCESS_HEADER = encode_attribute(MS_CHAP2_SUCCESS, bytes(43))[:-43]
_SEND_KEY_HEADER = encode_attribute(MS_MPPE_SEND_KEY, bytes(34))[:-34]
_RECV_KEY_HEADER = encode_attribute(MS_MPPE_RECV_KEY, bytes(34))[:-34]

# Seven bits of key, then the bit that makes their number odd.
_ODD_PARITY = bytes(octet & 0xFE | ((octet >> 1).bit_count() + 1) % 2 for octet in range(256))
# Masks of the steps that make room after every seventh bit, for three keys side by side in 64 bits each.
_KEYS = 1 << 128 | 1 << 64 | 1
_HIGH_28, _LOW_28 = 0x00FFFFFFF0000000 * _KEYS, 0x000000000FFFFFFF * _KEYS
_HIGH_14, _LOW_14 = 0x0FFFC0000FFFC000 * _KEYS, 0x00003FFF00003FFF * _KEYS
_HIGH_7, _LOW_7 = 0x3F803F803F803F80 * _KEYS, 0x007F007F007F007F * _KEYS


def nt_hash(password: str | bytes) -> bytes:
    """Return NtPasswordHash of `password` (bytes are UTF-8): 16 octets (RFC 2759 §8.3)."""
    if isinstance(password, bytes):
        password = password.decode("utf-8", "replace")
    return md4(password.encode("utf-16-le", "surrogatepass"))


NT_HASH_OF_NOTHING = nt_hash(b"")  # of an empty password, which is none


def des_keys(raw: bytes) -> bytes:
    """Return three DES keys, 8 octets each with odd parity, from their 21 octets without (RFC 2433 §A.5)."""
    first, second, third = raw[:7], raw[7:14], raw[14:]
    bits = int.from_bytes(b"\0" + first + b"\0" + second + b"\0" + third, "big")
    bits = (bits & _HIGH_28) << 4 | bits & _LOW_28
    bits = (bits & _HIGH_14) << 2 | bits & _LOW_14
    bits = (bits & _HIGH_7) << 1 | bits & _LOW_7
    return (bits << 1).to_bytes(24, "big").translate(_ODD_PARITY)


def challenge_response(challenge: bytes, nt_hash_: bytes) -> bytes:
    """Return the 24 octets that answer an 8-octet challenge: NT-Response (RFC 2433 §A.4, RFC 2759 §8.5)."""
    return des(des_keys(nt_hash_ + _FIVE_ZEROS), challenge)


def prepare(nt_hash_: bytes) -> bytes:
    """Return what each log-in would derive from an NT hash anew: three DES keys and the hash of the hash, 40 octets."""
    return des_keys(nt_hash_ + _FIVE_ZEROS) + md4(nt_hash_)


def proves(hashed: bytes, response: bytes, prepared: bytes) -> bool:
    """Tell whether the 50 octets of MS-CHAP2-Response answer the challenge hash (RFC 2759 §8.5)."""
    return compare_digest(des(prepared[:_THREE_KEYS_OCTETS], hashed), response[26:])


def name_without_domain(user_name: bytes) -> bytes:
    r"""Return `user_name` as it enters the hash, without `DOMAIN\` (RFC 2759 §8.2)."""
    return user_name.rpartition(b"\\")[2]


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes) -> bytes:
    """Return the 8-octet challenge of MS-CHAPv2 (RFC 2759 §8.2); `user_name` is without domain."""
    return sha1(peer_challenge + authenticator_challenge + user_name)[:8]


def verify_v1(challenge: bytes, response: bytes, nt_hash_: bytes) -> bool:
    """Tell whether MS-CHAP-Response answers MS-CHAP-Challenge with its NT-Response (RFC 2433, RFC 2548 §2.1.3).

    The 50 octets are identifier, flags, LM-Response and NT-Response. The LM-Response is never looked at: what it
    proves is too weak.
    """
    if len(response) != 50 or len(challenge) != 8:
        return False
    return compare_digest(challenge_response(challenge, nt_hash_), response[26:])


def verify_v2(challenge: bytes, response: bytes, user_name: bytes, nt_hash_: bytes) -> bool:
    """Tell whether MS-CHAP2-Response answers MS-CHAP-Challenge (RFC 2759 §8.1, RFC 2548 §2.3.2).

    The 50 octets are identifier, flags, 16 of peer challenge, 8 reserved, 24 of NT-Response.
    """
    if len(response) != 50 or len(challenge) != 16:
        return False
    hashed = challenge_hash(response[2:18], challenge, name_without_domain(user_name))
    return compare_digest(challenge_response(hashed, nt_hash_), response[26:])


def success_v2(challenge: bytes, response: bytes, user_name: bytes, nt_hash_: bytes) -> bytes:
    """Return MS-CHAP2-Success: identifier, `S=` and 40 hex digits (RFC 2548 §2.3.3, RFC 2759 §8.7)."""
    hashed = challenge_hash(response[2:18], challenge, name_without_domain(user_name))
    return _success(md4(nt_hash_), hashed, response)


def _success(hash_of_hash: bytes, hashed: bytes, response: bytes) -> bytes:
    digest = sha1(hash_of_hash + response[26:] + _MAGIC_SERVER)
    return response[:1] + b"S=" + sha1(digest + hashed + _MAGIC_PAD).hex().upper().encode("ascii")


def acceptance_v2(
    hashed: bytes, response: bytes, prepared: bytes, secret: Secret, request_authenticator: bytes, entropy: bytes
) -> bytes:
    """Return the attributes of an Access-Accept that the peer and its NAS wait for: proof and both MPPE keys.

    That is `success_v2` and both `server_keys`, hidden (RFC 2548 §2.4.2-2.4.3), in one go from what
    is known already: `hashed`, the `challenge_hash` that the response was found right for, and what `prepare` gave. Two
    octets of `entropy` make the salts; they differ from each other in any case.
    """
    hash_of_hash = prepared[_THREE_KEYS_OCTETS:]
    send, receive = server_keys(hash_of_hash, response[26:])
    salt = entropy[0] | 0x80
    return (
        _SUCCESS_HEADER
        + _success(hash_of_hash, hashed, response)
        + _SEND_KEY_HEADER
        + hide_key(send, bytes((salt, entropy[1])), secret, request_authenticator)
        + _RECV_KEY_HEADER
        + hide_key(receive, bytes((salt, entropy[1] ^ 1)), secret, request_authenticator)
    )


def error(identifier: int, challenge: bytes, version: int, code: int = 691) -> bytes:
    """Return MS-CHAP-Error: no retry is offered (RFC 2548 §2.1.5, RFC 2433 §7, RFC 2759 §6).

    `challenge` is fresh, 8 octets for version 2 of the field (MS-CHAPv1), 16 for version 3 (MS-CHAPv2). Code 691 is a
    failed authentication, 649 a person who may not come in now.
    """
    text = f"E={code} R=0 C={challenge.hex().upper()} V={version}"
    if version == 3:
        text += " M=Access denied"
    return bytes((identifier,)) + text.encode("ascii")


def master_key(hash_of_hash: bytes, nt_response: bytes) -> bytes:
    """Return the 16-octet MasterKey; `hash_of_hash` is the MD4 of the NT hash (RFC 3079 §3.4)."""
    return sha1(hash_of_hash + nt_response + _MAGIC_MASTER)[:16]


def server_keys(hash_of_hash: bytes, nt_response: bytes) -> tuple[bytes, bytes]:
    """Return the 128-bit start keys of the server's side: send, receive (RFC 3079 §3.4)."""
    start = master_key(hash_of_hash, nt_response) + _SHS_PAD_1
    send = sha1(start + _SERVER_SENDS)[:16]
    receive = sha1(start + _CLIENT_SENDS)[:16]
    return send, receive


def hidden_keys_v1(nt_hash_: bytes, secret: Secret, request_authenticator: bytes) -> bytes:
    """Return the value of MS-CHAP-MPPE-Keys, hidden as a User-Password is (RFC 2548 §2.4.1).

    The LM key is zero, since no LM hash is kept: only 128-bit encryption can follow. The NT key is the hash of the NT
    hash, which RFC 3079 §2.3 starts from and every NAS expects, although RFC 2548 speaks of the NT hash.
    """
    return hide_password(bytes(8) + md4(nt_hash_) + bytes(8), secret, request_authenticator)
