"""EAP inside TLS, in one process: a supplicant of pyOpenSSL against the server, both TLS versions."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL

from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.radius.access import AccessView, Reason
from netbilld.radius.attributes import EAP_MESSAGE, FRAMED_MTU, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY, STATE, USER_NAME
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, EapServer
from netbilld.radius.mschap import nt_hash
from netbilld.radius.passwords import reveal_salted
from tests.eap_certificates import Pair, make
from tests.eap_peer import Peer, client_context, converse, eap_request, said
from tests.radius_requests import AUTHENTICATOR, SECRET, view

NEMO = b"nemo"
PASSWORD = "arctangent"
VERSIONS = ("1.2", "1.3")
TUNNELLED = [("ttls", "pap"), ("ttls", "chap"), ("ttls", "mschap"), ("ttls", "mschapv2"), ("peap", "mschapv2")]


class Seconds:
    """A clock that goes on when told to."""

    def __init__(self) -> None:
        self.now_mono = 0.0

    def __call__(self) -> float:
        return self.now_mono


@dataclass
class World:
    """Certificates, a server, and what peers need to speak with it."""

    directory: Path
    authority: Pair
    engine: EapTls
    server: EapServer
    known: AccessView
    seconds: Seconds

    def find(self, name: bytes) -> AccessView | None:
        return self.known if name.lower() == NEMO else None

    def context(self, version: str = "1.3", name: str | None = None) -> SSL.Context:
        files = (self.directory / f"{name}.pem", self.directory / f"{name}.key") if name else (None, None)
        return client_context(self.directory / "ca.pem", version=version, certificate=files[0], key=files[1])

    def login(self, peer: Peer, *more: tuple[int, bytes], at_mono: float = 0.0) -> EapOutcome:
        outcome = converse(self.server, peer, self.find, *more, at_mono=at_mono)
        assert outcome is not None
        return outcome

    def client(
        self,
        name: str,
        common_name: str = "nemo",
        *names: x509.GeneralName,
        days: int = 60,
        use: CertificateUse = CertificateUse.EAP,
    ) -> Pair:
        pair = make(common_name, self.authority, client=True, names=names, days=days, use=use)
        pair.write(self.directory, name)
        return pair


@pytest.fixture(scope="module")
def authority() -> Pair:
    return make("Test authority", days=60)


@pytest.fixture
def world(tmp_path: Path, authority: Pair) -> World:
    return build(tmp_path, authority)


def build(directory: Path, authority: Pair, policy: EapTlsPolicy | None = None, shown: Pair | None = None) -> World:
    authority.write(directory, "ca")
    (shown or make("radius.example.net", authority, days=60)).write(directory, "server")
    files = EapTlsFiles(directory / "server.pem", directory / "server.key", directory / "ca.pem")
    seconds = Seconds()
    engine = EapTls(files, policy or EapTlsPolicy(resume_seconds=3600), lambda: datetime.now(UTC), seconds)
    server = EapServer(os.urandom, engine=engine, resume_seconds=3600)
    return World(directory, authority, engine, server, view(), seconds)


def keys(outcome: EapOutcome) -> bytes:
    attributes = said(outcome).attributes
    halves = [reveal_salted(attributes[key], SECRET, AUTHENTICATOR) for key in (MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY)]
    assert attributes[MS_MPPE_RECV_KEY][:2] != attributes[MS_MPPE_SEND_KEY][:2], "salts differ (RFC 2548 §2.4.2)"
    return b"".join(half or b"" for half in halves)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
def test_a_password_inside_a_tunnel_lets_in_and_both_ends_have_the_same_keys(
    world: World, version: str, method: str, inner: str
) -> None:
    """RFC 5216 §2.3, RFC 5281 §8, RFC 9190 §2.3, RFC 9427 §2: Recv is the first half of the MSK, Send the second."""
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version), inner=inner, outer=b"anonymous")
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert outcome.decision.method == f"eap-{method}"
    assert keys(outcome) == peer.key()
    assert said(outcome).attributes[USER_NAME] == NEMO, "the name inside, not the one outside"
    assert outcome.identity == NEMO
    assert peer.ended[0] == 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
@pytest.mark.parametrize("name", [NEMO, b"nobody"])
def test_wrong_credentials_inside_a_tunnel_are_refused(
    world: World, version: str, method: str, inner: str, name: bytes
) -> None:
    peer = Peer(method, name, "wrong", context=world.context(version), inner=inner, outer=b"anonymous")
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == (Reason.WRONG_PASSWORD if name == NEMO else Reason.UNKNOWN_USER)
    assert outcome.identity == name
    assert MS_MPPE_RECV_KEY not in said(outcome).attributes
    assert peer.ended[0] == 4


@pytest.mark.parametrize(("method", "inner"), TUNNELLED)
@pytest.mark.parametrize("hashed", [b"", nt_hash(b"")])
def test_an_empty_password_is_none(world: World, method: str, inner: str, hashed: bytes) -> None:
    """Who has no password, or was taken over with the NT hash of an empty one, can't log in by it."""
    world.known = replace(view(), password=b"", nt_hash=hashed)
    outcome = world.login(Peer(method, NEMO, "", context=world.context(), inner=inner))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.NO_PASSWORD
    world.known = view()
    outcome = world.login(Peer(method, NEMO, "", context=world.context(), inner=inner))
    assert outcome.decision.reason == Reason.WRONG_PASSWORD


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_lets_in(world: World, version: str) -> None:
    world.client("nemo")
    peer = Peer("tls", b"anonymous", context=world.context(version, "nemo"))
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert keys(outcome) == peer.key()
    assert peer.heard_inside == ([b"\0"] if version == "1.3" else []), "RFC 9190 §2.5: the commitment"


