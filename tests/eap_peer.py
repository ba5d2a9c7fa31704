"""A supplicant in the test's own process: MD5, TLS, TTLS and PEAP over pyOpenSSL, and the NAS in front of the server."""

from collections.abc import Callable
from pathlib import Path

from OpenSSL import SSL

from netbilld.radius import mschap
from netbilld.radius.access import AccessView
from netbilld.radius.attributes import EAP_MESSAGE, STATE, USER_NAME
from netbilld.radius.authenticator import md5
from netbilld.radius.clients import Client
from netbilld.radius.eap import EapOutcome, EapServer
from netbilld.radius.packet import Packet, decode
from netbilld.radius.server import Request
from tests.radius_requests import SOURCE, access_request, client

PEER_CHALLENGE = bytes(range(16))
PEER_ROOM = 1000
TYPES = {"md5": 4, "tls": 13, "ttls": 21, "peap": 25}


def client_context(
    authority: Path, *, version: str = "1.3", certificate: Path | None = None, key: Path | None = None
) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(str(authority))
    context.set_verify(SSL.VERIFY_PEER)
    context.set_max_proto_version(SSL.TLS1_3_VERSION if version == "1.3" else SSL.TLS1_2_VERSION)
    if certificate is not None:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
    return context


def response(identifier: int, kind: int, data: bytes) -> bytes:
    """Return what a peer answers a Request with."""
    size = 5 + len(data)
    return bytes((2, identifier, size >> 8, size & 0xFF, kind)) + data


def avp(code: int, value: bytes, vendor: int = 0) -> bytes:
    size = 8 + (4 if vendor else 0) + len(value)
    head = code.to_bytes(4, "big") + bytes((0xC0 if vendor else 0x40,)) + size.to_bytes(3, "big")
    return head + (vendor.to_bytes(4, "big") if vendor else b"") + value + bytes(-len(value) % 4)


