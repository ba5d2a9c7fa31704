"""Certificates and keys in `data_dir/certs`: where they lie, what is in them, and whether they can be used.

    ca.pem   ca.key      who vouches for the others; `ca.key` is missing where the authority is somebody else's
    server.pem  server.key   what netbilld shows to a RadSec NAS and to an EAP supplicant
    issued/NAME.pem  .key  .p12   of a NAS, or of a subscriber's device; the key may have moved there

A PEM file may hold a chain, its own certificate first; ca.pem may hold several authorities. Whoever has a PKI of their
own puts its files here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID, ObjectIdentifier

from netbilld.model.errors import NetbilldError
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.radsec import PeerCertificate, canonical_name

WARNED_AHEAD: Final = timedelta(days=30)
EAP_OVER_LAN: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.14")  # extended key usage of a supplicant (RFC 4334 §2)
RADSEC_UNIT: Final = "RadSec"  # organizational unit of a NAS: no key usage stands for RADIUS over TLS
NEW_AUTHORITY: Final = "make a new authority, and give it to everybody who must believe it"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """The places of the certificates of one data directory; nothing is read or made by naming them."""

    directory: Path

    @classmethod
    def of(cls, data_dir: Path) -> "CertificateFiles":
        """Return the places below a data directory."""
        return cls(data_dir.absolute() / "certs")

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.directory / "ca.key"

    @property
    def server(self) -> Path:
        return self.directory / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.directory / "server.key"

    @property
    def issued(self) -> Path:
        return self.directory / "issued"

    def client(self, name: str) -> Path:
        return self.issued / f"{name}.pem"

    def client_key(self, name: str) -> Path:
        return self.issued / f"{name}.key"

    def client_bundle(self, name: str) -> Path:
        """PKCS #12: certificate, key and authority in one file, for devices that want that."""
        return self.issued / f"{name}.p12"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a certificate, or soon will be.

    Attributes:
        code: missing, unreadable, expired, not_yet_valid, expiring, other_name, other_ca, key_missing or key_mismatch.
        usable: whether it still serves.
        message: names the file and says what is wrong.
        hint: what to do.
    """

    code: str
    usable: bool
    message: str
    hint: str

    def error(self) -> NetbilldError:
        """Return it as a refusal."""
        return NetbilldError(self.message, hint=self.hint, code=f"certificate_{self.code}")


def is_there(path: Path) -> bool:
    """Tell whether a file is there; one that we may not even look for counts, so that reading it says so."""
    try:
        return path.exists()
    except OSError:
        return True


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, at least one.

    Raises:
        NetbilldError: the file is missing, can't be read, or holds none.
    """
    octets = _read(path, "certificate")
    try:
        return x509.load_pem_x509_certificates(octets)
    except ValueError:
        raise Finding(
            "unreadable", usable=False, message=f"{path} holds no certificate in PEM form", hint="restore or remove it"
        ).error() from None