@pytest.mark.parametrize(
    ("common_name", "names"),
    [
        ("somebody", (x509.RFC822Name("nemo@example.net"), x509.DNSName("nemo"))),
        ("", (x509.DNSName("NEMO"),)),
        ("nemo", (x509.RFC822Name("other@example.net"),)),
    ],
)
def test_the_credential_is_found_by_any_name_in_the_certificate(
    world: World, common_name: str, names: tuple[x509.GeneralName, ...]
) -> None:
    world.client("client", common_name, *names)
    outcome = world.login(Peer("tls", b"x", context=world.context("1.3", "client")))
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision


@pytest.mark.parametrize("version", VERSIONS)
def test_a_nas_s_certificate_opens_no_subscribers_service(world: World, version: str) -> None:
    world.client("nemo", use=CertificateUse.RADSEC)
    outcome = world.login(Peer("tls", NEMO, context=world.context(version, "nemo")))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert "OU=RadSec" in (outcome.decision.detail or "")


@pytest.mark.parametrize(("use", "code"), [("any", Code.ACCESS_REJECT), ("eap", Code.ACCESS_ACCEPT)])
def test_where_a_nas_has_the_name_too_the_certificate_must_say_whose_it_is(world: World, use: str, code: Code) -> None:
    world.client("nemo", use=CertificateUse(use))
    for name in ("somebody", "nemo"):
        world.server.is_nas = name.__eq__
        outcome = world.login(Peer("tls", NEMO, context=world.context(name="nemo")))
        assert outcome.decision.code == (code if name == "nemo" else Code.ACCESS_ACCEPT)
    assert use == "eap" or "a NAS has the name nemo too" in (outcome.decision.detail or "")


def test_a_resumed_session_of_a_nas_s_certificate_is_refused_too(world: World) -> None:
    world.client("nemo", use=CertificateUse.ANY)
    context = world.context("1.2", "nemo")
    first = Peer("tls", NEMO, context=context)
    assert world.login(first).decision.code == Code.ACCESS_ACCEPT
    world.server.is_nas = "nemo".__eq__
    again = Peer("tls", NEMO, context=context, session=first.session())
    assert world.login(again).decision.reason == Reason.CERTIFICATE_REFUSED


