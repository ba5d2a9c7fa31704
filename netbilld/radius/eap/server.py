"""EapServer: from the EAP-Message of an Access-Request to a Challenge, an Accept or a Reject (RFC 3579 §2).

Bytes from the peer become one of these or silence, never an exception: the methods check what they index, and TLS
reports its failures as values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from netbilld.radius.access import AccessView, Decision, Method, Reason, grant
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    FRAMED_MTU,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    STATE,
    USER_NAME,
)
from netbilld.radius.codes import Code
from netbilld.radius.eap import packet as eap
from netbilld.radius.eap.conversations import MAX_CONVERSATIONS, STATE_OCTETS, Conversation, Conversations
from netbilld.radius.eap.md5 import CHALLENGE_OCTETS, Md5Method
from netbilld.radius.eap.packet import EapCode, EapPacket, EapType
from netbilld.radius.eap.peap import ENTROPY_OCTETS, PeapMethod
from netbilld.radius.eap.resumption import Resumption
from netbilld.radius.eap.steps import Ask, EapMethod, Find, Granted, Refused, broken
from netbilld.radius.eap.tls import EapTlsMethod
from netbilld.radius.eap.ttls import TtlsMethod
from netbilld.radius.eap.tunnel import TlsEngine
from netbilld.radius.packet import MAX_VALUE_OCTETS, Packet, encode_attribute
from netbilld.radius.passwords import hide_salted
from netbilld.radius.server import Request

METHODS: Final[tuple[Method, ...]] = ("eap-peap", "eap-ttls", "eap-tls", "eap-md5")
_TYPES: Final[dict[int, Method]] = {
    EapType.MD5: "eap-md5",
    EapType.TLS: "eap-tls",
    EapType.TTLS: "eap-ttls",
    EapType.PEAP: "eap-peap",
}
# A long certificate chain in the smallest fragments takes some 70; more is a peer that plays.
MAX_ROUNDS: Final = 100
# RFC 3748 §3.1 promises 1020 octets; beyond 1400 the RADIUS packet itself would be cut into IP fragments.
_LEAST_MTU: Final = 1020
_MOST_MTU: Final = 1400
_EAP_HEADER_OCTETS: Final = eap.HEADER_OCTETS + 1
_FRAMED_OVERHEAD_OCTETS: Final = 4  # of EAPOL, which Framed-MTU counts (RFC 3579 §2.4)
_CHALLENGE: Final = int(Code.ACCESS_CHALLENGE)
_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_REJECT: Final = int(Code.ACCESS_REJECT)


SILENCE: Final = "the device fell silent: is somebody to trust the certificate there?"
DISPLACED: Final = "it made room for other log-ins: too many of this device or NAS were left unfinished"


@dataclass(frozen=True, slots=True)
class EapOutcome:
    """What an Access-Request with EAP-Message leads to.

    Attributes:
        decision: the answer.
        view: the credential it was about, as far as it is known; authenticated only beside an Accept.
        identity: who the peer says it is, the inner identity once there is one; for the log.
        told: beside the one Challenge that tells the peer that it will be refused: why.
        was_told: beside a Reject of which a Challenge has told already.
    """

    decision: Decision
    view: AccessView | None = None
    identity: bytes = field(default=b"", repr=False)
    told: Refused | None = None
    was_told: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A log-in whose device fell silent half-way, or hung up when it heard that it is refused; `detail` for people."""

    nas_id: UUID
    identity: bytes = field(repr=False)
    method: Method
    station: bytes | None
    detail: str | None
    refused: Refused | None = None


