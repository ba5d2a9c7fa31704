"""A RADIUS client for `netbilld radius test`: requests built by pyrad from the dictionary, sent as a NAS sends them."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pyrad.packet import AccessRequest, AuthPacket, StatusServer

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.radius import mschap
from netbilld.radius.authenticator import Secret
from netbilld.radius.exchange import Exchange, ExchangeState, Reply, ReplyDropReason, RetransmitPolicy

Method = Literal["pap", "chap", "mschapv2", "none", "status"]
METHODS: Final[tuple[Method, ...]] = ("pap", "chap", "mschapv2", "none", "status")
ENTROPY_OCTETS: Final = 64
_MESSAGE_AUTHENTICATOR: Final = 80
_USER_PASSWORD, _CHAP_PASSWORD, _CHAP_CHALLENGE = 2, 3, 60
_MICROSOFT: Final = 311
_NUMBERS: Final = frozenset(("integer", "byte", "short", "integer64", "signed", "date"))


@dataclass(frozen=True, slots=True)
class WantedRequest:
    """What is to be asked. `extra` are further attributes by name, in their order."""

    method: Method
    username: str | None
    password: str = field(default="", repr=False)
    calling_station_id: str | None = None
    extra: Sequence[tuple[str, str]] = ()
    message_authenticator: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a verified reply or None, what else came, and how long it took.

    Attributes:
        source: our address and port as the server saw them, as far as this host knows.
        refused: the server's host said that nothing listens on that port.
        dropped: datagrams that were no true answer, and why.
        proof: for an accepted MS-CHAPv2, whether the server proved that it knows the password; None otherwise.
    """

    reply: Reply | None
    source: tuple[str, int]
    seconds: float
    transmissions: int
    refused: bool = False
    dropped: tuple[ReplyDropReason, ...] = ()
    proof: bool | None = None


@dataclass(frozen=True, slots=True)
class BuiltRequest:
    """A request ready to be sent, and the MS-CHAP2-Success that would prove its answer genuine."""

    datagram: bytes = field(repr=False)
    expected_success: bytes = field(repr=False, default=b"")


def build(wanted: WantedRequest, secret: bytes, entropy: bytes, dictionary: Any) -> BuiltRequest:
    """Return the request; `entropy` is 64 fresh octets.

    Raises:
        InvalidInputError: an attribute or value is not in the dictionary, or does not fit its type.
    """
    code = StatusServer if wanted.method == "status" else AccessRequest
    packet = AuthPacket(code=code, id=entropy[0], secret=secret, authenticator=entropy[1:17], dict=dictionary)
    expected = b""
    given = {name for name, _value in wanted.extra}
    try:
        if wanted.username is not None:
            packet[1] = [wanted.username.encode("utf-8", "surrogateescape")]
        if wanted.calling_station_id is not None:
            packet[31] = [wanted.calling_station_id.encode()]
        if wanted.method != "status":
            for name, value in (("Service-Type", "Framed-User"), ("Framed-Protocol", "PPP")):
                if not given & {"Service-Type", "Framed-Protocol"}:
                    packet.AddAttribute(name, value)
        if "NAS-Identifier" not in given:
            packet["NAS-Identifier"] = "netbilld-test"
        expected = _add_credentials(packet, wanted, entropy[17:])
        for name, value in wanted.extra:
            _add(packet, dictionary, name, value)
        if wanted.message_authenticator or wanted.method == "status":
            packet[_MESSAGE_AUTHENTICATOR] = [bytes(16)]
            packet.message_authenticator = True
        return BuiltRequest(packet.RequestPacket(), expected)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InvalidInputError(f"the request can't be built: {error}") from None


def _add_credentials(packet: Any, wanted: WantedRequest, entropy: bytes) -> bytes:
    password = wanted.password.encode("utf-8", "surrogateescape")
    # by number: pyrad would read a value that begins with "0x" as hexadecimal text
    if wanted.method == "pap":
        packet[_USER_PASSWORD] = [packet.PwCrypt(wanted.password)]
    elif wanted.method == "chap":
        identifier, challenge = entropy[:1], entropy[1:17]
        # RFC 2865 §2.2 fixes the algorithm
        response = hashlib.md5(identifier + password + challenge, usedforsecurity=False).digest()
        packet[_CHAP_CHALLENGE] = [challenge]
        packet[_CHAP_PASSWORD] = [identifier + response]
    elif wanted.method == "mschapv2":
        challenge, peer_challenge = entropy[1:17], entropy[17:33]
        user_name = (wanted.username or "").encode("utf-8", "surrogateescape")
        hashed = mschap.nt_hash(password)
        bare = mschap.name_without_domain(user_name)
        answer = mschap.challenge_response(mschap.challenge_hash(peer_challenge, challenge, bare), hashed)
        response = entropy[:1] + b"\0" + peer_challenge + bytes(8) + answer  # RFC 2548 §2.3.2
        packet[_MICROSOFT, 11] = [challenge]
        packet[_MICROSOFT, 25] = [response]
        return mschap.success_v2(challenge, response, user_name, hashed)
    return b""


