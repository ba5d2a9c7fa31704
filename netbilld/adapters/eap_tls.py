"""TLS for EAP: OpenSSL between two buffers, without a socket, and its key exporter.

Python's own `ssl` has no exporter, hence pyOpenSSL. A handshake costs some 0.4 ms with a P-256 key and 0.8 ms with
RSA 2048, on the event loop; one conversation does one.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from weakref import ref

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier
from OpenSSL import SSL, crypto

from netbilld.adapters.certificates import belongs_to, read_certificates, read_key, use_of
from netbilld.model.errors import NetbilldError
from netbilld.radius.eap.tunnel import PeerCertificate, TlsVersion

LOOK_SECONDS: Final = 1.0  # every offer of a method asks, and each look is three system calls
_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_READ_OCTETS: Final = 65_536
# A client sends at most a few tickets' worth of sessions; what is beyond is not remembered.
_MAX_SESSIONS_A_CONNECTION: Final = 8
_PRINCIPAL_NAME: Final = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # Microsoft's user@domain in a certificate
_UTF8_STRING: Final = 0x0C
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:!aNULL:!eNULL:!MD5:!DSS"
# RFC 5246 §7.2.2: what a peer says that does not like our certificate
_ABOUT_OUR_CERTIFICATE: Final = ("unknown ca", "bad certificate", "certificate expired", "certificate unknown",
                                 "unsupported certificate", "certificate revoked")  # fmt: skip

logger = logging.getLogger("netbilld.eap")


@dataclass(frozen=True, slots=True)
class EapTlsFiles:
    """Where the server's certificate, its key, and the authority lie, without which no client's is believed."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class EapTlsPolicy:
    """How TLS is done.

    `revoked` are serial numbers of client certificates that are believed no more.
    """

    least_version: TlsVersion = "1.2"
    resume_seconds: int = 0
    revoked: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Contexts:
    """One for tunnels, one that asks for a certificate: a session of the one is worth nothing in the other."""

    tunnel: SSL.Context
    certificate: SSL.Context | None = None  # None believes no client


# modification time and size of each file, to see that one has changed
_Stamp = tuple[tuple[int, int], ...]
_ABSENT: Final = (0, 0)


