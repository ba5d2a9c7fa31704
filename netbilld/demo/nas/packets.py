"""Requests as a MikroTik writes them: which attributes, and in which order."""

import hashlib
import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from pyrad.packet import AccessAccept, AcctPacket, AuthPacket

from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from netbilld.demo.nas.wire import DICTIONARY, AcctStatus, TerminateCause
from netbilld.radius import mschap

_FRAMED_USER, _LOGIN_USER = 2, 1
_PPP = 1
_ETHERNET, _WIRELESS = 15, 19
_BY_RADIUS = 1
_MESSAGE_AUTHENTICATOR = 80
_MICROSOFT = 311
_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class Call:
    """What names one attempt to connect, from the Access-Request to the Stop."""

    subscriber: SubscriberSpec
    session_id: str
    nas_port: int
    address: IPv4Address | None = None  # a hotspot device has one before it logs in


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingRecord:
    """One accounting event, with the counters as they stood at that moment."""

    status: AcctStatus
    call: Call
    event_at_unix: int
    class_values: tuple[bytes, ...] = ()
    session_seconds: int = 0
    upload_octets: int = 0
    download_octets: int = 0
    upload_packets: int = 0
    download_packets: int = 0
    cause: TerminateCause | None = None


def access_request(spec: NasSpec, call: Call, identifier: int) -> Any:
    """Return an Access-Request; Message-Authenticator stands last, as RouterOS 7 puts it."""
    packet = AuthPacket(
        id=identifier,
        secret=spec.secret.encode(),
        authenticator=secrets.token_bytes(16),
        dict=DICTIONARY,
    )
    if call.subscriber.service == "pppoe":
        packet["Service-Type"] = _FRAMED_USER
        packet["Framed-Protocol"] = _PPP
        _add_ppp_names(packet, spec, call)
        packet["Acct-Session-Id"] = call.session_id
        _add_credentials(packet, call)
    else:
        _add_hotspot_names(packet, spec, call)
        _add_credentials(packet, call)
        packet["Service-Type"] = _LOGIN_USER
    packet["NAS-Identifier"] = spec.name
    packet["NAS-IP-Address"] = str(spec.bind_address)
    if spec.send_message_authenticator:
        packet[_MESSAGE_AUTHENTICATOR] = [bytes(16)]
        packet.message_authenticator = True
    return packet


def accounting_request(spec: NasSpec, record: AccountingRecord, delay_seconds: int, identifier: int) -> Any:
    """Return an Accounting-Request; it carries no Message-Authenticator."""
    call = record.call
    packet = AcctPacket(id=identifier, secret=spec.secret.encode(), dict=DICTIONARY)
    ppp = call.subscriber.service == "pppoe"
    if ppp:
        packet["Service-Type"] = _FRAMED_USER
        packet["Framed-Protocol"] = _PPP
        _add_ppp_names(packet, spec, call)
        packet["Acct-Session-Id"] = call.session_id
        packet["Framed-IP-Address"] = str(call.address)
        packet["Acct-Authentic"] = _BY_RADIUS
    else:
        packet["Acct-Status-Type"] = int(record.status)
        if record.cause is not None:
            packet["Acct-Terminate-Cause"] = int(record.cause)
        _add_hotspot_names(packet, spec, call)
    if record.class_values:
        packet[25] = list(record.class_values)
    packet["Event-Timestamp"] = record.event_at_unix
    if record.status != AcctStatus.START:
        _add_counters(packet, record)
    if ppp:
        packet["Acct-Status-Type"] = int(record.status)
        if record.cause is not None:
            packet["Acct-Terminate-Cause"] = int(record.cause)
    packet["NAS-Identifier"] = spec.name
    packet["Acct-Delay-Time"] = delay_seconds
    packet["NAS-IP-Address"] = str(spec.bind_address)
    return packet