class Peer:
    """Answers EAP Requests as a supplicant would."""

    def __init__(
        self,
        method: str,
        identity: bytes,
        password: str = "",
        *,
        context: SSL.Context | None = None,
        inner: str = "pap",
        outer: bytes | None = None,
        session: SSL.Session | None = None,
    ) -> None:
        self.method, self.identity, self.password, self.inner = method, identity, password, inner
        self.outer = identity if outer is None else outer
        self.connection: SSL.Connection | None = None
        if context is not None:
            self.connection = SSL.Connection(context, None)
            self.connection.set_connect_state()
            if session is not None:
                self.connection.set_session(session)
        self.ended = b""
        self.rounds = 0
        self.heard_inside: list[bytes] = []
        self.tamper_inside: Callable[[bytes], bytes] = bytes
        self.done = False
        self._resuming = session is not None
        self._established = False
        self._received = b""
        self._out: list[bytes] = []

    def answer(self, message: bytes) -> bytes:
        """Return the Response to a Request; Success and Failure are kept in `ended`."""
        self.rounds += 1
        if message[0] in {3, 4}:
            self.ended = message
            return b""
        identifier, kind, data = message[1], message[4], message[5:]
        if kind == 1:
            return response(identifier, 1, self.outer)
        if kind != TYPES[self.method]:
            return response(identifier, 3, bytes((TYPES[self.method],)))
        if self.method == "md5":
            challenge = data[1 : 1 + data[0]]
            digest = md5(bytes((identifier,)) + self.password.encode() + challenge).digest()
            return response(identifier, 4, b"\x10" + digest + self.identity)
        return response(identifier, kind, self._tls(data))

    def key(self) -> bytes:
        """The MSK as the peer derives it."""
        assert self.connection is not None
        if self.connection.get_protocol_version() == SSL.TLS1_3_VERSION:
            kind = bytes((TYPES[self.method],))
            return self.connection.export_keying_material(b"EXPORTER_EAP_TLS_Key_Material", 128, kind)[:64]
        label = b"ttls keying material" if self.method == "ttls" else b"client EAP encryption"
        return self.connection.export_keying_material(label, 128)[:64]

    def session(self) -> SSL.Session:
        assert self.connection is not None
        self.connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)  # else it is worth nothing
        session = self.connection.get_session()
        assert session is not None
        return session

    def _tls(self, data: bytes) -> bytes:
        flags, part = data[0], data[5:] if data[0] & 0x80 else data[1:]
        self._received += part
        if flags & 0x40:
            return b"\0"
        if self._out:
            return self._out.pop(0)
        received, self._received = self._received, b""
        return self._cut(self._step(received))

    def _cut(self, message: bytes) -> bytes:
        if len(message) <= PEER_ROOM:
            return b"\0" + message
        parts = [message[at : at + PEER_ROOM] for at in range(0, len(message), PEER_ROOM)]
        first = b"\xc0" + len(message).to_bytes(4, "big") + parts[0]
        self._out = [first, *(b"\x40" + part for part in parts[1:-1]), b"\0" + parts[-1]]
        return self._out.pop(0)

    def _step(self, received: bytes) -> bytes:
        connection = self.connection
        assert connection is not None
        try:
            if received:
                connection.bio_write(received)
            if not self._established:
                connection.do_handshake()
                self._established = True
            inside = b""
            while True:
                inside += connection.recv(65536)
        except SSL.WantReadError:
            pass
        except SSL.Error:
            return self._flush()
        if self._established:
            if inside:
                self.heard_inside.append(inside)
            said = self._inside(inside)
            if said:
                connection.send(self.tamper_inside(said) or b"\0")
        return self._flush()

    def _flush(self) -> bytes:
        assert self.connection is not None
        try:
            return self.connection.bio_read(65536)
        except SSL.WantReadError:
            return b""

    def _inside(self, heard: bytes) -> bytes:
        if self.method == "ttls" and not self.done and not heard and not self._resuming:
            self.done = True
            return self._ttls()
        if self.method == "peap" and heard:
            return self._peap(heard)
        return b""

    def _ttls(self) -> bytes:
        name = avp(1, self.identity)
        assert self.connection is not None
        nt_hash = mschap.nt_hash(self.password)
        match self.inner:
            case "pap":
                password = self.password.encode()
                return name + avp(2, password + bytes(-len(password) % 16))
            case "chap":
                derived = self.connection.export_keying_material(b"ttls challenge", 17)
                digest = md5(derived[16:] + self.password.encode() + derived[:16]).digest()
                return name + avp(3, derived[16:] + digest) + avp(60, derived[:16])
            case "mschap":
                derived = self.connection.export_keying_material(b"ttls challenge", 9)
                answer = mschap.challenge_response(derived[:8], nt_hash)
                return name + avp(11, derived[:8], 311) + avp(1, derived[8:] + b"\1" + bytes(24) + answer, 311)
        derived = self.connection.export_keying_material(b"ttls challenge", 17)
        hashed = mschap.challenge_hash(PEER_CHALLENGE, derived[:16], self.identity)
        answer = mschap.challenge_response(hashed, nt_hash)
        value = derived[16:] + b"\0" + PEER_CHALLENGE + bytes(8) + answer
        return name + avp(11, derived[:16], 311) + avp(25, value, 311)

    def _peap(self, heard: bytes) -> bytes:
        if heard[:1] == b"\1" and len(heard) == 1:
            return b"\1" + self.identity
        if heard[4:5] == b"\x21":  # a Result, with the header of EAP
            return b"\2" + heard[1:]
        if heard[1] == 1:
            challenge = heard[6:22]
            hashed = mschap.challenge_hash(PEER_CHALLENGE, challenge, self.identity)
            answer = mschap.challenge_response(hashed, mschap.nt_hash(self.password))
            value = PEER_CHALLENGE + bytes(8) + answer + b"\0"
            size = 5 + len(value) + len(self.identity)
            return b"\x1a\2" + heard[2:3] + size.to_bytes(2, "big") + b"\x31" + value + self.identity
        return b"\x1a" + heard[1:2]  # Success or Failure, acknowledged


def eap_request(
    message: bytes,
    state: bytes | None = None,
    *more: tuple[int, bytes],
    at_mono: float = 0.0,
    nas: Client | None = None,
) -> Request:
    """Return the Access-Request a NAS makes of a peer's EAP packet."""
    pairs = [(USER_NAME, b"whoever"), *more]
    pairs += [(EAP_MESSAGE, message[at : at + 253]) for at in range(0, len(message), 253)] or [(EAP_MESSAGE, b"")]
    if state is not None:
        pairs.append((STATE, state))
    return Request(nas or client(), decode(access_request(pairs, signed=False)), SOURCE, at_mono)


def said(outcome: EapOutcome) -> Packet:
    """Return the answer's attributes, decoded."""
    attributes = outcome.decision.attributes
    return decode(
        bytes((outcome.decision.code, 0)) + (20 + len(attributes)).to_bytes(2, "big") + bytes(16) + attributes
    )


def converse(
    server: EapServer,
    peer: Peer,
    find: Callable[[bytes], AccessView | None],
    *more: tuple[int, bytes],
    tamper: Callable[[bytes], bytes] = bytes,
    at_mono: float = 0.0,
) -> EapOutcome | None:
    """Carry a conversation to its end; None if the server fell silent."""
    message = bytes((2, 0)) + (5 + len(peer.outer)).to_bytes(2, "big") + b"\1" + peer.outer
    state: bytes | None = None
    for _ in range(200):
        outcome = server.handle(eap_request(tamper(message), state, *more, at_mono=at_mono), find)
        if outcome is None:
            return None
        answer = said(outcome)
        state = answer.get(STATE)
        message = peer.answer(b"".join(answer.all(EAP_MESSAGE)))
        if outcome.decision.code != 11:
            return outcome
    raise AssertionError("no end after 200 rounds")
