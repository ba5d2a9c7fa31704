"""The server's side of the protocol: what may be believed, what was asked before, and how an answer is signed."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from netbilld.radius.attributes import EAP_MESSAGE, NAS_IDENTIFIER, PROXY_STATE, STATE, USER_NAME
from netbilld.radius.authenticator import (
    ZERO_AUTHENTICATOR,
    sign_response,
    sign_response_with_message_authenticator,
    verify_message_authenticator,
    verify_request_authenticator,
)
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.dedupe import GENERATION_SECONDS, IN_PROGRESS, MAX_ENTRIES, Begun, ReplyCache
from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.packet import HEADER_OCTETS, MAX_PACKET_OCTETS, Packet, decode, decode_in_part, encode_attribute
from netbilld.radius.values import text

ServerKind = Literal["auth", "acct"]

# Where a datagram came from: host and port, and after them what the listener needs to answer by the same way.
Source = tuple[str, int] | tuple[str, int, bytes]

# A reply must hold the request's Proxy-States and our own attributes; beyond this a request is not a sane one.
MAX_PROXY_STATE_OCTETS = 2048

_ACCESS_REQUEST = int(Code.ACCESS_REQUEST)
_ACCOUNTING_REQUEST = int(Code.ACCOUNTING_REQUEST)
_STATUS_SERVER = int(Code.STATUS_SERVER)
_ACCESS_ACCEPT = int(Code.ACCESS_ACCEPT)
_ACCOUNTING_RESPONSE = int(Code.ACCOUNTING_RESPONSE)


class DropReason(StrEnum):
    """Why a datagram gets no answer; each is counted."""

    UNKNOWN_CLIENT = "unknown_client"
    UNKNOWN_IDENTIFIER = "unknown_identifier"  # several NAS have its address, and none of them its NAS-Identifier
    MALFORMED = "malformed"
    UNEXPECTED_CODE = "unexpected_code"
    BAD_AUTHENTICATOR = "bad_authenticator"
    BAD_MESSAGE_AUTHENTICATOR = "bad_message_authenticator"
    MESSAGE_AUTHENTICATOR_MISSING = "message_authenticator_missing"
    PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR = "proxy_state_without_message_authenticator"
    NO_USER_NAME = "no_user_name"
    DUPLICATE_IN_PROGRESS = "duplicate_in_progress"
    OVERLOADED = "overloaded"


@dataclass(slots=True)
class Request:
    """A verified request that is to be worked on, once: then `RadiusServer.respond` or `RadiusServer.forget`."""

    client: Client
    packet: Packet
    source: Source
    arrived_mono: float
    begun: Begun | None = None  # where the answer is kept for retransmissions


@dataclass(slots=True)
class Replay:
    """A retransmission of a request that was answered: send `reply` again."""

    reply: bytes
    client: Client
    source: Source


@dataclass(slots=True)
class Drop:
    """A datagram that gets silence. `client` is known unless the source is not, or several share it and none is named.

    `detail` is for people.
    """

    reason: DropReason
    source: Source
    client: Client | None = None
    detail: str = ""


class RadiusServer:
    """One port's protocol: `auth` takes Access-Request, `acct` takes Accounting-Request, both take Status-Server.

    `requests`, `replays`, `replies` and `drops` count since the start. `clients` may be assigned a new table any time.
    """

    def __init__(
        self,
        clients: ClientTable | Iterable[Client],
        kind: ServerKind = "auth",
        *,
        generation_seconds: float = GENERATION_SECONDS,
        max_cached_replies: int = MAX_ENTRIES,
    ) -> None:
        self.kind = kind
        self.requests = 0
        self.replays = 0
        self.replies = 0
        self.drops: dict[DropReason, int] = dict.fromkeys(DropReason, 0)
        self._is_auth = kind == "auth"
        self._decode = decode if self._is_auth else decode_in_part  # a record is kept as it is, and read later
        self._expected_code = _ACCESS_REQUEST if self._is_auth else _ACCOUNTING_REQUEST
        self._cache = ReplyCache(generation_seconds, max_cached_replies)
        self._learned: set[UUID] = set()
        self._seen: set[UUID] = set()
        self._clients = ClientTable(())
        self.clients = clients if isinstance(clients, ClientTable) else ClientTable(clients)

    @property
    def clients(self) -> ClientTable:
        """The NAS table in force."""
        return self._clients

    @clients.setter
    def clients(self, clients: ClientTable) -> None:
        self._clients = clients
        self._seen = {client.nas_id for client in clients if client.seen_message_authenticator} | self._learned

    @property
    def cached_replies(self) -> int:
        """How many requests are remembered for retransmissions."""
        return len(self._cache)

    def take_learned(self) -> set[UUID]:
        """Return, once, the NAS that have newly sent a valid Message-Authenticator: a fact to be stored.

        From here on the next client table is believed: it says what was stored, or what an operator had forgotten.
        """
        learned, self._learned = self._learned, set()
        return learned

    def receive(self, datagram: bytes, source: Source, now_mono: float) -> Request | Replay | Drop:
        """Return what `datagram` is: a request to work on, a reply to send again, or a reason for silence."""
        client = self._clients.find(source[0])
        if client is None:
            return self._drop(DropReason.UNKNOWN_CLIENT, source)
        key = (source, datagram[1] if len(datagram) > 1 else 0)
        octets = hash(datagram)
        begun = self._cache.find(key, octets, now_mono)
        if begun is not None:
            return self._repeated(begun.reply, _named(client, datagram), source)
        try:
            packet = self._decode(datagram)
        except MalformedPacket as error:
            return self._drop(DropReason.MALFORMED, source, client, error.reason)
        code = packet.code
        if code == self._expected_code or code == _STATUS_SERVER:  # noqa: PLR1714 - a set or tuple test costs more here
            if client.neighbours is not None:
                told = _told_apart(client, packet)
                if told is None:
                    said = text(packet.get(NAS_IDENTIFIER) or b"")
                    return self._drop(_why_unknown(client, packet, code), source, None, said)
                client = told
            reason = self._disbelief(client, packet, code)
            if reason is not None:
                return self._drop(reason, source, client)
        else:
            return self._drop(DropReason.UNEXPECTED_CODE, source, client, f"code {code} on the {self.kind} port")
        if packet.has(PROXY_STATE) and _proxy_state_octets(packet) > MAX_PROXY_STATE_OCTETS:
            return self._drop(DropReason.MALFORMED, source, client, "too much Proxy-State")

        self.requests += 1
        return Request(client, packet, source, now_mono, self._cache.begin(key, packet.authenticator, octets))

    def _repeated(self, reply: bytes, client: Client, source: Source) -> Replay | Drop:
        if reply == IN_PROGRESS:
            return self._drop(DropReason.DUPLICATE_IN_PROGRESS, source, client)
        self.replays += 1
        return Replay(reply, client, source)

    def has_begun(self, datagram: bytes, source: Source) -> bool:
        """Tell, unverified and cheaply, whether a datagram goes on with a conversation or repeats a request.

        What goes on carries a State (RFC 5080 §2.2.3).
        """
        if len(datagram) < HEADER_OCTETS or self._clients.find(source[0]) is None:
            return False
        at, end = HEADER_OCTETS, len(datagram) - 1
        while at < end:
            if datagram[at] == STATE:
                return True
            if datagram[at + 1] == 0:
                return False
            at += datagram[at + 1]
        return self._cache.knows((source, datagram[1]), datagram[4:20])

    def copied(self, datagram: bytes, source: Source) -> Drop:
        """Count a copy of a datagram that waits for its turn."""
        del datagram
        return self._drop(DropReason.DUPLICATE_IN_PROGRESS, source, self._clients.find(source[0]))

    def overloaded(self, datagram: bytes, source: Source) -> Drop:
        """Count a datagram that is dropped because more arrive than can be answered."""
        del datagram
        return self._drop(DropReason.OVERLOADED, source, self._clients.find(source[0]))

    def respond(self, request: Request, code: int, attributes: bytes = b"") -> bytes:
        """Return the signed reply and remember it for retransmissions.

        Every Access reply begins with Message-Authenticator; Accounting-Response has none. Proxy-State is copied
        unchanged and in order (RFC 2865 §5.33). A Status-Server request gets the one answer its port allows, whatever
        `code` says (RFC 5997 §4.2).

        Raises:
            EncodeError: `attributes` are more than fit into a packet.
        """
        packet = request.packet
        if packet.code == _STATUS_SERVER:
            code = _ACCESS_ACCEPT if self._is_auth else _ACCOUNTING_RESPONSE
        if packet.has(PROXY_STATE):
            attributes += b"".join([encode_attribute(PROXY_STATE, value) for value in packet.all(PROXY_STATE)])
        if len(attributes) > MAX_PACKET_OCTETS - 38:
            raise EncodeError(f"reply with {len(attributes)} octets of attributes does not fit into a packet")
        sign = sign_response_with_message_authenticator if self._is_auth else sign_response
        reply = sign(request.client.secret, code, packet.identifier, packet.authenticator, attributes)
        if request.begun is not None:
            request.begun.reply = reply
        self.replies += 1
        return reply

    def forget(self, request: Request) -> None:
        """Give up on `request`, so that its retransmission is tried afresh."""
        self._cache.forget((request.source, request.packet.identifier), request.packet.authenticator)

    def forget_datagram(self, datagram: bytes, source: Source) -> None:
        """As `forget`, for an edge that holds only the bytes because working on them failed half-way."""
        if len(datagram) >= 20:
            self._cache.forget((source, datagram[1]), datagram[4:20])

    def _disbelief(self, client: Client, packet: Packet, code: int) -> DropReason | None:
        """Return why `packet` is not believed, or None (RFC 2866 §4.1, 3579 §3.2, 5997 §2, CVE-2024-3596)."""
        if code == _ACCOUNTING_REQUEST:
            if not verify_request_authenticator(packet, client.secret):
                return DropReason.BAD_AUTHENTICATOR
            if packet.message_authenticator_at and not verify_message_authenticator(
                packet, client.secret, ZERO_AUTHENTICATOR
            ):
                return DropReason.BAD_MESSAGE_AUTHENTICATOR
            return None
        if packet.message_authenticator_at:
            if not verify_message_authenticator(packet, client.secret, packet.authenticator):
                return DropReason.BAD_MESSAGE_AUTHENTICATOR
            # EAP and Status-Server always carry one, so they say nothing about the NAS's other requests.
            if code == _ACCESS_REQUEST and client.nas_id not in self._seen and EAP_MESSAGE not in packet.attributes:
                self._seen.add(client.nas_id)
                self._learned.add(client.nas_id)
            return None
        if code == _STATUS_SERVER or EAP_MESSAGE in packet.attributes:
            return DropReason.MESSAGE_AUTHENTICATOR_MISSING
        if USER_NAME not in packet.attributes:  # nobody asks for anything: not worth an answer to a forged source
            return DropReason.NO_USER_NAME
        policy = client.require_message_authenticator
        if policy == "true" or (policy == "auto" and client.nas_id in self._seen):
            return DropReason.MESSAGE_AUTHENTICATOR_MISSING
        if PROXY_STATE in packet.attributes and not client.over_tls:
            return DropReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR
        return None

    def _drop(self, reason: DropReason, source: Source, client: Client | None = None, detail: str = "") -> Drop:
        self.drops[reason] += 1
        if client is not None and client.neighbours is not None:
            client = None  # which of them is not known
        return Drop(reason, source, client, detail)


def _told_apart(shared: Client, packet: Packet) -> Client | None:
    """Return which of the NAS at one address a packet is of; a Status-Server that names none is answered for any."""
    neighbours = shared.neighbours or {}
    told = neighbours.get((packet.get(NAS_IDENTIFIER) or b"").rstrip(b"\0"))
    if told is None and packet.code == _STATUS_SERVER:
        return next(iter(neighbours.values()))
    return told


def _named(client: Client, datagram: bytes) -> Client:
    """Return which NAS a repeated packet is of."""
    if client.neighbours is None:
        return client
    return _told_apart(client, decode(datagram)) or client


def _why_unknown(shared: Client, packet: Packet, code: int) -> DropReason:
    """Return why a packet of none of the NAS at one address is dropped: a wrong secret before a wrong name."""
    if code == _ACCOUNTING_REQUEST and not verify_request_authenticator(packet, shared.secret):
        return DropReason.BAD_AUTHENTICATOR
    signed_with = ZERO_AUTHENTICATOR if code == _ACCOUNTING_REQUEST else packet.authenticator
    if packet.message_authenticator_at and not verify_message_authenticator(packet, shared.secret, signed_with):
        return DropReason.BAD_MESSAGE_AUTHENTICATOR
    return DropReason.UNKNOWN_IDENTIFIER


def _proxy_state_octets(packet: Packet) -> int:
    return sum(len(value) + 2 for value in packet.all(PROXY_STATE))