def _add(packet: Any, dictionary: Any, name: str, value: str) -> None:
    attribute = dictionary.attributes.get(name.partition(":")[0])
    if attribute is None:
        close = [known for known in dictionary.attributes if known.casefold() == name.casefold()]
        hint = f"did you mean {close[0]}?" if close else "add it to a file named by the setting radius.dictionary"
        raise InvalidInputError(f"the dictionary has no attribute {name!r}", hint=hint, code="unknown_attribute")
    encoded: str | int = value
    if attribute.type in _NUMBERS and not attribute.values.HasForward(value):
        try:
            encoded = int(value, 0)
        except ValueError:
            allowed = ", ".join(sorted(attribute.values.forward)[:12])
            hint = f"write a number or one of {allowed}" if allowed else "write a number"
            raise InvalidInputError(f"{name}={value!r} is no value of type {attribute.type}", hint=hint) from None
    try:
        packet.AddAttribute(name, encoded)
    except Exception as error:  # noqa: BLE001 - pyrad lets struct, socket and address errors through, each of its own
        raise InvalidInputError(f"{name}={value!r} is no value of type {attribute.type}: {error}") from None


class _Probe(asyncio.DatagramProtocol):
    """Keeps what arrives for whoever waits."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | None] = asyncio.Queue(100)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        del addr
        if not self.arrived.full():
            self.arrived.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        del exc
        if not self.arrived.full():
            self.arrived.put_nowait(None)


async def ask(
    host: str,
    port: int,
    built: BuiltRequest,
    secret: bytes,
    *,
    entropy: bytes,
    monotonic: Callable[[], float],
    timeout_seconds: float = 2.0,
    tries: int = 3,
    source: str | None = None,
) -> Outcome:
    """Send a request to `host` until a true reply comes or patience ends, from the address `source` of ours if given.

    Raises:
        NetbilldError: the host's name has no address, or this host has no way to it.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, probe = await loop.create_datagram_endpoint(
            _Probe, local_addr=None if source is None else (source, 0), remote_addr=(host, port)
        )
    except OSError as error:
        raise NetbilldError(f"{host}:{port} can't be reached: {error}", code="unreachable") from None
    started_mono = monotonic()
    policy = RetransmitPolicy(timeout_seconds, timeout_seconds, tries, 0)
    exchange = Exchange(built.datagram, Secret(secret), started_mono, entropy, policy)
    our_end = transport.get_extra_info("sockname")
    refused = False
    try:
        transport.sendto(built.datagram)
        while (due_mono := exchange.next_at_mono) is not None:
            try:
                async with asyncio.timeout(max(0.0, due_mono - monotonic())):
                    datagram = await probe.arrived.get()
            except TimeoutError:
                again = exchange.poll(monotonic())
                if again is not None:
                    transport.sendto(again)
                continue
            if datagram is None:
                refused = True
                break
            exchange.receive(datagram)
    finally:
        transport.close()
    reply = exchange.reply if exchange.state is ExchangeState.DONE else None
    proof = None
    if reply is not None and built.expected_success:
        said = reply.packet.attributes.get(_MICROSOFT << 8 | 26)
        proof = None if said is None else said == built.expected_success
    return Outcome(
        reply,
        (our_end[0], our_end[1]),
        monotonic() - started_mono,
        exchange.transmissions,
        refused,
        tuple(exchange.dropped),
        proof,
    )


def parse_attributes(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return NAME=VALUE words as pairs.

    Raises:
        InvalidInputError: a word has no `=`.
    """
    pairs = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise InvalidInputError(
                f"{word!r} is no attribute", hint="write NAME=VALUE, such as NAS-Port-Type=Ethernet"
            )
        pairs.append((name, value))
    return pairs