def read_key(path: Path) -> PrivateKeyTypes:
    """Return the private key of a PEM file.

    Raises:
        NetbilldError: the file is missing, can't be read, is locked with a passphrase, or holds no key.
    """
    octets = _read(path, "key")
    try:
        return load_pem_private_key(octets, None)
    except TypeError:
        why, hint = "is locked with a passphrase", f"unlock it: `openssl pkey -in {path.name} -out …`"
    except (ValueError, UnsupportedAlgorithm):
        why, hint = "holds no private key in PEM form", "restore or remove it"
    raise Finding("unreadable", usable=False, message=f"{path} {why}", hint=hint).error()


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        code = "missing" if what == "certificate" else "key_missing"
        message, hint = f"the {what} {path} is missing", "make one with `netbilld certs init`, or put yours there"
    except OSError as error:
        code, message = "unreadable", f"the {what} {path} can't be read: {error.strerror}"
        hint = "check its owner and mode"
    raise Finding(code, usable=False, message=message, hint=hint).error()


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return who a certificate is for: DNS names, addresses and mail addresses, or else its common name."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        names: list[str] = []
    else:
        names = list(extension.get_values_for_type(x509.DNSName))
        names += [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
        names += extension.get_values_for_type(x509.RFC822Name)
    return tuple(dict.fromkeys(names)) or ((common,) if (common := common_name(certificate)) else ())


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's common name; empty for none."""
    try:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return ""
    return str(found[0].value) if found else ""


def use_of(certificate: x509.Certificate) -> CertificateUse:
    """Return whose a client certificate says it is."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        for_eap = EAP_OVER_LAN in usages
    except (x509.ExtensionNotFound, ValueError):
        for_eap = False
    try:
        units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    except ValueError:
        units = []
    for_radsec = any(str(unit.value).lower() == RADSEC_UNIT.lower() for unit in units)
    if for_eap == for_radsec:
        return CertificateUse.ANY
    return CertificateUse.EAP if for_eap else CertificateUse.RADSEC


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint in lower-case hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def peer_certificate(certificate: x509.Certificate) -> PeerCertificate:
    """Return what a certificate says of its holder, as `netbilld.radius.radsec` compares it."""
    names = {canonical_name(name) for name in (*names_of(certificate), common_name(certificate)) if name}
    return PeerCertificate(frozenset(names), fingerprint(certificate), use_of(certificate))


def is_for(certificate: x509.Certificate, wanted: str) -> bool:
    """Tell whether a certificate is for a name or an address; `*.` stands for one label (RFC 9525 §6.3)."""
    wanted = canonical_name(wanted)
    for name in names_of(certificate):
        own = canonical_name(name)
        if own == wanted or (own.startswith("*.") and "." in wanted and own[2:] == wanted.partition(".")[2]):
            return True
    return False


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Tell whether that authority signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - of many kinds: another issuer, another key type, a signature that is wrong
        return False
    return True


def belongs_to(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Tell whether a private key is the certificate's."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def expiry_words(expires_at: datetime, now: datetime) -> str:
    """Return when that is, seen from now, in whole days."""
    days = int(abs(expires_at - now).total_seconds()) // 86_400
    said = "a day" if days == 1 else f"{days} days" if days else "less than a day"
    return f"in {said}" if expires_at > now else f"{said} ago"


def judge_dates(path: Path, certificate: x509.Certificate, now: datetime, hint: str) -> Iterator[Finding]:
    """Yield whether a certificate is out of its time, or soon will be; `hint` says how to renew it."""
    expires_at, valid_from = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    when = f"{expires_at:%Y-%m-%d %H:%M} UTC, {expiry_words(expires_at, now)}"
    if now >= expires_at:
        yield Finding("expired", usable=False, message=f"{path} has expired on {when}", hint=hint)
    elif now < valid_from:
        message = f"{path} is valid only from {valid_from:%Y-%m-%d %H:%M} UTC, {expiry_words(valid_from, now)}"
        yield Finding("not_yet_valid", usable=False, message=message, hint="set the clock, or wait")
    elif expires_at - now < WARNED_AHEAD:
        yield Finding("expiring", usable=True, message=f"{path} expires on {when}", hint=hint)


def judge_server(files: CertificateFiles, now: datetime, names: Sequence[str] = ()) -> list[Finding]:
    """Return what is wrong with the server certificate and its key; what makes it unusable first.

    Args:
        files: where they lie.
        now: the current instant.
        names: who the certificate must be for.
    """
    renewing = "renew it: `netbilld certs init`" if is_there(files.ca_key) else "replace it and its key"
    try:
        certificate = read_certificates(files.server)[0]
    except NetbilldError as error:
        return [as_finding(error)]
    findings = [
        *judge_dates(files.server, certificate, now, renewing),
        *_judge_key(files.server, files.server_key, certificate),
    ]
    if missing := [name for name in names if not is_for(certificate, name)]:
        message = f"{files.server} is for {', '.join(names_of(certificate)) or 'nobody'}, not for {missing[0]}"
        hint = f"`netbilld certs init --name {missing[0]}`, or mend certificates.names"
        findings.append(Finding("other_name", usable=False, message=message, hint=hint))
    return sorted(findings, key=lambda finding: finding.usable)


def judge_authority(files: CertificateFiles, now: datetime) -> list[Finding]:
    """Return what is wrong with the authority whose clients are believed; of several, one that is valid will do."""
    try:
        found = [list(judge_dates(files.ca, one, now, NEW_AUTHORITY)) for one in read_certificates(files.ca)]
    except NetbilldError as error:
        return [as_finding(error)]
    return min(found, key=lambda findings: [not finding.usable for finding in findings])


def judge_client(
    files: CertificateFiles, path: Path, authorities: Sequence[x509.Certificate], now: datetime
) -> list[Finding]:
    """Return what is wrong with a client certificate that was issued; its key may be elsewhere, but not another's.

    Raises:
        NetbilldError: the file can't be read.
    """
    certificate, name = read_certificates(path)[0], path.stem
    findings = list(judge_dates(path, certificate, now, f"`netbilld certs issue {name} --renew`"))
    if is_there(files.client_key(name)):
        findings += _judge_key(path, files.client_key(name), certificate)
    if not any(signed_by(certificate, authority) for authority in authorities):
        message = f"{path} is of another authority than {files.ca.name}: nobody here believes it"
        findings.append(Finding("other_ca", usable=False, message=message, hint="remove it, and issue a new one"))
    return sorted(findings, key=lambda finding: finding.usable)


def check_server(files: CertificateFiles, now: datetime, names: Sequence[str] = ()) -> list[Finding]:
    """Return the warnings about the server certificate, its key and the authority.

    Raises:
        NetbilldError: one of them can't be used; one line says why and what to do.
    """
    findings = judge_server(files, now, names) + judge_authority(files, now)
    for finding in findings:
        if not finding.usable:
            raise finding.error()
    return findings


def _judge_key(path: Path, key_path: Path, certificate: x509.Certificate) -> Iterator[Finding]:
    try:
        if not belongs_to(read_key(key_path), certificate):
            message = f"{key_path} is not the key of {path.name}"
            yield Finding("key_mismatch", usable=False, message=message, hint="restore the pair, or renew it")
    except NetbilldError as error:
        yield as_finding(error)


def as_finding(error: NetbilldError) -> Finding:
    """Return a refusal of `read_certificates` or `read_key` as a finding."""
    return Finding(error.code.removeprefix("certificate_"), usable=False, message=str(error.args[0]), hint=error.hint)