class EapServer:
    """Carries on every EAP conversation.

    `is_nas` is asked whether a NAS has a name, of a certificate that doesn't say whose it is.

    Args:
        entropy: gives that many unpredictable octets.
        methods: which are offered, the first first; those that need TLS as long as `engine` serves them.
        engine: makes TLS connections; None for MD5 alone.
        resume_seconds: how long a TLS session may be resumed without the password being asked; 0 for never.
        max_conversations: how many may be under way; `Conversations` shares them out, and who has to wait gets silence.
    """

    def __init__(
        self,
        entropy: Callable[[int], bytes],
        methods: Sequence[Method] = METHODS,
        engine: TlsEngine | None = None,
        *,
        resume_seconds: float = 0.0,
        max_conversations: int = MAX_CONVERSATIONS,
    ) -> None:
        self._entropy = entropy
        self._engine = engine
        self._methods = tuple(methods)
        self._resumption = Resumption(resume_seconds)
        self.conversations: Final = Conversations(max_conversations)
        self.is_nas: Callable[[str], bool] = lambda _name: False
        self.resumed = 0
        self.silenced = 0

    @property
    def methods(self) -> tuple[Method, ...]:
        """What is offered now, the first first: what needs TLS only while there is a certificate."""
        return tuple(name for name in self._methods if name == "eap-md5" or self._serves(name))

    def handle(self, request: Request, find: Find, find_certified: Find | None = None) -> EapOutcome | None:
        """Return the answer to an Access-Request with EAP-Message; None for silence.

        `find` leads from a name to its credential and what its service is due now; `find_certified` does so for a name
        in a certificate, for which nothing else need speak.
        """
        packet = request.packet
        now_mono = request.arrived_mono
        message = eap.message_in(packet)
        state = packet.get(STATE)
        if not message and state is None:  # EAP-Start (RFC 3579 §2.1)
            return self._ask_identity(request)
        said = eap.decode(message)
        if said is None or said.code != EapCode.RESPONSE:
            return _rejected(said.identifier if said else 0, broken("malformed EAP packet"), "eap")
        if state is None:
            if said.kind == EapType.IDENTITY:
                return self._begin(request, said)
            return _rejected(said.identifier, broken("a conversation begins with Identity"), "eap", _name(request))
        conversation = self.conversations.find(state, request.client.nas_id, now_mono)
        if (
            conversation is not None and message == conversation.answered
        ):  # sent again, in a packet of another identifier
            return self._challenge(conversation, conversation.asked)
        if said.kind == EapType.IDENTITY and (conversation is None or conversation.method is not None):
            if conversation is not None:  # the peer starts again, and its NAS kept the State
                self.conversations.end(conversation)
            return self._begin(request, said)
        if conversation is None:
            detail = "no such conversation: it took too long, made room for others, or netbilld was restarted"
            return _rejected(said.identifier, broken(detail), "eap", _name(request))
        if said.identifier != conversation.identifier:  # RFC 3748 §4.1
            self.silenced += 1
            return None
        conversation.answered = message
        conversation.rounds += 1
        if conversation.rounds > MAX_ROUNDS:
            return self._refuse(conversation, said, broken(f"more than {MAX_ROUNDS} rounds"))
        if conversation.method is None:
            return self._identified(conversation, said)
        if said.kind == EapType.NAK and not conversation.begun:
            return self._offer_another(conversation, said)
        if said.kind != conversation.method.kind:
            return self._refuse(conversation, said, broken(f"answer of type {said.kind} to another method"))
        conversation.begun = True
        if conversation.method.name == "eap-tls" and find_certified is not None:
            find = find_certified
        step = conversation.method.answer(said.data, find)
        if isinstance(step, Ask):
            outcome = self._ask(conversation, conversation.method.kind, step.data)
            if conversation.told or (told := conversation.method.refused) is None:
                return outcome
            conversation.told = True
            return replace(outcome, told=told)
        if isinstance(step, Refused):
            return self._refuse(conversation, said, step)
        return self._accept(conversation, request, said, conversation.method, step)

    def take_left(self) -> list[Left]:
        """Return, once, the log-ins whose device fell silent half-way."""
        return [
            Left(
                one.nas_id,
                one.method.identity,
                one.method.name,
                one.station,
                _why_it_left(one.method, displaced=one.displaced),
                one.method.refused,
            )
            for one in self.conversations.take_left()
            if one.method is not None
        ]

    def forget_silent(self, now_mono: float) -> None:
        """Forget conversations whose device fell silent, though nothing else arrives; to be called now and then."""
        self.conversations.forget_silent(now_mono)

    # -- the beginning -------------------------------------------------------------------------------------------------

    def _new(self, request: Request, identity: bytes) -> Conversation | None:
        conversation = Conversation(
            state=self._entropy(STATE_OCTETS),
            nas_id=request.client.nas_id,
            identity=identity,
            room_octets=_mtu(request) - _EAP_HEADER_OCTETS,
            started_mono=request.arrived_mono,
            station=request.packet.get(CALLING_STATION_ID),
        )
        if self.conversations.begin(conversation, request.arrived_mono):
            return conversation
        self.silenced += 1
        return None

    def _ask_identity(self, request: Request) -> EapOutcome | None:
        conversation = self._new(request, b"")
        if conversation is None:
            return None
        return self._ask(conversation, EapType.IDENTITY, b"")

    def _begin(self, request: Request, said: EapPacket) -> EapOutcome | None:
        conversation = self._new(request, said.data)
        if conversation is None:
            return None
        conversation.answered = eap.message_in(request.packet)
        conversation.identifier = said.identifier
        return self._identified(conversation, said)

    def _identified(self, conversation: Conversation, said: EapPacket) -> EapOutcome:
        if said.kind != EapType.IDENTITY:
            return self._refuse(conversation, said, broken("a conversation begins with Identity"))
        conversation.identity = said.data[:MAX_VALUE_OCTETS].rstrip(b"\0")
        return self._offer(conversation, said, self.methods)

    def _offer_another(self, conversation: Conversation, said: EapPacket) -> EapOutcome:
        """Take a Nak: offer the first of our methods among those it names (RFC 3748 §5.3.1)."""
        wanted = {_TYPES.get(octet) for octet in said.data}
        possible = [name for name in self.methods if name in wanted and name not in conversation.offered]
        return self._offer(conversation, said, possible)

    def _offer(self, conversation: Conversation, said: EapPacket, possible: Sequence[Method]) -> EapOutcome:
        if not possible:
            detail = f"netbilld speaks {', '.join(self.methods) or 'none here'}"
            if said.kind == EapType.NAK:
                detail += f"; the peer wants {_wanted(said.data)}"
            return self._refuse(conversation, said, Refused(Reason.NO_COMMON_METHOD, detail=detail))
        conversation.method = method = self._method(possible[0], conversation)
        conversation.offered.append(possible[0])
        outcome = self._ask(conversation, method.kind, method.start())
        if isinstance(method, Md5Method):
            method.identifier = conversation.identifier
        return outcome

    def _serves(self, name: Method) -> bool:
        return self._engine is not None and self._engine.serves(client_certificate=name == "eap-tls")

    def _method(self, name: Method, conversation: Conversation) -> EapMethod:
        identity = conversation.identity
        if name == "eap-md5" or self._engine is None:
            return Md5Method(identity, self._entropy(CHALLENGE_OCTETS))
        engine, room, now_mono = self._engine, conversation.room_octets, conversation.started_mono
        if name == "eap-tls":
            return EapTlsMethod(identity, engine, self._resumption, room, now_mono, is_nas=self.is_nas)
        if name == "eap-ttls":
            return TtlsMethod(identity, engine, self._resumption, room, now_mono)
        entropy = self._entropy(ENTROPY_OCTETS)
        return PeapMethod(identity, engine, self._resumption, room, now_mono, entropy=entropy)

    # -- the three answers ---------------------------------------------------------------------------------------------

    def _ask(self, conversation: Conversation, kind: EapType, data: bytes) -> EapOutcome:
        conversation.identifier = (conversation.identifier + 1) & 0xFF
        conversation.asked = eap.request(conversation.identifier, kind, data)
        return self._challenge(conversation, conversation.asked)

    def _challenge(self, conversation: Conversation, message: bytes) -> EapOutcome:
        method = conversation.method
        attributes = encode_attribute(STATE, conversation.state) + eap.as_attributes(message)
        decision = Decision(_CHALLENGE, attributes, Reason.OK, method.name if method else "eap")
        return EapOutcome(decision, None, method.identity if method else conversation.identity)

    def _refuse(self, conversation: Conversation, said: EapPacket, refused: Refused) -> EapOutcome:
        self.conversations.end(conversation)
        method = conversation.method
        if method is None:
            return _rejected(said.identifier, refused, "eap", conversation.identity)
        outcome = _rejected(said.identifier, refused, method.name, method.identity)
        return replace(outcome, was_told=True) if conversation.told else outcome

    def _accept(
        self, conversation: Conversation, request: Request, said: EapPacket, method: EapMethod, granted: Granted
    ) -> EapOutcome:
        self.conversations.end(conversation)
        method.granted()
        self.resumed += granted.resumed
        view = granted.view
        replies = grant(request, view)
        if replies is None:  # it may come in within the walls only, and this NAS has none
            return _rejected(said.identifier, Refused(view.walled or Reason.OK, view), method.name, method.identity)
        attributes = replies + eap.as_attributes(eap.success(said.identifier))
        # Accounting then names the subscriber, whatever stood outside the tunnel (RFC 2865 §5.1, RFC 5281 §7.4).
        name = view.name.encode("utf-8")
        if len(name) <= MAX_VALUE_OCTETS:
            attributes += encode_attribute(USER_NAME, name)
        if granted.msk:
            attributes += _keys(granted.msk, request, self._entropy(2))
        detail = "session resumed" if granted.resumed else None
        return EapOutcome(Decision(_ACCEPT, attributes, Reason.OK, method.name, detail), view, method.identity)


