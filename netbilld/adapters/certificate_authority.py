"""A private certificate authority, for those who have none: makes and renews, and never overwrites itself.

RSA, because every router and telephone understands it. A key that is there is never replaced, only certified again: so
a renewal is one rename, nobody ever reads half a pair, and nothing that can't be made again is lost.
"""

import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netbilld.adapters.certificates import (
    EAP_OVER_LAN,
    RADSEC_UNIT,
    WARNED_AHEAD,
    CertificateFiles,
    belongs_to,
    expiry_words,
    is_there,
    names_of,
    read_certificates,
    read_key,
    signed_by,
    use_of,
)
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.radsec import canonical_name

CA_DAYS: Final = 7_300
SERVER_DAYS: Final = 397  # Apple's devices believe no server for longer than 825
CLIENT_DAYS: Final = 730
LONGEST_DAYS: Final = 7_300
_CA_KEY_BITS: Final = 3072
_KEY_BITS: Final = 2048
_BACKDATED: Final = timedelta(days=1)  # a router's clock may be behind
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9@._+-]{0,63}")  # 64 is also the longest common name (RFC 5280)
_HOST_NAME: Final = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class CertificateAuthority:
    """The authority of one data directory; its methods say what they have made."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files

    @property
    def is_ours(self) -> bool:
        """Tell whether certificates can be made: the authority's key is here."""
        return is_there(self._files.ca_key)

    def make(self, business_name: str, now: datetime) -> bool:
        """Make the authority's key and certificate; False where there is an authority already.

        Raises:
            NetbilldError: the directory can't be written, or its key is here and its certificate is gone.
        """
        files = self._files
        if is_there(files.ca):
            return False
        if not files.directory.parent.is_dir():
            raise NetbilldError(f"{files.directory.parent} does not exist", hint="run `netbilld init` first")
        _make_directory(files.directory)
        _make_directory(files.issued)
        if not is_there(files.ca_key):
            _write_new(files.ca_key, _pem_of(rsa.generate_private_key(65537, _CA_KEY_BITS)))
        elif is_there(files.server) or any(files.issued.iterdir()):
            raise NetbilldError(
                f"{files.ca} is missing, and certificates were made with its key",
                hint="restore it from the backup",
                code="certificate_missing",
            )
        key = _signing_key(files.ca_key)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, business_name[:64] or "netbilld"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"netbilld authority {now:%Y-%m-%d}"),
            ]
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        _write_new(files.ca, certificate.public_bytes(Encoding.PEM), mode=0o644)
        return True

    def make_server(self, names: Sequence[str], now: datetime, *, renew: bool = False) -> x509.Certificate | None:
        """Make or renew the server certificate; None where the one that is there will do.

        It is made anew where it is missing, for other names, without its key, in its last 30 days, or where `renew`
        asks for it.

        Args:
            names: DNS names and addresses it must be for; none keeps those it has.
            now: the current instant.
            renew: whatever it has left.

        Raises:
            InvalidInputError: a name is none.
            RefusedError: the one that is there is of another authority.
            NetbilldError: the authority's key is not here, or a file can't be read or written.
        """
        files = self._files
        authority, authority_key = self._pair()
        wanted = list(dict.fromkeys(server_name(name) for name in names))
        before = read_certificates(files.server)[0] if is_there(files.server) else None
        if before is not None and not signed_by(before, authority):
            raise RefusedError(
                f"{files.server} is of another authority and is not replaced",
                hint=f"move it and {files.server_key.name} away first",
            )
        if before is not None and not wanted:
            wanted = list(names_of(before))
        if not wanted:
            raise InvalidInputError("a server certificate needs a name", hint="use --name")
        if (
            before is not None
            and not renew
            and before.not_valid_after_utc - now >= WARNED_AHEAD
            and {canonical_name(name) for name in names_of(before)} == set(wanted)
            and is_there(files.server_key)
            and belongs_to(read_key(files.server_key), before)
        ):
            return None
        key = _kept_or_new_key(files.server_key)
        lifetime = timedelta(days=SERVER_DAYS)
        usages = (ExtendedKeyUsageOID.SERVER_AUTH,)
        signed = _sign(_subject(wanted[0]), wanted, key, (authority, authority_key), now, lifetime, usages)
        _replace(files.server, signed.public_bytes(Encoding.PEM), mode=0o644)
        return signed

    def renew_server_in_time(self, now: datetime) -> x509.Certificate | None:
        """Renew our own server certificate in its last 30 days, with its names; None where there is nothing to do.

        Raises:
            NetbilldError: a file can't be read or written.
        """
        if not (self.is_ours and is_there(self._files.server)):
            return None
        before = read_certificates(self._files.server)[0]
        if before.not_valid_after_utc - now >= WARNED_AHEAD or not signed_by(before, self._pair()[0]):
            return None
        return self.make_server((), now)

    def issue(
        self,
        name: str,
        now: datetime,
        *,
        also_for: Sequence[str] = (),
        days: int = CLIENT_DAYS,
        use: CertificateUse | None = None,
        renew: bool = False,
        bundle_password: str | None = None,
    ) -> x509.Certificate:
        """Make a client certificate with the common name `name`; its files are `issued/NAME.*`.

        Args:
            name: of a NAS, or the user name a subscriber's device logs in with.
            also_for: DNS names and addresses, where whoever looks at it compares those.
            days: how long it is valid; never longer than the authority.
            use: whose it is; None for what the one that is renewed is for, else for any.
            now: the current instant.
            renew: replace the one that is there; its key and names stay.
            bundle_password: locks a PKCS #12 file made besides; None makes none.

        Raises:
            InvalidInputError: the name can't be a file's, or another name or the days are wrong.
            RefusedError: there is one of that name, and `renew` was not asked for.
            NotFoundError: `renew`, and there is none.
            NetbilldError: the authority's key is not here, or a file can't be read or written.
        """
        files = self._files
        if not _FILE_NAME.fullmatch(name) or name.endswith("."):
            raise InvalidInputError(
                f"the certificate name {name[:80]!r} is not allowed", hint="up to 64 letters, digits and @ . _ + -"
            )
        if not 1 <= days <= LONGEST_DAYS:
            raise InvalidInputError(f"--days {days} is not 1 to {LONGEST_DAYS}")
        path, key_path = files.client(name), files.client_key(name)
        before = read_certificates(path)[0] if is_there(path) else None
        if before is not None and not renew:
            expires_at = before.not_valid_after_utc
            raise RefusedError(
                f"{path} exists and expires on {expires_at:%Y-%m-%d}, {expiry_words(expires_at, now)}",
                hint="`--renew` makes its successor",
                code="name_taken",
            )
        if before is None and renew:
            raise NotFoundError(f"{path} does not exist", hint=f"`netbilld certs issue {name}` makes it")
        alternatives = [server_name(one) for one in also_for]
        if before is not None and not alternatives:
            alternatives = [one for one in names_of(before) if one != name]
        if (own := canonical_name(name)) not in alternatives and ("@" in name or _HOST_NAME.fullmatch(own)):
            alternatives.insert(0, name if "@" in name else own)
        pair = self._pair()
        _make_directory(files.issued)
        key = _kept_or_new_key(key_path)
        lifetime = timedelta(days=days)
        if use is None:
            use = CertificateUse.ANY if before is None else use_of(before)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + [EAP_OVER_LAN] * (use is CertificateUse.EAP)
        subject = _subject(name, RADSEC_UNIT if use is CertificateUse.RADSEC else None)
        certificate = _sign(subject, alternatives, key, pair, now, lifetime, usages)
        _replace(path, certificate.public_bytes(Encoding.PEM), mode=0o644)
        if bundle_password is not None:
            lock = BestAvailableEncryption(bundle_password.encode())
            authority = read_certificates(files.ca)
            octets = pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, authority, lock)
            _replace(files.client_bundle(name), octets, mode=0o600)
        return certificate

    def _pair(self) -> "_Pair":
        """Return the authority's certificate and key.

        Raises:
            NetbilldError: one of them is missing, they are no pair, or the authority has expired.
        """
        files = self._files
        authority = read_certificates(files.ca)[0]
        if not is_there(files.ca_key):
            raise NetbilldError(
                f"the authority of {files.ca} is not ours: {files.ca_key.name} is not here",
                hint="have the certificate made by whoever has its key, and put it there",
                code="certificate_key_missing",
            )
        key = _signing_key(files.ca_key)
        if not belongs_to(key, authority):
            raise NetbilldError(
                f"{files.ca_key} is not the key of {files.ca.name}",
                hint="restore the pair from the backup",
                code="certificate_key_mismatch",
            )
        return authority, key


