"""TLS for RadSec: the context, read again when a file changes, and one connection's octets in and out.

The handshake runs over memory, so that who is calling, how long it takes and why it failed are ours to judge; asyncio's
own TLS tells nobody about a handshake that failed.
"""

import logging
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from netbilld.adapters.certificates import CertificateFiles, Finding, check_server
from netbilld.model.errors import NetbilldError

RECORD_OCTETS: Final = 16_384
logger = logging.getLogger("netbilld.radius")

# What OpenSSL calls the faults that an operator mends, and in whose words.
_REASONS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate: give it one of `netbilld certs issue NAME`",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not believe our certificate: give it ca.pem",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not believe our certificate: give it ca.pem",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not believe our certificate: give it ca.pem, and see the name it expects",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it takes our certificate for expired: see its clock, and `netbilld certs list`",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS 1.2",
    "NO_SHARED_CIPHER": "it offers no cipher that is safe",
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it speaks HTTP",
}


class TlsContexts:
    """The context for new connections; `current` reads the files again when one of them was replaced.

    A change that can't be used is said once, and the context from before it stays in force.
    """

    def __init__(self, files: CertificateFiles, now: Callable[[], datetime], names: Sequence[str] = ()) -> None:
        self._files = files
        self._now = now
        self._names = tuple(names)
        self._context: ssl.SSLContext | None = None
        self._stamp: tuple[object, ...] = ()

    def load(self) -> list[Finding]:
        """Read the files and return the warnings about them.

        Raises:
            NetbilldError: they can't be used; one line says why and what to do.
        """
        self._stamp = self._stamp_now()
        findings = check_server(self._files, self._now(), self._names)
        self._context = _context(self._files)
        return findings

    def current(self) -> ssl.SSLContext | None:
        """Return the context for a new connection; None before the first `load` that succeeded."""
        if self._context is not None and self._stamp_now() != self._stamp:
            try:
                self.load()
            except NetbilldError as error:
                logger.error("RadSec goes on with the certificate it has: %s", error, extra={"event": "certificate"})  # noqa: TRY400 - the line says all
            else:
                logger.info("RadSec shows the new certificate to new connections", extra={"event": "certificate"})
        return self._context

    def _stamp_now(self) -> tuple[object, ...]:
        return tuple(_stamp(path) for path in (self._files.ca, self._files.server, self._files.server_key))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _context(files: CertificateFiles) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 or newer, a client certificate of our authorities, nothing resumed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # A resumed session would carry on with a certificate that has expired or been removed since.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(files.server, files.server_key)
        context.load_verify_locations(cafile=files.ca)
    except (ssl.SSLError, OSError) as error:  # one was replaced since it was judged, or is too weak for OpenSSL
        raise NetbilldError(
            f"OpenSSL takes {files.server.name}, {files.server_key.name} or {files.ca.name} in {files.directory} for "
            f"unusable: {getattr(error, 'reason', None) or error}",
            hint="`netbilld certs list` shows them",
            code="certificate_unusable",
        ) from None
    return context


class TlsChannel:
    """The server's end of one TLS connection: octets of the wire in, octets for the wire out."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.is_established = False
        self.has_ended = False  # the peer said that it will send no more
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def receive(self, octets: bytes) -> bytes:
        """Return the clear octets that arrived with these of the wire; empty while hands are shaken.

        Raises:
            ssl.SSLError: no connection comes of it; `wire` still has what the peer should be told.
        """
        self._incoming.write(octets)
        if not self.is_established:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.is_established = True
        clear = []
        try:
            while octets := self._tls.read(RECORD_OCTETS):
                clear.append(octets)
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_ended = True
        return b"".join(clear)

    def send(self, clear: bytes) -> None:
        """Encrypt, for `wire` to give.

        Raises:
            ssl.SSLError: the connection is no more.
        """
        self._tls.write(clear)

    def end(self) -> None:
        """Say goodbye, for `wire` to give."""
        try:
            self._tls.unwrap()
        except (ssl.SSLError, OSError):
            return

    def wire(self) -> bytes:
        """Return, once, what must go out."""
        return self._outgoing.read()

    def peer_certificate(self) -> x509.Certificate | None:
        """Return the certificate that was verified; None where it can't be read."""
        octets = self._tls.getpeercert(binary_form=True)
        try:
            return x509.load_der_x509_certificate(octets) if octets else None
        except ValueError:
            return None

    @property
    def version(self) -> str:
        """Return the protocol in use, such as `TLSv1.3`."""
        return self._tls.version() or ""


def why_it_failed(error: ssl.SSLError) -> str:
    """Return in words why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    return _REASONS.get(error.reason or "", f"TLS failed: {(error.reason or 'unknown').lower().replace('_', ' ')}")