def test_an_identity_that_is_not_in_the_certificate_opens_nothing(world: World) -> None:
    world.client("other", "somebody-else")
    outcome = world.login(Peer("tls", NEMO, context=world.context("1.3", "other")))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.UNKNOWN_USER
    assert outcome.decision.detail == "no credential has a name of the certificate: somebody-else"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_expired_client_certificate_is_refused_by_name(world: World, version: str) -> None:
    world.client("late", days=-1)
    outcome = world.login(Peer("tls", NEMO, context=world.context(version, "late")))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert outcome.decision.detail == "the client certificate is refused: expired"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_of_another_authority_is_refused(world: World, version: str) -> None:
    make("nemo", make("Another authority"), client=True).write(world.directory, "stranger")
    outcome = world.login(Peer("tls", NEMO, context=world.context(version, "stranger")))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert outcome.decision.detail == "the client certificate is refused: of an unknown authority"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_client_certificate_is_refused(world: World, version: str) -> None:
    outcome = world.login(Peer("tls", NEMO, context=world.context(version)))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert outcome.decision.detail == "the peer shows no certificate"


def test_a_revoked_client_certificate_is_refused(tmp_path: Path, authority: Pair) -> None:
    world = build(tmp_path, authority)
    pair = world.client("nemo")
    assert world.login(Peer("tls", NEMO, context=world.context("1.3", "nemo"))).decision.code == Code.ACCESS_ACCEPT
    revoked = build(tmp_path, authority, EapTlsPolicy(revoked=frozenset({pair.certificate.serial_number})))
    outcome = revoked.login(Peer("tls", NEMO, context=world.context("1.3", "nemo")))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap", "tls"])
def test_a_peer_that_does_not_believe_our_certificate_says_so_and_the_log_too(
    world: World, version: str, method: str
) -> None:
    make("Another authority").write(world.directory, "elsewhere")
    world.client("nemo")
    certificate = (world.directory / "nemo.pem", world.directory / "nemo.key") if method == "tls" else (None, None)
    context = client_context(
        world.directory / "elsewhere.pem", version=version, certificate=certificate[0], key=certificate[1]
    )
    outcome = world.login(Peer(method, NEMO, PASSWORD, context=context))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert "the peer does not believe the server certificate" in (outcome.decision.detail or "")


