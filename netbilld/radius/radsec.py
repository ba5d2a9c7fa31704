"""RADIUS over TLS: packets out of a stream, and which NAS a certificate speaks for (RFC 6614, RFC 6613).

TLS itself is elsewhere; here are its certificate's names and its clear octets.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from netbilld.model.errors import InvalidInputError
from netbilld.radius.authenticator import Secret
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.packet import HEADER_OCTETS, MAX_PACKET_OCTETS

SECRET: Final = Secret(b"radsec")  # RFC 6614 §2.3 (4): TLS keeps the secrets, this one is everybody's
ANY_CERTIFICATE: Final = "*"
_LENGTH_ENDS_AT: Final = 4
_FINGERPRINT: Final = re.compile(r"(?:sha-?256[:=])?([0-9a-f]{64})", re.IGNORECASE)
# no name looks like this, and one that was bound to a part of a fingerprint would be let in nowhere
_PART_OF_FINGERPRINT: Final = re.compile(r"(?:[0-9a-f]{2}:){2,}(?:[0-9a-f]{2})?…?|[0-9a-f]{16,}…?", re.IGNORECASE)
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a verified certificate says of its holder.

    Attributes:
        names: DNS names, addresses and the common name, in canonical form.
        fingerprint: SHA-256, lower-case hexadecimal digits.
        use: whose it says it is.
    """

    names: frozenset[str]
    fingerprint: str
    use: CertificateUse = CertificateUse.ANY


class PeerRefusal(StrEnum):
    """Why a connection with a valid certificate is no NAS's."""

    UNKNOWN_CLIENT = "unknown_client"
    OTHER_CERTIFICATE = "other_certificate"
    SUBSCRIBERS = "subscribers"  # it says that it is for EAP
    AMBIGUOUS = "ambiguous"  # it doesn't say whose it is, and a subscriber has a name of it
    SHARED_ADDRESS = "shared_address"  # several NAS have its address, and it is for the name of none or of several


def canonical_name(name: str) -> str:
    """Return a host name or address in the one way it is compared."""
    name = name.strip().rstrip(".").lower()
    try:
        return str(plain_address(name))
    except ValueError:
        return name


def plain_address(address: str) -> IPv4Address | IPv6Address:
    """Return an address without its interface; IPv4 inside IPv6 is IPv4.

    Raises:
        ValueError: it is none.
    """
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def parse_binding(text: str) -> str:
    """Return what ties a NAS to a certificate: a name, an address, a SHA-256 fingerprint, or `*` for any.

    Raises:
        InvalidInputError: it is too long, or has spaces or control characters.
    """
    text = text.strip()
    if found := _FINGERPRINT.fullmatch(text.replace(":", "") if text.count(":") == 31 else text):
        return found[1].lower()
    if _PART_OF_FINGERPRINT.fullmatch(text) and not _is_address(text):
        raise InvalidInputError(
            f"the fingerprint {text[:80]!r} is not whole",
            hint="SHA-256 has 64 hexadecimal digits; `netbilld certs list --json` shows all of them",
        )
    name = canonical_name(text)
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or " " in name:
        raise InvalidInputError(
            f"the certificate name {text[:80]!r} is not allowed",
            hint="write a name or address that the certificate is for, its SHA-256 fingerprint, or * for any",
        )
    return name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def identify(
    clients: ClientTable, certificate: PeerCertificate, address: str, is_subscriber: Callable[[str], bool]
) -> Client | PeerRefusal:
    """Return the NAS that a connection is, as `RadiusServer` is to see it.

    A NAS that is bound to a name or fingerprint is known by it, wherever it calls from, and by nothing else. One that
    is not bound is known by its address, and its certificate must be for the NAS's name or for that address: the same
    authority may have made certificates for subscribers, who can share a NAS's address. `*` waives that. Of several at
    one address the certificate must name the one.

    A certificate for EAP is nobody's here, nor is one that is known by its name, doesn't say whose it is, and has a
    name for which `is_subscriber` is true. Only a fingerprint names one certificate whatever it says.
    """
    bound = next((client for client in clients if _shows(certificate, client.radsec_name)), None)
    if bound is not None and bound.radsec_name == certificate.fingerprint:
        return _over_tls(bound, address)
    client = bound or clients.find(address)
    if client is None:
        return PeerRefusal.UNKNOWN_CLIENT
    if client.neighbours is not None and bound is None:
        unbound = (one for one in client.neighbours.values() if one.radsec_name is None)
        named = [one for one in unbound if canonical_name(one.name) in certificate.names]
        if len(named) != 1:
            return PeerRefusal.SHARED_ADDRESS
        client = named[0]
    own_names = {canonical_name(client.name), canonical_name(address)}
    by_name = bound is not None or (client.radsec_name is None and bool(own_names & certificate.names))
    if not by_name and client.radsec_name != ANY_CERTIFICATE:
        return PeerRefusal.OTHER_CERTIFICATE
    if certificate.use is CertificateUse.EAP:
        return PeerRefusal.SUBSCRIBERS
    if by_name and certificate.use is CertificateUse.ANY and any(is_subscriber(name) for name in certificate.names):
        return PeerRefusal.AMBIGUOUS
    return _over_tls(client, address)


def has_name(clients: Iterable[Client], name: str) -> bool:
    """Tell whether a NAS is called so, or is bound to a certificate of that name."""
    name = canonical_name(name)
    return name != ANY_CERTIFICATE and any(
        name in {canonical_name(client.name), client.radsec_name} for client in clients
    )


def _shows(certificate: PeerCertificate, binding: str | None) -> bool:
    """Tell whether a certificate is the one a NAS is bound to; a name that looks like a fingerprint is none."""
    if binding is None or binding == ANY_CERTIFICATE:
        return False
    return binding == certificate.fingerprint if _FINGERPRINT.fullmatch(binding) else binding in certificate.names


def names_known(clients: Iterable[Client]) -> bool:
    """Tell whether a NAS may call from an address that nobody knows."""
    return any(client.radsec_name not in {None, ANY_CERTIFICATE} for client in clients)


def _over_tls(client: Client, address: str) -> Client:
    """Return a NAS with what holds on a TLS connection: the fixed secret, and no need for Message-Authenticator."""
    return replace(
        client,
        address=ip_network(str(plain_address(address))),
        secret=SECRET,
        require_message_authenticator="false",
        seen_message_authenticator=True,  # so that what it sends here says nothing about its UDP packets
        over_tls=True,
    )


class FrameReader:
    """Cuts a stream into packets by their own Length (RFC 6613 §2.6.4); holds less than one packet between reads.

    `is_bad` says that a Length was impossible: where the next packet begins can't be known any more.
    """

    __slots__ = ("_at", "_buffer", "is_bad")

    def __init__(self) -> None:
        self.is_bad = False
        self._buffer = bytearray()
        self._at = 0

    @property
    def waiting_octets(self) -> int:
        """How many octets of the stream are not taken yet."""
        return len(self._buffer) - self._at

    def feed(self, octets: bytes) -> None:
        """Append what arrived."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += octets

    def take(self) -> bytes | None:
        """Return the next whole packet; None where more must arrive first, or the stream is bad."""
        buffer, at = self._buffer, self._at
        if self.is_bad or len(buffer) - at < _LENGTH_ENDS_AT:
            return None
        length = buffer[at + 2] << 8 | buffer[at + 3]
        if not HEADER_OCTETS <= length <= MAX_PACKET_OCTETS:
            self.is_bad = True
            return None
        if len(buffer) - at < length:
            return None
        self._at = at + length
        return bytes(buffer[at : self._at])
