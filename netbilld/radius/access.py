"""What an Access-Request is decided on, and the decision: a plain function of request and view.

Who does not exist and who typed the wrong password get the same answer. Whether a subscriber may come in *now* was
computed before, by the entitlement; a view only carries the outcome.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from typing import Final, Literal
from uuid import UUID

from netbilld.radius import mschap
from netbilld.radius.attributes import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MS_CHAP2_RESPONSE,
    MS_CHAP_CHALLENGE,
    MS_CHAP_ERROR,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    REPLY_MESSAGE,
    SERVICE_TYPE,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.codes import Code
from netbilld.radius.hotspot import FRAMED_REPLY, HOTSPOT_REPLY, is_hotspot
from netbilld.radius.login_forms import CIRCUIT_PREFIX, circuit_name, circuit_names, is_router_login, station_agrees
from netbilld.radius.packet import MAX_VALUE_OCTETS, Packet, encode_attribute
from netbilld.radius.passwords import reveal_password, verify_chap
from netbilld.radius.realms import hashed_names
from netbilld.radius.router_access import rights
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.radius.typed_codes import same_code, spellings
from netbilld.radius.values import lookup_key, normalise_mac, text

Method = Literal[
    "pap", "chap", "mschap", "mschapv2", "mac", "circuit", "none",
    "eap", "eap-md5", "eap-tls", "eap-ttls", "eap-peap",
]  # fmt: skip

CredentialKind = Literal["password", "mac", "circuit"]

# Gives that many unpredictable octets; asked only where the method needs them.
Entropy = Callable[[int], bytes]


class Reason(StrEnum):
    """Why it was decided so; the refusals of an entitlement (`AccessView.refusal`) come beside these."""

    OK = "ok"
    UNKNOWN_USER = "unknown_user"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    NO_PASSWORD = "no_password"  # noqa: S105 - the name of a reason
    MALFORMED_CREDENTIALS = "malformed_credentials"
    METHOD_NOT_SUPPORTED = "method_not_supported"
    MAC_MISMATCH = "mac_mismatch"
    ROUTER_LOGIN = "router_login"
    WRONG_METHOD_STORED = "wrong_method_stored"  # what is kept of the password can't answer this method
    TOO_MANY_TRIES = "too_many_tries"
    # of EAP
    EAP_FAILED = "eap_failed"
    CERTIFICATE_REFUSED = "certificate_refused"
    NO_COMMON_METHOD = "no_common_method"
    # of admission, once the credentials were right
    SESSION_LIMIT = "session_limit"
    MAC_LOCK = "mac_lock"
    VLAN_LOCK = "vlan_lock"
    PORT_LOCK = "port_lock"
    NAS_NOT_ALLOWED = "nas_not_allowed"
    OUTSIDE_HOURS = "outside_hours"
    POOL_FULL = "pool_full"
    POOL_UNAVAILABLE = "pool_unavailable"
    DATABASE_AWAY = "database_away"  # its plan fails closed, and what is known of it is too old


@dataclass(frozen=True, slots=True)
class AccessView:
    """One credential and what its service is due now, ready to be answered with.

    Attributes:
        name: the credential as stored.
        kind: `password`; `mac` where the name is a MAC address, `circuit` where it is a line, and proves itself.
        password: clear text; empty if there is none. For `mac` and `circuit` a further password that is accepted.
        nt_hash: `mschap.nt_hash(password)`; empty if there is none.
        service_id: the service this credential opens.
        replies: attributes of an Access-Accept, encoded, by the NAS's reply key; see `grant`.
        refusal: why the service may not come in now although its credentials are right; None if it may.
        reply_message: said beside a refusal, UTF-8; empty for nothing.
        limits: what the Accept says of the time and octets left, by request and moment; None for no limit.
        walled: why it is let in only within the walled garden; a NAS that has no such walls refuses it for that.
        terms: what admission checks beyond credentials and entitlement; None for nothing, which costs nothing.
        barred: whoever tries has guessed too much: no password is right, and none is asked of it by resuming a session.
    """

    name: str
    kind: CredentialKind
    password: bytes = field(repr=False)
    nt_hash: bytes = field(repr=False)
    service_id: UUID
    replies: Mapping[str, bytes] = field(repr=False)
    refusal: str | None = None
    reply_message: bytes = b""
    terms: AccessTerms | None = None
    walled: str | None = None
    limits: Callable[[Request, datetime], bytes] | None = field(default=None, repr=False)
    barred: bool = False
    mschap_keys: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Decision:
    """The answer to an Access-Request: code and encoded attributes for `RadiusServer.respond`, and why.

    `detail` is what a person needs to know beside the reason, such as the lock that did not fit; never a secret.
    """

    code: int
    attributes: bytes = field(repr=False)
    reason: str
    method: Method
    detail: str | None = None
    for_router: bool = False  # somebody was at the router's own prompt: no subscriber, whoever has that name


_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_REJECT: Final = int(Code.ACCESS_REJECT)
# Looking a member up in its enum runs Python code, and every log-in would do so several times.
_OK: Final = Reason.OK
_WRONG_PASSWORD: Final = Reason.WRONG_PASSWORD
# ERROR_AUTHENTICATION_FAILURE and ERROR_NO_DIALIN_PERMISSION, which asks nobody for another password (RFC 2759 §6)
_NOT_BELIEVED: Final = 691
_NOT_ALLOWED: Final = 649

# Nobody: what an unknown name is measured against, so that it costs the same as a known one.
_NOBODY: Final = AccessView(
    name="",
    kind="password",
    password=b"\xff nobody has this password",
    nt_hash=bytes.fromhex("ff00ff00ff00ff00ff00ff00ff00ff00"),
    service_id=UUID(int=0),
    replies={},
)

# Encryption allowed, not required; 40 and 128 bits with MS-CHAPv2, 128 bits only with v1 (RFC 2548 §2.4.4-2.4.5).
_MPPE_V2: Final = encode_attribute(MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\1") + encode_attribute(
    MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\6"
)
_MPPE_V1: Final = encode_attribute(MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\1") + encode_attribute(
    MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\4"
)


def decide(request: Request, view: AccessView | None, entropy: Entropy) -> Decision:
    """Return Accept or Reject for an Access-Request, given the view its User-Name leads to, None for none.

    `entropy` makes salts of MPPE keys and the challenge in MS-CHAP-Error. Wrong credentials get the same bytes whether
    the name exists or not; `view.refusal` and its message are told only to right credentials.
    """
    packet = request.packet
    attributes = packet.attributes
    if SERVICE_TYPE in attributes and is_router_login(packet):
        return _decide_router_login(request, entropy)
    method, reason, hashed = _verify(request, _NOBODY if view is None else view)
    if view is None:
        named = method != "none" or normalise_mac(text(attributes.get(USER_NAME, b""))) is not None
        reason = Reason.UNKNOWN_USER if named else Reason.NO_PASSWORD
    if reason is not _OK or view is None:
        return Decision(_REJECT, _rejection(packet, method, entropy), reason, method)
    granted = grant(request, view) if view.refusal is None else None
    if granted is None:
        return refusal(request, method, view.refusal or view.walled or _OK, entropy, view.reply_message)
    if method == "mschapv2":
        granted += _v2_acceptance(request, view, hashed, entropy)
    elif method == "mschap":
        keys = mschap.hidden_keys_v1(view.nt_hash, request.client.secret, packet.authenticator)
        granted += encode_attribute(MS_CHAP_MPPE_KEYS, keys) + _MPPE_V1
    return Decision(_ACCEPT, granted, reason, method)


def _decide_router_login(request: Request, entropy: Entropy) -> Decision:
    """Return Accept only to an account made for this router, with the rights it was given."""
    packet, client = request.packet, request.client
    account = client.router_accounts.get(lookup_key(packet.attributes.get(USER_NAME, b"")))
    granted = None if account is None else rights(account, client.vendor)
    if account is None or granted is None:
        method, _reason, _hashed = _verify(request, _NOBODY)
        return Decision(_REJECT, _rejection(packet, method, entropy), Reason.ROUTER_LOGIN, method, for_router=True)
    view = AccessView(account.name, "password", account.password, account.nt_hash, _NOBODY.service_id, {})
    method, reason, hashed = _verify(request, view)
    if reason is not _OK:
        return Decision(_REJECT, _rejection(packet, method, entropy), reason, method, for_router=True)
    if method == "mschapv2":
        granted += _v2_acceptance(request, view, hashed, entropy)
    return Decision(_ACCEPT, granted, reason, method, for_router=True)


def grant(request: Request, view: AccessView) -> bytes | None:
    """Return the attributes of the Access-Accept to a view that is not refused; None where its NAS refuses the walled.

    To be asked by every method once the credentials are right.
    """
    key = request.client.reply_key
    granted = view.replies.get(key)
    if granted is None:  # a walled service, and walls that depend on what is logged in to
        granted = view.replies.get(f"{key}/{HOTSPOT_REPLY if is_hotspot(request.packet) else FRAMED_REPLY}")
    return granted


def refusal(
    request: Request, method: Method, reason: str, entropy: Entropy, message: bytes = b"", detail: str | None = None
) -> Decision:
    """Return the Reject to right credentials that may not come in all the same, as their method wants it.

    That is for what the service is due, for want of a wall (`grant`), or by admission. `message` is a Reply-Message in
    UTF-8, empty for none; `detail` what a person should know beside the reason.
    """
    said = _rejection(request.packet, method, entropy, _NOT_ALLOWED)
    if message:
        said += encode_attribute(REPLY_MESSAGE, message[:MAX_VALUE_OCTETS].decode("utf-8", "ignore").encode())
    return Decision(_REJECT, said, reason, method, detail)


def refuse(request: Request, reason: Reason, entropy: Entropy) -> Decision:
    """Return a Reject of a request whose credentials are not looked at; it has the bytes of a wrong password."""
    packet = request.packet
    attributes = packet.attributes
    method: Method = "none"
    if USER_PASSWORD in attributes:
        method = "pap"
    elif CHAP_PASSWORD in attributes:
        method = "chap"
    elif MS_CHAP2_RESPONSE in attributes:
        method = "mschapv2"
    elif MS_CHAP_RESPONSE in attributes:
        method = "mschap"
    elif EAP_MESSAGE in attributes:
        method = "eap"
    return Decision(_REJECT, _rejection(packet, method, entropy), reason, method)


# method, outcome, and for MS-CHAPv2 the challenge as the peer hashed it with its name
_Verified = tuple[Method, Reason, bytes]


def _verify(request: Request, view: AccessView) -> _Verified:
    packet = request.packet
    attributes = packet.attributes
    hidden = attributes.get(USER_PASSWORD)
    chap = attributes.get(CHAP_PASSWORD)
    if hidden is not None:
        if chap is not None:  # RFC 2865 §4.1 forbids both
            return "pap", Reason.MALFORMED_CREDENTIALS, b""
        password = reveal_password(hidden, request.client.secret, packet.authenticator)
        if password is None:
            return "pap", Reason.MALFORMED_CREDENTIALS, b""
        if view.kind != "password":
            return _verify_address(packet, view, password)
        if compare_digest(password, view.password) and password:
            return "pap", _OK, b""
        if view.password:
            return "pap", _OK if same_code(view.name, view.password, password) else _WRONG_PASSWORD, b""
        if not view.nt_hash:
            return "pap", Reason.NO_PASSWORD, b""
        right = compare_digest(mschap.nt_hash(password), view.nt_hash) and password
        return "pap", _OK if right else _WRONG_PASSWORD, b""
    if chap is not None:
        return _verify_chap(packet, view, chap)
    if MS_CHAP2_RESPONSE in attributes or MS_CHAP_RESPONSE in attributes:
        return _verify_mschap(attributes, view)
    if EAP_MESSAGE in attributes:
        return "eap", Reason.METHOD_NOT_SUPPORTED, b""
    if view.kind != "password":
        return _verify_address(packet, view, b"")
    return "none", Reason.NO_PASSWORD, b""


def _verify_address(packet: Packet, view: AccessView, password: bytes) -> _Verified:
    """Return whether a station or line may log in: with no password, its name again, or the password kept for it."""
    method: Method = "mac" if view.kind == "mac" else "circuit"
    user_name = packet.attributes.get(USER_NAME, b"")
    if password and password != user_name and not (view.password and compare_digest(password, view.password)):
        said = normalise_mac(text(password))
        if said is None or said != view.name:
            return method, _WRONG_PASSWORD, b""
    return method, proven(packet, view), b""


def proven(packet: Packet, view: AccessView) -> Reason:
    """Return OK unless the NAS itself reports another station or line than the name claims."""
    if view.kind == "mac":
        return _OK if station_agrees(packet, view.name) else Reason.MAC_MISMATCH
    line = circuit_name(view.name.removeprefix(CIRCUIT_PREFIX))
    return _OK if line in circuit_names(packet) else Reason.UNKNOWN_USER


def _verify_chap(packet: Packet, view: AccessView, chap: bytes) -> _Verified:
    if len(chap) != 17:
        return "chap", Reason.MALFORMED_CREDENTIALS, b""
    attributes = packet.attributes
    challenge = attributes.get(CHAP_CHALLENGE) or packet.authenticator
    if view.kind != "password":
        method: Method = "mac" if view.kind == "mac" else "circuit"
        user_name = attributes.get(USER_NAME, b"")
        for password in (b"", user_name, view.password):
            if verify_chap(chap, challenge, password):
                return method, proven(packet, view), b""
        return method, _WRONG_PASSWORD, b""
    if verify_chap(chap, challenge, view.password) and view.password:
        return "chap", _OK, b""
    for written in spellings(view.name, view.password, attributes.get(USER_NAME, b"")):
        if verify_chap(chap, challenge, written):
            return "chap", _OK, b""
    if view.password:
        return "chap", _WRONG_PASSWORD, b""
    return "chap", Reason.WRONG_METHOD_STORED if view.nt_hash else Reason.NO_PASSWORD, b""


def _verify_mschap(attributes: dict[int, bytes], view: AccessView) -> _Verified:
    challenge = attributes.get(MS_CHAP_CHALLENGE, b"")
    response = attributes.get(MS_CHAP2_RESPONSE)
    method: Method
    if response is not None:
        method = "mschapv2"
        well_formed = len(response) == 50 and len(challenge) == 16
    else:
        method = "mschap"
        response = attributes[MS_CHAP_RESPONSE]
        well_formed = len(response) == 50 and len(challenge) == 8
    if not well_formed:
        return method, Reason.MALFORMED_CREDENTIALS, b""
    if view.kind != "password":  # a station that only has an address does not speak MS-CHAP; RouterOS's own log-in does
        return method, Reason.METHOD_NOT_SUPPORTED, b""
    if not view.nt_hash:
        return method, Reason.NO_PASSWORD, b""
    if method == "mschap":
        right = mschap.verify_v1(challenge, response, view.nt_hash)
        return method, _OK if right else _WRONG_PASSWORD, b""
    prepared = view.mschap_keys or mschap.prepare(view.nt_hash)
    for name in hashed_names(attributes, view.name):
        hashed = mschap.challenge_hash(response[2:18], challenge, name)
        if mschap.proves(hashed, response, prepared):
            return method, _OK, hashed
    return method, _WRONG_PASSWORD, b""


def _v2_acceptance(request: Request, view: AccessView, hashed: bytes, entropy: Entropy) -> bytes:
    """Return MS-CHAP2-Success, without which the peer hangs up, and the MPPE keys (RFC 2548 §2.3.3, §2.4)."""
    packet = request.packet
    response, secret = packet.attributes[MS_CHAP2_RESPONSE], request.client.secret
    prepared = view.mschap_keys or mschap.prepare(view.nt_hash)
    return mschap.acceptance_v2(hashed, response, prepared, secret, packet.authenticator, entropy(2)) + _MPPE_V2


def _rejection(packet: Packet, method: Method, entropy: Entropy, mschap_error: int = _NOT_BELIEVED) -> bytes:
    """Return what a Reject must tell the peer: nothing for PAP and CHAP (RFC 2759 §6, RFC 3579 §2.6.3)."""
    if method == "mschapv2":
        identifier = packet.attributes[MS_CHAP2_RESPONSE][:1] or b"\0"
        return encode_attribute(MS_CHAP_ERROR, mschap.error(identifier[0], entropy(16), 3, mschap_error))
    if method == "mschap":
        identifier = packet.attributes[MS_CHAP_RESPONSE][:1] or b"\0"
        return encode_attribute(MS_CHAP_ERROR, mschap.error(identifier[0], entropy(8), 2, mschap_error))
    if method == "eap":
        identifier = packet.attributes[EAP_MESSAGE][1:2] or b"\0"
        return encode_attribute(EAP_MESSAGE, b"\4" + identifier + b"\0\4")  # EAP-Failure, RFC 3748 §4.2
    return b""