_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Pair = tuple[x509.Certificate, _Key]


def _subject(common: str, unit: str | None = None) -> x509.Name:
    named = [x509.NameAttribute(NameOID.COMMON_NAME, common[:64])]
    if unit is not None:
        named.insert(0, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(named)


def _sign(
    subject: x509.Name,
    names: Sequence[str],
    key: _Key,
    pair: _Pair,
    now: datetime,
    lifetime: timedelta,
    usages: Sequence[x509.ObjectIdentifier],
) -> x509.Certificate:
    authority, authority_key = pair
    if now >= authority.not_valid_after_utc:
        raise NetbilldError(
            f"the authority has expired on {authority.not_valid_after_utc:%Y-%m-%d}",
            hint="move the directory away, make a new authority, and give it to everybody who must believe it",
            code="certificate_expired",
        )
    builder = (
        x509.CertificateBuilder(authority.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(max(now - _BACKDATED, authority.not_valid_before_utc))
        .not_valid_after(min(now + lifetime, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def server_name(name: str) -> str:
    """Return a DNS name or an address in canonical form.

    Raises:
        InvalidInputError: it is neither.
    """
    canonical = canonical_name(name)
    try:
        return str(ip_address(canonical))
    except ValueError:
        pass
    if len(canonical) > 253 or not _HOST_NAME.fullmatch(canonical):
        raise InvalidInputError(f"{name[:80]!r} is neither a host name nor an address")
    return canonical


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.RFC822Name(name) if "@" in name else x509.DNSName(name)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _kept_or_new_key(path: Path) -> _Key:
    """Return the key that is there, else a new one, kept before anything is signed with it."""
    if is_there(path):
        return _signing_key(path)
    key = rsa.generate_private_key(65537, _KEY_BITS)
    _write_new(path, _pem_of(key))
    return key


def _signing_key(path: Path) -> _Key:
    key = read_key(path)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise NetbilldError(f"{path} is neither an RSA nor an EC key", hint="move it away, or certify it elsewhere")
    return key


def _pem_of(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# -- files ------------------------------------------------------------------------------------------------------------


def _make_directory(path: Path) -> None:
    if path.is_dir():
        return
    try:
        path.mkdir(mode=0o700)
        _give_to_owner(path, path.parent)
    except OSError as error:
        raise NetbilldError(f"{path} can't be made: {error.strerror}", hint="check owner and mode") from None


def _write_new(path: Path, octets: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not be there yet."""
    try:
        _write(path, octets, mode)
    except FileExistsError:
        raise RefusedError(f"{path} exists and is not overwritten", code="name_taken") from None
    except OSError as error:
        raise NetbilldError(f"{path} can't be written: {error.strerror}", hint="check owner, mode and room") from None


def _replace(path: Path, octets: bytes, *, mode: int) -> None:
    """Write a file so that whoever opens it finds the old one or the new one, whole."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        _write(fresh, octets, mode)
        fresh.replace(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise NetbilldError(f"{path} can't be written: {error.strerror}", hint="check owner, mode and room") from None


def _write(path: Path, octets: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)
    _give_to_owner(path, path.parent)


def _give_to_owner(path: Path, directory: Path) -> None:
    """Let what root makes belong to whom the directory belongs to: the daemon must read it."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
