"""What EAP needs of TLS: a tunnel without a socket, and a key exporter. `adapters/eap_tls.py` has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.eap.packet import EapType

# RFC 5216 §2.3 (PEAP has taken the same words), RFC 5281 §8
_LABEL: Final = b"client EAP encryption"
_TTLS_LABEL: Final = b"ttls keying material"
# RFC 9190 §2.3, RFC 9427 §2.1
_TLS13_LABEL: Final = b"EXPORTER_EAP_TLS_Key_Material"
_KEY_MATERIAL_OCTETS: Final = 128  # MSK, then EMSK; with TLS 1.3 the length enters the derivation
MSK_OCTETS: Final = 64

TlsVersion = Literal["1.2", "1.3"]


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A verified client certificate: its names, those that stand for a person or device first."""

    names: Sequence[bytes]
    use: CertificateUse = CertificateUse.ANY


class TlsTunnel(Protocol):
    """The server's end of one TLS connection.

    Attributes:
        established: the handshake is through; whoever resumes has proved by then that it knows the session's secret.
        failure: why TLS gave up, None while it goes on.
        blames: whose certificate was refused, if that was why.
        sessions: digests of the secrets this connection can be resumed by, and of the one that it was resumed from.
    """

    established: bool
    failure: str | None
    blames: Literal["server", "client"] | None

    @property
    def sessions(self) -> Sequence[bytes]: ...
    @property
    def version(self) -> TlsVersion: ...
    @property
    def peer(self) -> PeerCertificate | None: ...

    def receive(self, received: bytes) -> bytes:
        """Take what the peer sent, go on with the handshake, and return the application data in it."""
        ...

    def write(self, data: bytes) -> None:
        """Encrypt application data."""
        ...

    def take(self) -> bytes:
        """Return what is to be sent to the peer, once."""
        ...

    def export(self, label: bytes, octets: int, context: bytes | None) -> bytes:
        """Return keying material (RFC 5705, RFC 8446 §7.5)."""
        ...

    def let_resume(self) -> None:
        """End the connection so that its session may be resumed; of one that just goes away it may not."""
        ...


class TlsEngine(Protocol):
    """Makes tunnels, as long as there is a certificate."""

    def serves(self, *, client_certificate: bool) -> bool:
        """Tell whether a tunnel can be made now; with `client_certificate`, whether anybody's is believed."""
        ...

    def tunnel(self, *, client_certificate: bool) -> TlsTunnel:
        """Return the server's end of a new connection; with `client_certificate` the peer must show one."""
        ...


def master_session_key(tunnel: TlsTunnel, kind: EapType) -> bytes:
    """Return the MSK, 64 octets (RFC 5216 §2.3, RFC 5281 §8, RFC 9190 §2.3, RFC 9427 §2.1)."""
    if tunnel.version == "1.3":
        return tunnel.export(_TLS13_LABEL, _KEY_MATERIAL_OCTETS, bytes((kind,)))[:MSK_OCTETS]
    label = _TTLS_LABEL if kind is EapType.TTLS else _LABEL
    return tunnel.export(label, _KEY_MATERIAL_OCTETS, None)[:MSK_OCTETS]
