"""Certificates of a private authority for tests: good ones, expired ones, and those of somebody else."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netbilld.radius.certificate_use import CertificateUse


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write `name`.pem and `name`.key."""
        directory.mkdir(parents=True, exist_ok=True)
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        certificate.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key


def make(
    common_name: str,
    issuer: Pair | None = None,
    *,
    names: tuple[x509.GeneralName, ...] = (),
    client: bool = False,
    use: CertificateUse = CertificateUse.EAP,
    days: int = 30,
    padding_octets: int = 0,
) -> Pair:
    """Return a certificate of `issuer`, or an authority; one of less than 0 days has expired then.

    `client` is whose it is as `use` says. `padding_octets` makes it long, so that it does not fit one packet.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    named = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    if client and use is CertificateUse.RADSEC:
        named.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "RadSec"))
    subject = x509.Name(named)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH]
        if client and use is CertificateUse.EAP:
            usages.append(x509.ObjectIdentifier("1.3.6.1.5.5.7.3.14"))  # id-kp-eapOverLAN, RFC 4334 §2
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    alternatives = [*names, *(x509.DNSName(f"{at:060}.example.net") for at in range(padding_octets // 72))]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not common_name)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
