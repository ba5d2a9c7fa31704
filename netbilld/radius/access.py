"""What an Access-Request is decided on, and the decision: a plain function of request and view.

Who does not exist and who typed the wrong password get the same answer. Whether a subscriber may come in *now* was
computed before, by the entitlement; a view only carries the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hmac import compare_digest
from typing import Final, Literal
from uuid import UUID

from netbilld.radius import mschap
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    FRAMED_IP_ADDRESS,
    FRAMED_PROTOCOL,
    MIKROTIK_HOST_IP,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_ERROR,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    NAS_PORT_TYPE,
    REPLY_MESSAGE,
    SERVICE_TYPE,
    USER_NAME,
    USER_PASSWORD,
    WISPR_LOCATION_ID,
    WISPR_LOCATION_NAME,
    WISPR_LOGOFF_URL,
)
from netbilld.radius.codes import Code, NasPortType, ServiceType
from netbilld.radius.packet import MAX_VALUE_OCTETS, Packet, encode_attribute
from netbilld.radius.passwords import reveal_password, verify_chap
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import normalise_mac, text

Method = Literal[
    "pap", "chap", "mschap", "mschapv2", "mac", "none",
    "eap", "eap-md5", "eap-tls", "eap-ttls", "eap-peap",
]  # fmt: skip

ENTROPY_OCTETS = 16  # what `decide` uses of its `entropy`


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


@dataclass(frozen=True, slots=True)
class AccessView:
    """One credential and what its service is due now, ready to be answered with.

    Attributes:
        name: the credential as stored.
        kind: `password`, or `mac` where the name is a MAC address and proves itself.
        password: clear text; empty if there is none. For `mac` a further password that is accepted.
        nt_hash: `mschap.nt_hash(password)`; empty if there is none.
        service_id: the service this credential opens.
        replies: attributes of an Access-Accept, encoded, by the vendor of the NAS; `*` serves the rest.
        refusal: why the service may not come in now although its credentials are right; None if it may.
        reply_message: said beside a refusal, UTF-8; empty for nothing.
        terms: what admission checks beyond credentials and entitlement; None for nothing, which costs nothing.
    """

    name: str
    kind: Literal["password", "mac"]
    password: bytes = field(repr=False)
    nt_hash: bytes = field(repr=False)
    service_id: UUID
    replies: Mapping[str, bytes] = field(repr=False)
    refusal: str | None = None
    reply_message: bytes = b""
    terms: AccessTerms | None = None


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


_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_REJECT: Final = int(Code.ACCESS_REJECT)

# Nobody: what an unknown name is measured against, so that it costs the same as a known one.
_NOBODY: Final = AccessView(
    name="",
    kind="password",
    password=b"\xff nobody has this password",
    nt_hash=bytes.fromhex("ff00ff00ff00ff00ff00ff00ff00ff00"),
    service_id=UUID(int=0),
    replies={},
)

_ROUTER_LOGIN_TYPES: Final = frozenset(
    kind.to_bytes(4, "big")
    for kind in (ServiceType.LOGIN_USER, ServiceType.ADMINISTRATIVE_USER, ServiceType.NAS_PROMPT_USER)
)
_HOTSPOT_PORT_TYPES: Final = frozenset(
    kind.to_bytes(4, "big") for kind in (NasPortType.ETHERNET, NasPortType.WIRELESS_802_11)
)
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


# Encryption allowed, not required; 40 and 128 bits with MS-CHAPv2, 128 bits only with v1 (RFC 2548 §2.4.4-2.4.5).
_MPPE_V2: Final = encode_attribute(MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\1") + encode_attribute(
    MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\6"
)
_MPPE_V1: Final = encode_attribute(MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\1") + encode_attribute(
    MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\4"
)


def is_router_login(packet: Packet) -> bool:
    """Tell whether somebody wants to administer the router, not to use the network.

    RouterOS asks for both with Service-Type Login-User, so a subscriber is told by what only a NAS serving one reports
    (PPP, hotspot, WISPr, EAP, the subscriber's address). A name that looks like a MAC address is no such mark by
    itself, since whoever logs in chooses it: it must be the station's own, on a port that has stations.
    """
    attributes = packet.attributes
    if attributes.get(SERVICE_TYPE) not in _ROUTER_LOGIN_TYPES:
        return False
    if not _SUBSCRIBER_MARKS.isdisjoint(attributes):
        return False
    name = normalise_mac(text(attributes.get(USER_NAME, b"")))
    station = normalise_mac(text(attributes.get(CALLING_STATION_ID, b"")))
    return name is None or name != station or attributes.get(NAS_PORT_TYPE) not in _HOTSPOT_PORT_TYPES


def decide(request: Request, view: AccessView | None, entropy: bytes) -> Decision:
    """Return Accept or Reject for an Access-Request, given the view its User-Name leads to, None for none.

    `entropy` is at least 16 fresh octets: salts of MPPE keys, the challenge in MS-CHAP-Error. Wrong credentials get the
    same bytes whether the name exists or not; `view.refusal` and its message are told only to right credentials.
    """
    packet = request.packet
    attributes = packet.attributes
    method, reason = _verify(request, view or _NOBODY)
    if view is None:
        reason = Reason.UNKNOWN_USER if method != "none" else Reason.NO_PASSWORD
    if SERVICE_TYPE in attributes and is_router_login(packet):
        reason = Reason.ROUTER_LOGIN
    if reason is not Reason.OK or view is None:
        return Decision(_REJECT, _rejection(packet, method, entropy), reason, method)
    if view.refusal is not None:
        refused = _rejection(packet, method, entropy, mschap_error=649)
        if view.reply_message:
            refused += encode_attribute(REPLY_MESSAGE, _fitting(view.reply_message))
        return Decision(_REJECT, refused, view.refusal, method)
    granted = view.replies.get(request.client.vendor)
    if granted is None:
        granted = view.replies.get("*", b"")
    if method == "mschapv2":
        granted += _v2_acceptance(request, view.nt_hash, entropy)
    elif method == "mschap":
        keys = mschap.hidden_keys_v1(view.nt_hash, request.client.secret, packet.authenticator)
        granted += encode_attribute(MS_CHAP_MPPE_KEYS, keys) + _MPPE_V1
    return Decision(_ACCEPT, granted, reason, method)


def _verify(request: Request, view: AccessView) -> tuple[Method, Reason]:
    packet = request.packet
    attributes = packet.attributes
    hidden = attributes.get(USER_PASSWORD)
    chap = attributes.get(CHAP_PASSWORD)
    if hidden is not None:
        if chap is not None:  # RFC 2865 §4.1 forbids both
            return "pap", Reason.MALFORMED_CREDENTIALS
        password = reveal_password(hidden, request.client.secret, packet.authenticator)
        if password is None:
            return "pap", Reason.MALFORMED_CREDENTIALS
        if view.kind == "mac":
            return _verify_mac(packet, view, password)
        if compare_digest(password, view.password) and password:
            return "pap", Reason.OK
        return "pap", Reason.WRONG_PASSWORD if view.password else Reason.NO_PASSWORD
    if chap is not None:
        return _verify_chap(packet, view, chap)
    if MS_CHAP2_RESPONSE in attributes or MS_CHAP_RESPONSE in attributes:
        return _verify_mschap(attributes, view)
    if EAP_MESSAGE in attributes:
        return "eap", Reason.METHOD_NOT_SUPPORTED
    if view.kind == "mac":
        return _verify_mac(packet, view, b"")
    return "none", Reason.NO_PASSWORD


def _verify_mac(packet: Packet, view: AccessView, password: bytes) -> tuple[Method, Reason]:
    """Return whether a MAC address may log in: with no password, with itself, or with the password kept for it."""
    attributes = packet.attributes
    if password and not (view.password and compare_digest(password, view.password)):
        said = normalise_mac(text(password))
        if said is None or said != normalise_mac(text(attributes.get(USER_NAME, b""))):
            return "mac", Reason.WRONG_PASSWORD
    return "mac", _station_agrees(attributes)


def _station_agrees(attributes: dict[int, bytes]) -> Reason:
    """Return OK unless the NAS itself says that the station has another address than the name claims."""
    station = normalise_mac(text(attributes.get(CALLING_STATION_ID, b"")))
    if station is None or station == normalise_mac(text(attributes.get(USER_NAME, b""))):
        return Reason.OK
    return Reason.MAC_MISMATCH


def _verify_chap(packet: Packet, view: AccessView, chap: bytes) -> tuple[Method, Reason]:
    if len(chap) != 17:
        return "chap", Reason.MALFORMED_CREDENTIALS
    attributes = packet.attributes
    challenge = attributes.get(CHAP_CHALLENGE) or packet.authenticator
    if view.kind == "mac":
        user_name = attributes.get(USER_NAME, b"")
        for password in (b"", user_name, view.password):
            if verify_chap(chap, challenge, password):
                return "mac", _station_agrees(attributes)
        return "mac", Reason.WRONG_PASSWORD
    if verify_chap(chap, challenge, view.password) and view.password:
        return "chap", Reason.OK
    return "chap", Reason.WRONG_PASSWORD if view.password else Reason.NO_PASSWORD


def _verify_mschap(attributes: dict[int, bytes], view: AccessView) -> tuple[Method, Reason]:
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
        return method, Reason.MALFORMED_CREDENTIALS
    if view.kind == "mac":  # a station that only has an address does not speak MS-CHAP; RouterOS's own log-in does
        return method, Reason.METHOD_NOT_SUPPORTED
    if not view.nt_hash:
        return method, Reason.NO_PASSWORD
    if method == "mschapv2":
        right = mschap.verify_v2(challenge, response, attributes.get(USER_NAME, b""), view.nt_hash)
    else:
        right = mschap.verify_v1(challenge, response, view.nt_hash)
    return method, Reason.OK if right else Reason.WRONG_PASSWORD


def _v2_acceptance(request: Request, nt_hash: bytes, entropy: bytes) -> bytes:
    """Return MS-CHAP2-Success, without which the peer hangs up, and the MPPE keys (RFC 2548 §2.3.3, §2.4)."""
    packet = request.packet
    attributes = packet.attributes
    response = attributes[MS_CHAP2_RESPONSE]
    success = mschap.success_v2(attributes[MS_CHAP_CHALLENGE], response, attributes.get(USER_NAME, b""), nt_hash)
    send, receive = mschap.hidden_server_keys(
        nt_hash, response[26:], request.client.secret, packet.authenticator, entropy
    )
    return (
        encode_attribute(MS_CHAP2_SUCCESS, success)
        + encode_attribute(MS_MPPE_SEND_KEY, send)
        + encode_attribute(MS_MPPE_RECV_KEY, receive)
        + _MPPE_V2
    )


def _rejection(packet: Packet, method: Method, entropy: bytes, mschap_error: int = 691) -> bytes:
    """Return what a Reject must tell the peer: nothing for PAP and CHAP (RFC 2759 §6, RFC 3579 §2.6.3)."""
    if method == "mschapv2":
        identifier = packet.attributes[MS_CHAP2_RESPONSE][:1] or b"\0"
        return encode_attribute(MS_CHAP_ERROR, mschap.error(identifier[0], entropy[:16], 3, mschap_error))
    if method == "mschap":
        identifier = packet.attributes[MS_CHAP_RESPONSE][:1] or b"\0"
        return encode_attribute(MS_CHAP_ERROR, mschap.error(identifier[0], entropy[:8], 2, mschap_error))
    if method == "eap":
        identifier = packet.attributes[EAP_MESSAGE][1:2] or b"\0"
        return encode_attribute(EAP_MESSAGE, b"\4" + identifier + b"\0\4")  # EAP-Failure, RFC 3748 §4.2
    return b""


def _fitting(message: bytes) -> bytes:
    if len(message) <= MAX_VALUE_OCTETS:
        return message
    return message[:MAX_VALUE_OCTETS].decode("utf-8", "ignore").encode("utf-8")
