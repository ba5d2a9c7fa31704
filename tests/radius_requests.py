"""Requests as a NAS would send them, for tests of the server's side."""

from ipaddress import ip_network
from uuid import UUID

from netbilld.radius import mschap
from netbilld.radius.access import AccessView, CredentialKind
from netbilld.radius.attributes import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    MS_CHAP2_RESPONSE,
    MS_CHAP_CHALLENGE,
    MS_CHAP_RESPONSE,
    NAS_IP_ADDRESS,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.authenticator import Secret, md5
from netbilld.radius.clients import Client, RequireMessageAuthenticator
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import encode_attributes
from netbilld.radius.passwords import hide_password
from netbilld.radius.server import RadiusServer, Replay, Request, ServerKind, Source

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
SOURCE: Source = ("192.0.2.1", 40001)
NAS_ID = UUID("00000000-0000-4000-8000-000000000001")
SERVICE_ID = UUID("00000000-0000-4000-8000-000000000002")
NAS = (NAS_IP_ADDRESS, bytes((192, 0, 2, 1)))

Pairs = list[tuple[int, bytes]]


def entropy(octets: int) -> bytes:
    """Return what every test may foresee."""
    return bytes(range(octets))


def client(
    address: str = "192.0.2.0/24",
    *,
    secret: Secret = SECRET,
    vendor: str = "mikrotik",
    policy: RequireMessageAuthenticator = "auto",
    seen: bool = False,
    nas_id: UUID = NAS_ID,
    name: str = "pop1",
) -> Client:
    return Client(nas_id, name, ip_network(address), secret, vendor, policy, seen)


def server(kind: ServerKind = "auth", *clients: Client) -> RadiusServer:
    return RadiusServer(clients or (client(),), kind)


def access_request(
    pairs: Pairs,
    *,
    identifier: int = 7,
    signed: bool = True,
    authenticator: bytes = AUTHENTICATOR,
    secret: Secret = SECRET,
) -> bytes:
    return build_request(
        Code.ACCESS_REQUEST, identifier, secret, encode_attributes(pairs), signed, authenticator=authenticator
    )


def accounting_request(pairs: Pairs, *, identifier: int = 7, secret: Secret = SECRET) -> bytes:
    return build_request(Code.ACCOUNTING_REQUEST, identifier, secret, encode_attributes(pairs), False)


def accepted(datagram: bytes, from_client: Client | None = None) -> Request:
    """Return the request that a fresh server takes `datagram` for."""
    request = server("auth", *((from_client,) if from_client else ())).receive(datagram, SOURCE, 0.0)
    assert isinstance(request, Request), request
    return request


def received(radius: RadiusServer, datagram: bytes, now_mono: float = 0.0, source: Source = SOURCE) -> Request:
    request = radius.receive(datagram, source, now_mono)
    assert isinstance(request, Request), request
    return request


def replayed(radius: RadiusServer, datagram: bytes, now_mono: float = 0.0, source: Source = SOURCE) -> bytes:
    replay = radius.receive(datagram, source, now_mono)
    assert isinstance(replay, Replay), replay
    return replay.reply


def pap(name: bytes, password: bytes, *more: tuple[int, bytes]) -> Request:
    hidden = hide_password(password, SECRET, AUTHENTICATOR)
    return accepted(access_request([(USER_NAME, name), (USER_PASSWORD, hidden), NAS, *more]))


def chap(name: bytes, password: bytes, *more: tuple[int, bytes], challenge: bytes = b"") -> Request:
    answer = b"\x16" + md5(b"\x16" + password + (challenge or AUTHENTICATOR)).digest()
    pairs: Pairs = [(USER_NAME, name), (CHAP_PASSWORD, answer), NAS, *more]
    if challenge:
        pairs.append((CHAP_CHALLENGE, challenge))
    return accepted(access_request(pairs))


def mschap_v1(name: bytes, password: str, *more: tuple[int, bytes]) -> Request:
    challenge = bytes.fromhex("102db5df085d3041")
    answer = b"\x05\x01" + bytes(24) + mschap.challenge_response(challenge, mschap.nt_hash(password))
    return accepted(
        access_request([(USER_NAME, name), (MS_CHAP_CHALLENGE, challenge), (MS_CHAP_RESPONSE, answer), NAS, *more])
    )


def mschap_v2(name: bytes, password: str, *more: tuple[int, bytes], hashed_name: bytes | None = None) -> Request:
    challenge = bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628")
    peer = bytes.fromhex("21402324255e262a28295f2b3a337c7e")
    hashed = mschap.challenge_hash(peer, challenge, name if hashed_name is None else hashed_name)
    answer = b"\x05\x00" + peer + bytes(8) + mschap.challenge_response(hashed, mschap.nt_hash(password))
    return accepted(
        access_request([(USER_NAME, name), (MS_CHAP_CHALLENGE, challenge), (MS_CHAP2_RESPONSE, answer), NAS, *more])
    )


def view(
    name: str = "nemo",
    password: str = "arctangent",
    *,
    kind: CredentialKind = "password",
    replies: dict[str, bytes] | None = None,
    refusal: str | None = None,
    reply_message: bytes = b"",
) -> AccessView:
    return AccessView(
        name=name,
        kind=kind,
        password=password.encode(),
        nt_hash=mschap.nt_hash(password) if password else b"",
        service_id=SERVICE_ID,
        replies={"mikrotik": b""} if replies is None else replies,
        refusal=refusal,
        reply_message=reply_message,
    )