def accounting_on(spec: NasSpec, boot_id: str, event_at_unix: int, delay_seconds: int, identifier: int) -> Any:
    """Return the Accounting-On of a router that sends one after its boot (RFC 2866 section 5.1)."""
    packet = AcctPacket(id=identifier, secret=spec.secret.encode(), dict=DICTIONARY)
    packet["Acct-Status-Type"] = int(AcctStatus.ON)
    packet["Acct-Session-Id"] = boot_id
    packet["Event-Timestamp"] = event_at_unix
    packet["NAS-Identifier"] = spec.name
    packet["Acct-Delay-Time"] = delay_seconds
    packet["NAS-IP-Address"] = str(spec.bind_address)
    return packet


def _add_ppp_names(packet: Any, spec: NasSpec, call: Call) -> None:
    packet["NAS-Port"] = call.nas_port
    packet["NAS-Port-Type"] = _ETHERNET
    packet["User-Name"] = call.subscriber.username
    packet["Calling-Station-Id"] = call.subscriber.mac
    packet["Called-Station-Id"] = spec.pppoe_service
    packet["NAS-Port-Id"] = spec.interface


def _add_hotspot_names(packet: Any, spec: NasSpec, call: Call) -> None:
    packet["NAS-Port-Type"] = _WIRELESS
    packet["Calling-Station-Id"] = call.subscriber.mac
    packet["Called-Station-Id"] = f"hs-{spec.interface}"
    packet["NAS-Port-Id"] = spec.interface
    packet["User-Name"] = call.subscriber.username
    packet["NAS-Port"] = int(call.session_id, 16)
    packet["Acct-Session-Id"] = call.session_id
    packet["Framed-IP-Address"] = str(call.address)
    packet["Mikrotik-Host-IP"] = str(call.address)


def _add_credentials(packet: Any, call: Call) -> None:
    password = call.subscriber.password
    if call.subscriber.method == "chap":
        challenge, chap_id = secrets.token_bytes(16), secrets.token_bytes(1)
        # RFC 2865 section 2.2 fixes the algorithm
        response = hashlib.md5(chap_id + password.encode() + challenge, usedforsecurity=False).digest()
        # by number: pyrad would read a value that begins with "0x" as hexadecimal text
        packet[60] = [challenge]
        packet[3] = [chap_id + response]
    elif call.subscriber.method == "mschapv2":
        _add_ms_chap_v2(packet, call)
    else:
        packet[2] = [packet.PwCrypt(password)]


def _add_ms_chap_v2(packet: Any, call: Call) -> None:
    """Add the answer of a peer, and remember what the server must prove (RFC 2759 section 8.7)."""
    challenge, peer_challenge, identifier = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(1)
    name, hashed = call.subscriber.username.encode(), mschap.nt_hash(call.subscriber.password)
    answer = mschap.challenge_response(mschap.challenge_hash(peer_challenge, challenge, name), hashed)
    response = identifier + b"\0" + peer_challenge + bytes(8) + answer
    packet[_MICROSOFT, 11] = [challenge]
    packet[_MICROSOFT, 25] = [response]
    packet.proof_wanted = mschap.success_v2(challenge, response, name, hashed)


def proves_itself(request: Any, reply: Any) -> bool:
    """Return False for an Access-Accept without the proof that an MS-CHAPv2 peer waits for; it would hang up."""
    wanted = getattr(request, "proof_wanted", None)
    return wanted is None or reply.code != AccessAccept or reply.get((_MICROSOFT, 26)) == [wanted]


def _add_counters(packet: Any, record: AccountingRecord) -> None:
    packet["Acct-Session-Time"] = record.session_seconds
    packet["Acct-Input-Octets"] = record.upload_octets % _WORD
    packet["Acct-Input-Gigawords"] = record.upload_octets // _WORD
    packet["Acct-Input-Packets"] = record.upload_packets % _WORD
    packet["Acct-Output-Octets"] = record.download_octets % _WORD
    packet["Acct-Output-Gigawords"] = record.download_octets // _WORD
    packet["Acct-Output-Packets"] = record.download_packets % _WORD