def resumed_peer(method: str, first: Peer, context: SSL.Context, outer: bytes) -> Peer:
    return Peer(method, b"-", "-", context=context, outer=outer, session=first.session())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_resumed_session_knows_whose_it_is_and_asks_no_password(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context, outer=b"anonymous")
    world.login(first)
    second = resumed_peer(method, first, context, b"anonymous")
    outcome = world.login(second)
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert outcome.decision.detail == "session resumed"
    assert outcome.identity == NEMO
    assert keys(outcome) == second.key()
    assert world.server.resumed == 1
    if method == "ttls":
        assert second.heard_inside == ([b"\0"] if version == "1.3" else []), "RFC 9427 §4: the end is said inside"
    third = resumed_peer(method, second, context, b"x")
    assert world.login(third).decision.code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_resumed_session_is_asked_afresh_what_it_is_due(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context)
    world.login(first)
    world.known = replace(world.known, refusal="suspended", replies={})
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == "suspended"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_changed_password_ends_the_session(world: World, version: str, method: str) -> None:
    context = world.context(version)
    first = Peer(method, NEMO, PASSWORD, context=context)
    world.login(first)
    world.known = view(password="changed")
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["ttls", "peap"])
def test_a_session_that_never_saw_a_password_can_not_be_resumed(world: World, version: str, method: str) -> None:
    """The fault of CVE-2017-9148: a handshake alone proves nothing."""
    context = world.context(version)
    first = Peer(method, NEMO, "wrong", context=context)
    assert world.login(first).decision.code == Code.ACCESS_REJECT
    outcome = world.login(resumed_peer(method, first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert world.server.resumed == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_one_method_is_none_of_another(world: World, version: str) -> None:
    context = world.context(version)
    first = Peer("ttls", NEMO, PASSWORD, context=context)
    world.login(first)
    outcome = world.login(resumed_peer("peap", first, context, b"anonymous"))
    assert outcome.decision.code == Code.ACCESS_REJECT
    outcome = world.login(resumed_peer("tls", first, context, NEMO))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_ends_after_its_time_however_often_it_was_resumed(world: World, version: str) -> None:
    context = world.context(version)
    first = Peer("peap", NEMO, PASSWORD, context=context)
    world.login(first)
    second = resumed_peer("peap", first, context, b"anonymous")
    assert world.login(second, at_mono=3599.0).decision.code == Code.ACCESS_ACCEPT
    third = resumed_peer("peap", second, context, b"anonymous")
    assert world.login(third, at_mono=3601.0).decision.code == Code.ACCESS_REJECT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_certificate_is_looked_at_again(tmp_path: Path, authority: Pair, version: str) -> None:
    authority.write(tmp_path, "ca")
    world = build(tmp_path, authority)
    world.client("nemo")
    context = world.context(version, "nemo")
    first = Peer("tls", NEMO, context=context)
    assert world.login(first).decision.code == Code.ACCESS_ACCEPT
    assert world.login(Peer("tls", NEMO, context=context, session=first.session())).decision.code == Code.ACCESS_ACCEPT
    world.engine._now = lambda: datetime.now(UTC) + timedelta(days=61)
    outcome = world.login(Peer("tls", NEMO, context=context, session=first.session()))
    assert outcome.decision.reason == Reason.CERTIFICATE_REFUSED
    assert outcome.decision.detail == "the client certificate is expired or not yet valid"


def test_without_a_lifetime_no_session_is_resumed(tmp_path: Path, authority: Pair) -> None:
    world = build(tmp_path, authority, EapTlsPolicy(resume_seconds=0))
    for version in VERSIONS:
        context = world.context(version)
        first = Peer("peap", NEMO, PASSWORD, context=context)
        world.login(first)
        second = Peer("peap", NEMO, PASSWORD, context=context, session=first.session())
        outcome = world.login(second)
        assert outcome.decision.code == Code.ACCESS_ACCEPT
        assert outcome.decision.detail is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["peap", "tls"])
def test_a_long_chain_travels_in_fragments_both_ways(
    tmp_path: Path, authority: Pair, version: str, method: str
) -> None:
    long = make("radius.example.net", authority, padding_octets=4000, days=60)
    world = build(tmp_path, authority, shown=long)
    make("nemo", authority, client=True, padding_octets=4000).write(tmp_path, "nemo")
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version, "nemo" if method == "tls" else None))
    outcome = world.login(peer, (FRAMED_MTU, (1400).to_bytes(4, "big")))
    assert outcome.decision.code == Code.ACCESS_ACCEPT, outcome.decision
    assert peer.rounds > (12 if method == "tls" else 10)


def test_a_suspended_subscriber_is_told_inside_peap_too(world: World) -> None:
    world.known = replace(world.known, refusal="suspended", replies={})
    peer = Peer("peap", NEMO, PASSWORD, context=world.context())
    outcome = world.login(peer)
    assert outcome.decision.reason == "suspended"
    assert any(b"E=649 R=0" in heard for heard in peer.heard_inside), "RFC 2759 §6"
    assert peer.heard_inside[-1][5:] == b"\x80\x03\0\2\0\2", "the Result is a failure"


@pytest.mark.parametrize("method", ["ttls", "peap"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"\xff" * 40, bytes(300), b"\x1a\2\1\0\x05", b"\2\1\0\5\x21", b"\3\x04"]
)
def test_garbage_inside_a_tunnel_is_refused(world: World, method: str, version: str, garbage: bytes) -> None:
    peer = Peer(method, NEMO, PASSWORD, context=world.context(version))
    peer.tamper_inside = lambda _: garbage
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT


def test_a_ttls_challenge_that_is_not_of_this_tunnel_is_refused(world: World) -> None:
    """RFC 5281 §11.2.2: else an answer overheard elsewhere could be used here."""
    peer = Peer("ttls", NEMO, PASSWORD, context=world.context(), inner="chap")
    peer.tamper_inside = lambda inside: inside[:-16] + bytes(16)
    outcome = world.login(peer)
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.EAP_FAILED


def test_a_peer_that_acknowledges_only_gets_nowhere(world: World) -> None:
    start = world.server.handle(eap_request(b"\2\0\0\x09\1nemo"), world.find)
    assert start is not None
    answer = said(start)
    identifier = answer.attributes[EAP_MESSAGE][1]
    message = bytes((2, identifier, 0, 6, 25, 0))
    outcome = world.server.handle(eap_request(message, answer.attributes[STATE]), world.find)
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_REJECT