def _why_it_left(method: EapMethod, *, displaced: bool) -> str | None:
    if method.refused is not None:
        return method.refused.detail
    return DISPLACED if displaced else SILENCE


def failure_for(packet: Packet) -> bytes:
    """Return the only attribute of a Reject that ends the conversation `packet` belongs to (RFC 3579 §2.6.5)."""
    said = eap.decode(eap.message_in(packet))
    return eap.as_attributes(eap.failure(said.identifier if said else 0))


def _rejected(identifier: int, refused: Refused, method: Method, identity: bytes = b"") -> EapOutcome:
    # No Reply-Message beside EAP-Message (RFC 3579 §2.6.5).
    attributes = eap.as_attributes(eap.failure(identifier))
    return EapOutcome(Decision(_REJECT, attributes, refused.reason, method, refused.detail), refused.view, identity)


def _name(request: Request) -> bytes:
    return request.packet.get(USER_NAME) or b""


def _keys(msk: bytes, request: Request, entropy: bytes) -> bytes:
    """Return MS-MPPE-Recv-Key and -Send-Key: the first and second half of the MSK (RFC 2548 §2.4, RFC 5216 §2.3)."""
    secret, authenticator = request.client.secret, request.packet.authenticator
    first = bytes((entropy[0] | 0x80, entropy[1]))
    second = bytes((entropy[0] | 0x80, entropy[1] ^ 1))
    return encode_attribute(MS_MPPE_RECV_KEY, hide_salted(msk[:32], first, secret, authenticator)) + encode_attribute(
        MS_MPPE_SEND_KEY, hide_salted(msk[32:64], second, secret, authenticator)
    )


def _mtu(request: Request) -> int:
    """Return how many octets an EAP packet to this peer may have."""
    said = request.packet.get(FRAMED_MTU)
    if said is None or len(said) != 4:
        return _LEAST_MTU
    return min(max(int.from_bytes(said, "big") - _FRAMED_OVERHEAD_OCTETS, _LEAST_MTU), _MOST_MTU)


def _wanted(octets: bytes) -> str:
    return ", ".join(_TYPES.get(octet, f"type {octet}") for octet in octets[:8]) or "nothing"
