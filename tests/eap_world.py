"""A server of EAP inside TLS in this process, its certificates, and what peers need to speak with it."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL

from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.radius.access import AccessView
from netbilld.radius.attributes import MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.eap import EapOutcome, EapServer
from netbilld.radius.passwords import reveal_salted
from tests.eap_certificates import Pair, make
from tests.eap_peer import Peer, client_context, converse, said
from tests.radius_requests import AUTHENTICATOR, SECRET, view

NEMO = b"nemo"
PASSWORD = "arctangent"
VERSIONS = ("1.2", "1.3")


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


@cache
def authority() -> Pair:
    return make("Test authority", days=60)


def build(directory: Path, policy: EapTlsPolicy | None = None, shown: Pair | None = None) -> World:
    authority().write(directory, "ca")
    (shown or make("radius.example.net", authority(), days=60)).write(directory, "server")
    files = EapTlsFiles(directory / "server.pem", directory / "server.key", directory / "ca.pem")
    seconds = Seconds()
    engine = EapTls(files, policy or EapTlsPolicy(resume_seconds=3600), lambda: datetime.now(UTC), seconds)
    server = EapServer(os.urandom, engine=engine, resume_seconds=3600)
    return World(directory, authority(), engine, server, view(), seconds)


def keys(outcome: EapOutcome) -> bytes:
    attributes = said(outcome).attributes
    halves = [reveal_salted(attributes[key], SECRET, AUTHENTICATOR) for key in (MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY)]
    assert attributes[MS_MPPE_RECV_KEY][:2] != attributes[MS_MPPE_SEND_KEY][:2], "salts differ (RFC 2548 §2.4.2)"
    return b"".join(half or b"" for half in halves)