def test_a_method_is_chosen_by_nak_before_it_has_begun(world: World) -> None:
    world.client("nemo")
    for method in ("ttls", "tls", "md5"):
        context = world.context("1.3", "nemo") if method != "md5" else None
        outcome = world.login(Peer(method, NEMO, PASSWORD, context=context))
        assert outcome.decision.code == Code.ACCESS_ACCEPT
        assert outcome.decision.method == f"eap-{method}"


def test_a_renewed_certificate_is_taken_without_a_restart(world: World) -> None:
    def shown() -> x509.Certificate:
        peer = Peer("peap", NEMO, PASSWORD, context=world.context())
        world.login(peer)
        assert peer.connection is not None
        found = peer.connection.get_peer_certificate(as_cryptography=True)
        assert found is not None
        return found

    before = shown()
    renewed = make("radius.example.net", world.authority, days=90)
    renewed.write(world.directory, "server")
    world.seconds.now_mono += 1
    assert before != shown()
    assert shown() == renewed.certificate


def test_the_files_are_looked_at_once_a_second_and_not_for_every_offer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    stat = Path.stat

    def counted(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looked.append(path)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counted)
    for seconds in (1.0, 0.5, 0.4):
        world.seconds.now_mono += seconds
        assert len(world.server.methods) == 4
    assert len(looked) == 3
    world.seconds.now_mono += 0.2
    assert len(world.server.methods) == 4
    assert len(looked) == 6


def test_a_certificate_that_got_lost_leaves_the_old_one_in_use(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (world.directory / "server.key").unlink()
    for _ in range(3):
        world.seconds.now_mono += 1
        peer = Peer("peap", NEMO, PASSWORD, context=world.context())
        assert world.login(peer).decision.code == Code.ACCESS_ACCEPT
    assert len([line for line in caplog.messages if "the one in use stays" in line]) == 1


def test_a_certificate_that_comes_later_is_taken_without_a_restart(tmp_path: Path, authority: Pair) -> None:
    files = EapTlsFiles(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    seconds = Seconds()
    server = EapServer(os.urandom, engine=EapTls(files, EapTlsPolicy(), lambda: datetime.now(UTC), seconds))
    offered = [server.methods]
    make("radius.example.net", authority, days=60).write(tmp_path, "server")
    seconds.now_mono += 1
    offered.append(server.methods)
    authority.write(tmp_path, "ca")
    seconds.now_mono += 1
    offered.append(server.methods)
    # without an authority no client's certificate is believed
    assert [len(methods) for methods in offered] == [1, 3, 4]
    assert "eap-tls" not in offered[1]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda at: (at / "server.key").unlink(), "server.key is missing"),
        (lambda at: (at / "server.pem").write_text("nonsense"), "server.pem holds no certificate"),
        (lambda at: make("y").write(at, "z")[1].rename(at / "server.key"), "not the key of"),
        (lambda at: (at / "ca.pem").write_text("nonsense"), "ca.pem holds no certificate"),
    ],
)
def test_files_that_can_not_be_used_are_named_and_leave_md5(
    tmp_path: Path, authority: Pair, spoil: Callable[[Path], object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path, authority)
    spoil(tmp_path)
    caplog.clear()
    files = EapTlsFiles(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    seconds = Seconds()
    server = EapServer(os.urandom, engine=EapTls(files, EapTlsPolicy(), lambda: datetime.now(UTC), seconds))
    assert server.methods == ("eap-md5",)
    seconds.now_mono += 1
    assert server.methods == ("eap-md5",)
    (line,) = caplog.messages
    assert says in line
    assert "only MD5 is offered" in line


def test_an_old_tls_is_refused_where_the_operator_wants_1_3(tmp_path: Path, authority: Pair) -> None:
    world = build(tmp_path, authority, EapTlsPolicy(least_version="1.3"))
    outcome = world.login(Peer("peap", NEMO, PASSWORD, context=world.context("1.2")))
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert outcome.decision.reason == Reason.EAP_FAILED
    assert "protocol" in (outcome.decision.detail or "")