class EapTls:
    """Makes TLS connections with the certificate in `files`, which may come, go and be renewed while the daemon runs.

    Files that can't be used are named in the log, once; what was read before stays in use.
    """

    def __init__(
        self,
        files: EapTlsFiles,
        policy: EapTlsPolicy,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the files, if they are there; see whether they changed at most every `LOOK_SECONDS` of `monotonic`."""
        self._files = files
        self._policy = policy
        self._now = now
        self._monotonic = monotonic
        self._looked_mono = float("-inf")
        self._seen: _Stamp = ()
        self._contexts: _Contexts | None = None
        self._read_if_changed()

    def serves(self, *, client_certificate: bool) -> bool:
        """Tell whether there is a certificate; with `client_certificate`, an authority of clients too."""
        self._read_if_changed()
        if self._contexts is None:
            return False
        return self._contexts.certificate is not None or not client_certificate

    def tunnel(self, *, client_certificate: bool) -> "EapTlsTunnel":
        """Return the server's end of a new connection; it serves for nothing where `serves` says no."""
        contexts = self._contexts
        context = None
        if contexts is not None:
            context = contexts.certificate if client_certificate else contexts.tunnel
        return EapTlsTunnel(context or SSL.Context(SSL.TLS_SERVER_METHOD), self._policy.revoked, self._now)

    def _stamp(self) -> _Stamp:
        stamps = []
        for path in (self._files.certificate, self._files.key, self._files.authority):
            try:
                found = path.stat()
            except OSError:
                stamps.append((0, 0))
            else:
                stamps.append((found.st_mtime_ns, found.st_size))
        return tuple(stamps)

    def _read_if_changed(self) -> None:
        now_mono = self._monotonic()
        if now_mono - self._looked_mono < LOOK_SECONDS:
            return
        self._looked_mono = now_mono
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        if stamp[0] == _ABSENT and self._contexts is None:
            return  # nobody has asked for more than MD5
        try:
            self._contexts = self._load()
        except NetbilldError as error:  # half written, or wrong
            kept = "the one in use stays" if self._contexts else "only MD5 is offered"
            logger.warning("the certificate for EAP can't be used, %s: %s; %s", kept, error.args[0], error.hint)
        else:
            logger.info("EAP shows the certificate %s", self._files.certificate)

    def _load(self) -> _Contexts:
        files = self._files
        chain = read_certificates(files.certificate)
        key = read_key(files.key)
        if not belongs_to(key, chain[0]):
            raise NetbilldError(
                f"{files.key} is not the key of {files.certificate.name}",
                hint="restore the pair, or renew it: `netbilld certs init`",
                code="certificate_key_mismatch",
            )
        authorities = read_certificates(files.authority) if files.authority.exists() else []
        try:
            contexts = _Contexts(self._context(chain, key))
            if authorities:
                contexts.certificate = self._context(chain, key)
                _believe(contexts.certificate, authorities)
        except (SSL.Error, crypto.Error) as error:
            raise NetbilldError(
                f"{files.certificate} can't be used for TLS: {_words(error)}",
                hint="make another with `netbilld certs init`",
                code="certificate_unusable",
            ) from None
        return contexts

    def _context(self, chain: Sequence[x509.Certificate], key: PrivateKeyTypes) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(_VERSIONS[self._policy.least_version])
        context.set_cipher_list(_CIPHERS)
        context.use_certificate(chain[0])
        for link in chain[1:]:
            context.add_extra_chain_cert(link)
        context.use_privatekey(key)  # type: ignore[arg-type]  # TLS refuses what it can't sign with, as SSL.Error
        options = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
        context.set_session_id(b"netbilld eap")
        if self._policy.resume_seconds:
            # A ticket holds the session; for TLS 1.2 peers that take none, OpenSSL keeps it: at most 20,480 of them.
            context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
            context.set_timeout(self._policy.resume_seconds)
            context.set_info_callback(_note_session)
        else:
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            options |= SSL.OP_NO_TICKET
        context.set_options(options)
        return context


class EapTlsTunnel:
    """The server's end of one TLS connection; see `radius.eap.tunnel.TlsTunnel`."""

    def __init__(self, context: SSL.Context, revoked: frozenset[int], now: Callable[[], datetime]) -> None:
        self.established = False
        self.failure: str | None = None
        self.blames: Literal["server", "client"] | None = None
        self._revoked = revoked
        self._now = now
        self._sessions: list[bytes] = []
        self._refused_because = ""
        self._peer: PeerCertificate | None = None
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(ref(self))  # not itself: a ring would live on until garbage is collected
        self._connection.set_accept_state()

    @property
    def sessions(self) -> Sequence[bytes]:
        """Digests of the secrets of the sessions that this connection was resumed from, and can be resumed by."""
        return self._sessions

    @property
    def version(self) -> TlsVersion:
        """What the two ends agreed on."""
        return "1.3" if self._connection.get_protocol_version() == SSL.TLS1_3_VERSION else "1.2"

    @property
    def peer(self) -> PeerCertificate | None:
        """The client's certificate, verified; None if it showed none."""
        return self._peer

    def receive(self, received: bytes) -> bytes:
        """Take what the peer sent; `established` and `failure` tell what came of it."""
        if self.failure is not None:
            return b""
        try:
            self._connection.bio_write(received)
            if not self.established:
                self._connection.do_handshake()
                self.established = True
                self._take_certificate()
            return self._read()
        except SSL.WantReadError:
            return b""
        except SSL.ZeroReturnError:
            self._fail("the peer closed the tunnel")
        except SSL.Error as error:
            self._fail(_words(error) or "TLS failed")
        return b""

    def write(self, data: bytes) -> None:
        """Encrypt application data."""
        if self.failure is None:
            self._connection.send(data)

    def take(self) -> bytes:
        """Return what is to be sent to the peer, once."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(_READ_OCTETS))
            except SSL.WantReadError:
                return b"".join(parts)

    def export(self, label: bytes, octets: int, context: bytes | None) -> bytes:
        """Return keying material (RFC 5705, RFC 8446 §7.5)."""
        return self._connection.export_keying_material(label, octets, context)

    def let_resume(self) -> None:
        """Let the session be resumed: OpenSSL forgets those of connections that were not closed."""
        self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)

    def note_session(self) -> None:
        """Note the secret in force, as a digest; a handshake passes several."""
        if len(self._sessions) >= _MAX_SESSIONS_A_CONNECTION:
            return
        try:
            secret = self._connection.master_key()
        except SSL.Error:  # none yet
            return
        if secret:
            digest = sha256(secret).digest()
            if digest not in self._sessions:
                self._sessions.append(digest)

    def note_refusal(self, why: str) -> None:
        """Note why the client's certificate is not believed."""
        self._refused_because = self._refused_because or why

    def _read(self) -> bytes:
        parts = []
        while True:
            try:
                parts.append(self._connection.recv(_READ_OCTETS))
            except SSL.WantReadError:
                return b"".join(parts)

    def _take_certificate(self) -> None:
        """Judge the client's certificate; in a resumed session OpenSSL has not looked at it again."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return
        now = self._now()
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            self._fail("the client certificate is expired or not yet valid", "client")
        elif certificate.serial_number in self._revoked:
            self._fail("the client certificate is revoked", "client")
        else:
            self._peer = PeerCertificate(tuple(_names(certificate)), use_of(certificate))

    def _fail(self, why: str, blames: Literal["server", "client"] | None = None) -> None:
        if self._refused_because:
            why, blames = f"the client certificate is refused: {self._refused_because}", "client"
        elif "alert" in why and any(words in why for words in _ABOUT_OUR_CERTIFICATE):
            why, blames = f"the peer does not believe the server certificate: {why}", "server"
        elif "peer did not return a certificate" in why:
            why, blames = "the peer shows no certificate", "client"
        self.failure = why
        self.blames = blames


def _believe(context: SSL.Context, authorities: Sequence[x509.Certificate]) -> None:
    store = context.get_cert_store()
    for authority in authorities:
        context.add_client_ca(authority)
        if store is not None:
            store.add_cert(crypto.X509.from_cryptography(authority))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _keep_verdict)
    context.set_verify_depth(4)


def _note_session(connection: SSL.Connection, where: int, result: int) -> None:
    del result
    # Only between two steps: to ask for a secret that is not there clears OpenSSL's reasons for a failure.
    if where == SSL.SSL_CB_ACCEPT_LOOP and (tunnel := _tunnel_of(connection)) is not None:
        tunnel.note_session()


def _keep_verdict(connection: SSL.Connection, certificate: crypto.X509, number: int, depth: int, right: int) -> bool:
    """Leave OpenSSL's verdict as it is, and note its reason for people."""
    del certificate, depth
    if not right and (tunnel := _tunnel_of(connection)) is not None:
        tunnel.note_refusal(_verify_words(number))
    return bool(right)


def _tunnel_of(connection: SSL.Connection) -> EapTlsTunnel | None:
    reference = connection.get_app_data()
    tunnel = reference() if isinstance(reference, ref) else None
    return tunnel if isinstance(tunnel, EapTlsTunnel) else None


def _verify_words(number: int) -> str:
    """Return what an X509_V_ERR number means, for those a person can mend."""
    known = {
        7: "wrongly signed",
        9: "not yet valid",
        10: "expired",
        18: "self-signed",
        19: "of an unknown authority",
        20: "of an unknown authority",
        21: "of an unknown authority",
        26: "not meant for this purpose",
    }
    return known.get(number, f"OpenSSL's reason {number}")


def _names(certificate: x509.Certificate) -> list[bytes]:
    """Return mail addresses, Microsoft's principal names, common names and DNS names, each once."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = list(alternatives.get_values_for_type(x509.RFC822Name))
        names += [
            other.value[2:].decode("utf-8", "replace")
            for other in alternatives.get_values_for_type(x509.OtherName)
            if other.type_id == _PRINCIPAL_NAME
            and len(other.value) >= 2
            and other.value[0] == _UTF8_STRING
            and other.value[1] == len(other.value) - 2
        ]
        last = list(alternatives.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        names, last = [], []
    try:
        commons = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError:
        commons = []
    return [name.encode("utf-8", "replace") for name in dict.fromkeys([*names, *commons, *last]) if name]


def _words(error: Exception) -> str:
    """Return OpenSSL's words for an error: its own reasons, no file or function names."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    said = dict.fromkeys(str(reason[-1]) for reason in reasons if reason and reason[-1])
    return "; ".join([*said][:2]) or str(error)
