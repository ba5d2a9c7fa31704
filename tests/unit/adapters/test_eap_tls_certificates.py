"""EAP inside TLS: which certificates of clients let in, and whose they are."""

from pathlib import Path

import pytest
from cryptography import x509

from netbilld.adapters.eap_tls import EapTlsPolicy
from netbilld.radius.access import Reason
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.codes import Code
from tests.eap_certificates import make
from tests.eap_peer import Peer, client_context
from tests.eap_world import NEMO, PASSWORD, VERSIONS, World, build, keys


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)


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


def test_a_revoked_client_certificate_is_refused(tmp_path: Path) -> None:
    world = build(tmp_path)
    pair = world.client("nemo")
    assert world.login(Peer("tls", NEMO, context=world.context("1.3", "nemo"))).decision.code == Code.ACCESS_ACCEPT
    revoked = build(tmp_path, EapTlsPolicy(revoked=frozenset({pair.certificate.serial_number})))
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
