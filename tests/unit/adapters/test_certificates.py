"""The private authority, and what is said of certificates that can't be used."""

import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from netbilld.adapters.certificate_authority import CA_DAYS, SERVER_DAYS, CertificateAuthority
from netbilld.adapters.certificates import (
    CertificateFiles,
    belongs_to,
    check_server,
    common_name,
    expiry_words,
    is_for,
    judge_authority,
    judge_client,
    judge_server,
    names_of,
    peer_certificate,
    read_certificates,
    read_key,
    signed_by,
    use_of,
)
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.radius.certificate_use import CertificateUse

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
NAMES = ("radius.example.net", "192.0.2.1", "2001:db8::1")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority, a server certificate and a client's; keys are dear, so they are made once."""
    directory = tmp_path_factory.mktemp("pristine")
    authority = CertificateAuthority(CertificateFiles.of(directory))
    assert authority.make("Warnet Maju", NOW)
    assert authority.make_server(NAMES, NOW)
    authority.issue("pop1", NOW, also_for=("192.0.2.9",))
    return directory


@pytest.fixture
def files(pristine: Path, tmp_path: Path) -> CertificateFiles:
    shutil.copytree(pristine, tmp_path / "data")
    return CertificateFiles.of(tmp_path / "data")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def believed(files: CertificateFiles, path: Path, purpose: str) -> bool:
    """Whether OpenSSL, as strict as it can be, believes a certificate."""
    at = str(int(NOW.timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", str(files.ca), "-purpose", purpose]
    return subprocess.run([*command, str(path)], capture_output=True, check=False).returncode == 0


def test_openssl_believes_what_is_made_for_its_own_purpose_only(files: CertificateFiles) -> None:
    assert believed(files, files.server, "sslserver")
    assert believed(files, files.client("pop1"), "sslclient")
    assert not believed(files, files.server, "sslclient")
    assert not believed(files, files.client("pop1"), "sslserver")


def test_a_client_certificate_says_whose_it_is_and_goes_on_saying_so(files: CertificateFiles) -> None:
    authority = CertificateAuthority(files)
    assert use_of(read_certificates(files.client("pop1"))[0]) is CertificateUse.ANY
    for use in (CertificateUse.RADSEC, CertificateUse.EAP):
        changed = authority.issue("pop1", NOW, use=use, renew=True)
        renewed = authority.issue("pop1", NOW, renew=True)
        assert use_of(changed) is use_of(renewed) is peer_certificate(renewed).use is use
        assert believed(files, files.client("pop1"), "sslclient")
        assert common_name(renewed) == "pop1"


def test_keys_are_for_their_owner_only(files: CertificateFiles) -> None:
    for path in (files.ca_key, files.server_key, files.client_key("pop1")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (files.directory, files.issued):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_server_certificate_names_what_was_asked(files: CertificateFiles) -> None:
    certificate = read_certificates(files.server)[0]
    assert names_of(certificate) == NAMES
    assert certificate.not_valid_after_utc == NOW + timedelta(days=SERVER_DAYS)
    assert certificate.not_valid_before_utc < NOW
    for name in (*NAMES, "RADIUS.example.net.", "2001:DB8:0::1"):
        assert is_for(certificate, name)
    for name in ("example.net", "192.0.2.2", "x.radius.example.net"):
        assert not is_for(certificate, name)


def test_an_authority_is_never_overwritten(files: CertificateFiles) -> None:
    before = contents(files.directory)
    authority = CertificateAuthority(files)
    assert not authority.make("Another", NOW)
    assert authority.make_server((), NOW) is None
    assert authority.make_server(NAMES, NOW) is None
    assert contents(files.directory) == before


def test_an_authority_whose_certificate_is_gone_is_not_replaced(files: CertificateFiles) -> None:
    files.ca.unlink()
    before = contents(files.directory)
    with pytest.raises(NetbilldError, match=r"ca\.pem is missing, and certificates were made"):
        CertificateAuthority(files).make("Another", NOW)
    assert contents(files.directory) == before


def test_a_start_that_was_interrupted_is_finished_with_the_same_key(files: CertificateFiles) -> None:
    files.ca.unlink()
    files.server.unlink()
    shutil.rmtree(files.issued)
    files.issued.mkdir()
    key = files.ca_key.read_bytes()
    assert CertificateAuthority(files).make("Warnet Maju", NOW)
    assert files.ca_key.read_bytes() == key
    assert belongs_to(read_key(files.ca_key), read_certificates(files.ca)[0])


def test_the_server_certificate_is_renewed_in_its_last_month_with_the_same_key_and_authority(
    files: CertificateFiles,
) -> None:
    authority = CertificateAuthority(files)
    kept = {path: path.read_bytes() for path in (files.ca, files.ca_key, files.server_key)}
    early, late = NOW + timedelta(days=SERVER_DAYS - 31), NOW + timedelta(days=SERVER_DAYS - 29)
    assert authority.renew_server_in_time(early) is None
    renewed = authority.renew_server_in_time(late)
    assert renewed is not None
    assert names_of(renewed) == NAMES
    assert renewed.not_valid_after_utc == late + timedelta(days=SERVER_DAYS)
    assert {path: path.read_bytes() for path in kept} == kept
    assert judge_server(files, late, NAMES) == []
    assert authority.renew_server_in_time(late) is None


def test_another_name_makes_another_server_certificate(files: CertificateFiles) -> None:
    made = CertificateAuthority(files).make_server(["aaa.example.net"], NOW)
    assert made is not None
    assert names_of(made) == ("aaa.example.net",)


def test_nothing_outlives_the_authority(files: CertificateFiles) -> None:
    late = NOW + timedelta(days=CA_DAYS - 10)
    made = CertificateAuthority(files).make_server((), late)
    assert made is not None
    assert made.not_valid_after_utc == NOW + timedelta(days=CA_DAYS)
    with pytest.raises(NetbilldError, match="the authority has expired on 2046-11-17"):
        CertificateAuthority(files).make_server((), late + timedelta(days=11), renew=True)


def test_somebody_elses_certificate_and_key_are_left_alone(files: CertificateFiles, tmp_path: Path) -> None:
    other = CertificateFiles.of(tmp_path / "other")
    other.directory.parent.mkdir()
    CertificateAuthority(other).make("Other", NOW)
    shutil.copy(other.ca, files.ca)
    shutil.copy(other.ca_key, files.ca_key)
    before = contents(files.directory)
    with pytest.raises(RefusedError, match="is of another authority and is not replaced"):
        CertificateAuthority(files).make_server(["aaa.example.net"], NOW)
    assert CertificateAuthority(files).renew_server_in_time(NOW + timedelta(days=SERVER_DAYS)) is None
    assert contents(files.directory) == before
    assert [
        finding.code for finding in judge_client(files, files.client("pop1"), read_certificates(files.ca), NOW)
    ] == ["other_ca"]


def test_without_the_authoritys_key_nothing_is_made_and_no_key_is_touched(files: CertificateFiles) -> None:
    files.ca_key.unlink()
    before = contents(files.directory)
    authority = CertificateAuthority(files)
    assert not authority.is_ours
    attempts: tuple[Callable[[], object], ...] = (
        lambda: authority.make_server(["a.example.net"], NOW, renew=True),
        lambda: authority.issue("pop2", NOW),
        lambda: authority.issue("pop1", NOW, renew=True),
    )
    for attempt in attempts:
        with pytest.raises(NetbilldError, match=r"is not ours: ca\.key is not here"):
            attempt()
    assert contents(files.directory) == before


def test_a_client_certificate_is_renewed_only_on_request_and_keeps_key_and_names(files: CertificateFiles) -> None:
    authority = CertificateAuthority(files)
    before, key = read_certificates(files.client("pop1"))[0], files.client_key("pop1").read_bytes()
    with pytest.raises(RefusedError, match=r"pop1\.pem exists and expires on 2028-11-21, in 730 days"):
        authority.issue("pop1", NOW)
    renewed = authority.issue("pop1", NOW + timedelta(days=700), renew=True)
    assert names_of(renewed) == names_of(before) == ("pop1", "192.0.2.9")
    assert renewed.not_valid_after_utc > before.not_valid_after_utc
    assert files.client_key("pop1").read_bytes() == key
    with pytest.raises(NotFoundError, match=r"pop9\.pem does not exist"):
        authority.issue("pop9", NOW, renew=True)


def test_a_key_that_has_moved_to_its_device_is_made_anew(files: CertificateFiles) -> None:
    files.client_key("pop1").unlink()
    renewed = CertificateAuthority(files).issue("pop1", NOW, renew=True)
    assert belongs_to(read_key(files.client_key("pop1")), renewed)


def test_a_user_name_gets_a_certificate_and_one_file_for_its_device(files: CertificateFiles) -> None:
    made = CertificateAuthority(files).issue("budi@example.net", NOW, days=90, bundle_password="rahasia")
    assert common_name(made) == "budi@example.net"
    bundle = files.client_bundle("budi@example.net")
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    key, certificate, more = pkcs12.load_key_and_certificates(bundle.read_bytes(), b"rahasia")
    assert key is not None
    assert certificate == made
    assert more == read_certificates(files.ca)
    assert signed_by(made, more[0])
    with pytest.raises(ValueError):
        pkcs12.load_key_and_certificates(bundle.read_bytes(), b"wrong")


@pytest.mark.parametrize("name", ["", ".", "..", "../ca", "a/b", "-x", ".hidden", "x" * 65, "dua kata", "a\n", "nul\0"])
def test_a_name_that_can_be_no_file_is_refused(files: CertificateFiles, name: str) -> None:
    before = contents(files.directory)
    with pytest.raises(InvalidInputError, match="is not allowed"):
        CertificateAuthority(files).issue(name, NOW)
    assert contents(files.directory) == before


@pytest.mark.parametrize("name", ["", "bad name", "a..b", "-a.example", "x" * 64 + ".example", "192.0.2.1/24"])
def test_a_server_name_that_is_none_is_refused(files: CertificateFiles, name: str) -> None:
    with pytest.raises(InvalidInputError, match="neither a host name nor an address"):
        CertificateAuthority(files).make_server([name], NOW)


def _expire(files: CertificateFiles) -> None:
    del files


def _lose_key(files: CertificateFiles) -> None:
    files.server_key.unlink()


def _swap_key(files: CertificateFiles) -> None:
    shutil.copy(files.client_key("pop1"), files.server_key)


def _garble(files: CertificateFiles) -> None:
    files.server.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def _empty_key(files: CertificateFiles) -> None:
    files.server_key.write_bytes(b"")


def _lock_key(files: CertificateFiles) -> None:
    lock = BestAvailableEncryption(b"rahasia")
    octets = read_key(files.server_key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    files.server_key.write_bytes(octets)


def _lose_certificate(files: CertificateFiles) -> None:
    files.server.unlink()


def _lose_authority(files: CertificateFiles) -> None:
    files.ca.unlink()


@pytest.mark.parametrize(
    ("break_it", "days", "names", "code", "words"),
    [
        (
            _expire,
            SERVER_DAYS + 3,
            (),
            "expired",
            "server.pem has expired on 2027-12-24 08:00 UTC, 3 days ago; renew it",
        ),
        (_expire, -3, (), "not_yet_valid", "server.pem is valid only from 2026-11-21 08:00 UTC, in 2 days; set the"),
        (_expire, 0, ("aaa.example.net",), "other_name", "not for aaa.example.net; `netbilld certs init --name aaa"),
        (_lose_key, 0, (), "key_missing", "server.key is missing; make one with `netbilld certs init`"),
        (_swap_key, 0, (), "key_mismatch", "server.key is not the key of server.pem; restore"),
        (_garble, 0, (), "unreadable", "server.pem holds no certificate in PEM form"),
        (_empty_key, 0, (), "unreadable", "server.key holds no private key in PEM form"),
        (_lock_key, 0, (), "unreadable", "server.key is locked with a passphrase; unlock it"),
        (_lose_certificate, 0, (), "missing", "server.pem is missing; make one with `netbilld certs init`"),
        (_lose_authority, 0, (), "missing", "ca.pem is missing; make one with"),
    ],
)
def test_an_unusable_certificate_is_named_in_one_line_that_says_what_to_do(
    files: CertificateFiles,
    break_it: Callable[[CertificateFiles], None],
    days: int,
    names: tuple[str, ...],
    code: str,
    words: str,
) -> None:
    break_it(files)
    with pytest.raises(NetbilldError) as caught:
        check_server(files, NOW + timedelta(days=days), names)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.code == f"certificate_{code}"


def test_files_that_may_not_even_be_looked_for_are_named_and_stop_nothing_else(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of root's, as it becomes when files are copied by hand."""

    def denied(path: Path, *_more: object, **_named: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", denied)
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(NetbilldError, match=r"server\.pem can't be read: Permission denied; check its owner"):
        check_server(files, NOW)
    with pytest.raises(NetbilldError, match=r"can't be read: Permission denied"):
        CertificateAuthority(files).renew_server_in_time(NOW)


def test_a_month_ahead_it_is_a_warning(files: CertificateFiles) -> None:
    findings = check_server(files, NOW + timedelta(days=SERVER_DAYS - 12), NAMES)
    assert [finding.code for finding in findings] == ["expiring"]
    assert "expires on 2027-12-24 08:00 UTC, in 12 days" in findings[0].message
    assert check_server(files, NOW, NAMES) == []


def test_of_two_authorities_in_one_file_one_that_is_valid_will_do(files: CertificateFiles, tmp_path: Path) -> None:
    other = CertificateFiles.of(tmp_path / "other")
    other.directory.parent.mkdir()
    CertificateAuthority(other).make("Next", NOW + timedelta(days=1000))
    files.ca.write_bytes(files.ca.read_bytes() + other.ca.read_bytes())
    assert judge_authority(files, NOW + timedelta(days=CA_DAYS + 5)) == []
    assert [one.code for one in judge_authority(files, NOW + timedelta(days=CA_DAYS + 1005))] == ["expired"]


@pytest.mark.parametrize(
    ("hours", "words"),
    [(23, "in less than a day"), (25, "in a day"), (49, "in 2 days"), (-1, "less than a day ago"), (-50, "2 days ago")],
)
def test_when_it_expires_is_said_in_days(hours: int, words: str) -> None:
    assert expiry_words(NOW + timedelta(hours=hours), NOW) == words
