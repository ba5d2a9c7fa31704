"""The client's side: a CoA-, Disconnect- or Status-Server request, its retransmissions and its reply.

No socket and no clock: `Exchange` says when to send again (RFC 5080 §2.2.1), `verify_reply` whether what came back
answers the request (RFC 5176 §2.3, §3.4).
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from netbilld.radius.attributes import ERROR_CAUSE
from netbilld.radius.authenticator import (
    MESSAGE_AUTHENTICATOR_HEADER,
    ZERO_AUTHENTICATOR,
    Secret,
    message_authenticator,
    request_authenticator,
    verify_message_authenticator,
    verify_response_authenticator,
)
from netbilld.radius.codes import Code
from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.packet import Packet, decode, encode

_HEADER_OCTETS = 20
_SELF_AUTHENTICATED = frozenset((Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST))
_ANSWERS = {
    Code.ACCESS_REQUEST: frozenset((Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE)),
    Code.ACCOUNTING_REQUEST: frozenset((Code.ACCOUNTING_RESPONSE,)),
    Code.STATUS_SERVER: frozenset((Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE)),
    Code.DISCONNECT_REQUEST: frozenset((Code.DISCONNECT_ACK, Code.DISCONNECT_NAK)),
    Code.COA_REQUEST: frozenset((Code.COA_ACK, Code.COA_NAK)),
}


def build_request(
    code: int,
    identifier: int,
    secret: Secret,
    attributes: bytes,
    message_authenticator: bool = True,
    *,
    authenticator: bytes | None = None,
) -> bytes:
    """Return a signed request; Message-Authenticator, if wanted, comes first (RFC 5176 §3.4).

    Accounting-, CoA- and Disconnect-Requests sign themselves. Access-Request and Status-Server need 16 fresh octets as
    `authenticator`.

    Raises:
        EncodeError: it is longer than 4096 octets, or `authenticator` is missing or not 16 octets.
    """
    self_authenticated = code in _SELF_AUTHENTICATED
    if self_authenticated:
        authenticator = ZERO_AUTHENTICATOR
    elif authenticator is None or len(authenticator) != 16:
        raise EncodeError(f"a request with code {code} needs a fresh authenticator of 16 octets")
    if not message_authenticator:
        datagram = encode(code, identifier, authenticator, attributes)
    else:
        unsigned = encode(
            code, identifier, authenticator, MESSAGE_AUTHENTICATOR_HEADER + ZERO_AUTHENTICATOR + attributes
        )
        datagram = _with_message_authenticator(unsigned, secret, authenticator)
    if self_authenticated:
        datagram = datagram[:4] + request_authenticator(secret, datagram) + datagram[20:]
    return datagram


def _with_message_authenticator(datagram: bytes, secret: Secret, authenticator: bytes) -> bytes:
    at = _HEADER_OCTETS + 2
    return datagram[:at] + message_authenticator(secret, datagram, at, authenticator) + datagram[at + 16 :]


@dataclass(frozen=True, slots=True)
class Reply:
    """A verified reply. `error_cause` is what a NAK gives as its reason (RFC 5176 §3.5), None if it gives none."""

    packet: Packet
    code: int
    error_cause: int | None


class ReplyDropReason(StrEnum):
    """Why a datagram is not taken for a reply."""

    MALFORMED = "malformed"
    OTHER_IDENTIFIER = "other_identifier"
    UNEXPECTED_CODE = "unexpected_code"
    BAD_AUTHENTICATOR = "bad_authenticator"
    BAD_MESSAGE_AUTHENTICATOR = "bad_message_authenticator"


@dataclass(frozen=True, slots=True)
class ReplyDrop:
    """A datagram that does not answer the request; go on waiting."""

    reason: ReplyDropReason


def verify_reply(request: bytes, datagram: bytes, secret: Secret) -> Reply | ReplyDrop:
    """Return the reply in `datagram` if it truly answers `request`.

    Response Authenticator must be right, Message-Authenticator too if there is one; it is taken over the request's
    authenticator (RFC 5176 §3.4).
    """
    try:
        packet = decode(datagram)
    except MalformedPacket:
        return ReplyDrop(ReplyDropReason.MALFORMED)
    if packet.identifier != request[1]:
        return ReplyDrop(ReplyDropReason.OTHER_IDENTIFIER)
    if packet.code not in _ANSWERS.get(Code(request[0]), frozenset()):
        return ReplyDrop(ReplyDropReason.UNEXPECTED_CODE)
    authenticator = request[4:20]
    if not verify_response_authenticator(packet, secret, authenticator):
        return ReplyDrop(ReplyDropReason.BAD_AUTHENTICATOR)
    if packet.message_authenticator_at and not verify_message_authenticator(packet, secret, authenticator):
        return ReplyDrop(ReplyDropReason.BAD_MESSAGE_AUTHENTICATOR)
    cause = packet.get(ERROR_CAUSE)
    error_cause = int.from_bytes(cause, "big") if cause is not None and len(cause) == 4 else None
    return Reply(packet, packet.code, error_cause)


@dataclass(frozen=True, slots=True)
class RetransmitPolicy:
    """When to send again and when to give up (RFC 5080 §2.2.1, names and values of its own).

    `irt_seconds` first wait, `mrt_seconds` longest wait, `mrc` most transmissions, `mrd_seconds` longest time in all;
    a limit of 0 is no limit.
    """

    irt_seconds: float = 2.0
    mrt_seconds: float = 16.0
    mrc: int = 5
    mrd_seconds: float = 30.0


class ExchangeState(StrEnum):
    """Where a client transaction stands."""

    WAITING = "waiting"
    DONE = "done"
    TIMED_OUT = "timed_out"


class Exchange:
    """One client transaction: the same bytes sent until a true reply comes or patience ends.

    The owner sends `request` once at the start, then calls `poll` at `next_at_mono` and `receive` for each datagram
    from the peer. `entropy` (8 octets or more) jitters the waits by up to a tenth, so that many do not march in step.
    """

    def __init__(
        self,
        request: bytes,
        secret: Secret,
        now_mono: float,
        entropy: bytes,
        policy: RetransmitPolicy | None = None,
    ) -> None:
        self.request = request
        self.state = ExchangeState.WAITING
        self.reply: Reply | None = None
        self.transmissions = 1
        self.dropped: list[ReplyDropReason] = []
        self._secret = secret
        self._policy = policy or RetransmitPolicy()
        self._entropy = entropy
        self._started_mono = now_mono
        self._wait_seconds = self._policy.irt_seconds * (1 + self._jitter())
        self._due_at_mono = now_mono + self._wait_seconds

    @property
    def next_at_mono(self) -> float | None:
        """The moment to call `poll` next; None when the transaction is over."""
        if self.state is not ExchangeState.WAITING:
            return None
        if self._policy.mrd_seconds:
            return min(self._due_at_mono, self._started_mono + self._policy.mrd_seconds)
        return self._due_at_mono

    def poll(self, now_mono: float) -> bytes | None:
        """Return the bytes to send now, or None: nothing is due yet, or the transaction is over (see `state`)."""
        policy = self._policy
        if self.state is not ExchangeState.WAITING:
            return None
        if policy.mrd_seconds and now_mono >= self._started_mono + policy.mrd_seconds:
            self.state = ExchangeState.TIMED_OUT
            return None
        if now_mono < self._due_at_mono:
            return None
        if policy.mrc and self.transmissions >= policy.mrc:
            self.state = ExchangeState.TIMED_OUT
            return None
        wait_seconds = self._wait_seconds * (2 + self._jitter())
        if policy.mrt_seconds and wait_seconds > policy.mrt_seconds:
            wait_seconds = policy.mrt_seconds * (1 + self._jitter())
        self._wait_seconds = wait_seconds
        self._due_at_mono = now_mono + wait_seconds
        self.transmissions += 1
        return self.request

    def receive(self, datagram: bytes) -> Reply | ReplyDrop:
        """Return what `datagram` is; a true reply ends the transaction, anything else changes nothing."""
        answer = verify_reply(self.request, datagram, self._secret)
        if isinstance(answer, ReplyDrop):
            self.dropped = [*self.dropped[-7:], answer.reason]
        elif self.state is ExchangeState.WAITING:
            self.reply = answer
            self.state = ExchangeState.DONE
        return answer

    def _jitter(self) -> float:
        """Return the next of the even spread from -0.1 to 0.1 (RAND in RFC 5080 §2.2.1)."""
        octet = self._entropy[self.transmissions % len(self._entropy)] if self._entropy else 128
        return (octet - 127.5) / 1275


class IdentifierPool:
    """The 256 identifiers of one source port, the longest unused given first, so that late replies meet no heir."""

    def __init__(self, first: int = 0) -> None:
        self._free = deque((first + offset) % 256 for offset in range(256))

    def take(self) -> int | None:
        """Return a free identifier, or None: 256 requests are under way and another source port is needed."""
        return self._free.popleft() if self._free else None

    def release(self, identifier: int) -> None:
        """Give `identifier` back."""
        self._free.append(identifier)

    def __len__(self) -> int:
        return len(self._free)
