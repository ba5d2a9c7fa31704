"""What EAP-TLS, TTLS and PEAP share: fragments, handshake, and the last word that waits for an acknowledgement."""

from abc import ABC, abstractmethod
from typing import Final

from netbilld.radius.access import Method, Reason
from netbilld.radius.eap.fragments import ACK, START, Outgoing, Reassembly
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.resumption import Remembered, Resumption, credential_digest, is_unchanged
from netbilld.radius.eap.steps import Ask, Find, Granted, Refused, Step, broken, concluded
from netbilld.radius.eap.tunnel import TlsEngine, TlsTunnel, master_session_key

# All that a peer may send in one conversation: a handshake with a long chain of certificates, and what is inside.
MAX_RECEIVED_OCTETS: Final = 131_072


class TlsMethod(ABC):
    """A method inside TLS, version 0; the handshake is done here, what follows it by `_established` and the others."""

    kind: EapType
    name: Method
    identity: bytes
    _with_certificate = False

    def __init__(
        self,
        identity: bytes,
        engine: TlsEngine,
        resumption: Resumption,
        room_octets: int,
        now_mono: float,
    ) -> None:
        """Begin; the TLS connection itself is made when the peer first sends something.

        `room_octets` is what the data of one Request may have. `now_mono` is when the conversation began.
        """
        self.identity = identity
        self._engine = engine
        self._resumption = resumption
        self._now_mono = now_mono
        self._reassembly = Reassembly()
        self._outgoing = Outgoing(room_octets)
        self._made: TlsTunnel | None = None
        self._received_octets = 0
        self._verdict: Granted | Refused | None = None
        self._since_mono: float | None = None  # when a resumed session was authenticated

    def start(self) -> bytes:
        """Return a TLS start (RFC 5216 §3.1)."""
        return bytes((START,))

    def answer(self, data: bytes, find: Find) -> Step:
        """Take a fragment: acknowledge it, send the next of ours, or go on with the message it completes."""
        self._received_octets += len(data)
        if self._received_octets > MAX_RECEIVED_OCTETS:
            return broken(f"the peer sent more than {MAX_RECEIVED_OCTETS} octets")
        message = self._reassembly.take(data)
        if isinstance(message, Refused):
            return message
        if self._outgoing.waiting:
            if message != b"":
                return broken("the peer speaks before it has heard everything")
            return Ask(self._outgoing.next())
        if message is None:
            return Ask(ACK)
        if self._verdict is not None:
            return self._last_word(message, self._verdict)
        return self._go_on(message, find)

    @property
    def refused(self) -> Refused | None:
        """Why the peer will be refused, once it has heard what we have to say before."""
        return self._verdict if isinstance(self._verdict, Refused) else None

    def granted(self) -> None:
        """Let the session be resumed."""
        self._tunnel.let_resume()

    def _last_word(self, message: bytes, verdict: Granted | Refused) -> Granted | Refused:
        """Return the verdict, now that the peer has heard what came with it; a peer that objects is not let in."""
        if message and isinstance(verdict, Granted):
            self._tunnel.receive(message)
            if self._tunnel.failure is not None:
                return Refused(Reason.EAP_FAILED, verdict.view, self._tunnel.failure)
        return verdict

    @property
    def _tunnel(self) -> TlsTunnel:
        if self._made is None:
            self._made = self._engine.tunnel(client_certificate=self._with_certificate)
        return self._made

    def _go_on(self, message: bytes, find: Find) -> Step:
        tunnel = self._tunnel
        through = tunnel.established
        if through:
            if message:
                data = tunnel.receive(message)
                if tunnel.failure is not None:
                    return self._failed()
                verdict = self._heard(data, find)
            else:
                verdict = self._acknowledged(find)
        elif not message:
            return broken("the peer acknowledges where it should go on with TLS")
        else:
            data = tunnel.receive(message)
            if tunnel.failure is not None:
                return self._failed()
            if not tunnel.established:
                return self._send()
            verdict = self._established(data, find)
        if verdict is None:
            return self._send()
        return self._conclude(verdict)

    def _conclude(self, verdict: Granted | Refused) -> Step:
        """Return the verdict, or what must be said before it; a session is remembered once its peer was let in."""
        if isinstance(verdict, Granted):
            tunnel = self._tunnel
            verdict = Granted(verdict.view, master_session_key(tunnel, self.kind), self._since_mono is not None)
            since_mono = self._now_mono if self._since_mono is None else self._since_mono
            digest = credential_digest(verdict.view)
            self._resumption.remember(tunnel.sessions, Remembered(self.kind, self.identity, digest, since_mono))
        pending = self._tunnel.take()
        if not pending:
            return verdict
        self._verdict = verdict
        return Ask(self._outgoing.send(pending))

    def _send(self) -> Step:
        return Ask(self._outgoing.send(self._tunnel.take()))

    def _failed(self) -> Step:
        """Send the alert; the peer acknowledges it before the Failure (RFC 5216 §2.1.3)."""
        tunnel = self._tunnel
        reason = Reason.EAP_FAILED if tunnel.blames is None else Reason.CERTIFICATE_REFUSED
        return self._conclude(Refused(reason, detail=tunnel.failure))

    def _resumed(self, find: Find) -> Granted | Refused | None:
        """Return what a resumed session's subscriber is due now; None if the peer must authenticate."""
        who = self._resumption.find(self._tunnel.sessions, self.kind, self._now_mono)
        if who is None:
            return None
        view = find(who.identity)
        if view is None or not is_unchanged(who, view):
            return None
        self.identity = who.identity
        self._since_mono = who.since_mono
        return concluded(view, Reason.OK)

    # -- what a method makes of it: a verdict, or None to send what it wrote into the tunnel, if only an acknowledgement

    @abstractmethod
    def _established(self, data: bytes, find: Find) -> Granted | Refused | None:
        """Go on after the handshake; `data` is what the peer sent inside the tunnel with its last message."""

    @abstractmethod
    def _heard(self, data: bytes, find: Find) -> Granted | Refused | None:
        """Go on with what the peer said inside the tunnel."""

    @abstractmethod
    def _acknowledged(self, find: Find) -> Granted | Refused | None:
        """Go on after the peer acknowledged what we said."""
