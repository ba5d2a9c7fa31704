"""What `netbilld doctor` says of certificates: what can't be used, and what expires within 30 days."""

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from netbilld.adapters.certificates import (
    CertificateFiles,
    Finding,
    as_finding,
    expiry_words,
    is_there,
    judge_authority,
    judge_client,
    judge_server,
    names_of,
    read_certificates,
)
from netbilld.cli.checks import Check, Result
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NetbilldError


def check_certificates(settings: Settings, now: datetime) -> Iterator[Check]:
    """Yield how the certificates do; nothing where nobody uses any."""
    files = CertificateFiles.of(settings.data_dir)
    wanted = settings.radius.radsec_port is not None
    if not wanted and not is_there(files.server) and not is_there(files.ca):
        return
    findings = judge_authority(files, now)
    yield from _lines("authority", findings, files.ca, now)
    findings = judge_server(files, now, settings.certificates.names)
    if wanted or is_there(files.server):
        yield from _lines("server certificate", findings, files.server, now)
    for path in (files.ca_key, files.server_key):
        if _is_open_to_others(path):
            yield Check("certificate key", "warn", f"{path} can be read by others", f"chmod 600 {path}")
    yield from _clients(files, now)


def _is_open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def _lines(name: str, findings: list[Finding], path: Path, now: datetime) -> Iterator[Check]:
    if findings:
        result: Result = "warn" if findings[0].usable else "fail"
        yield Check(name, result, "; ".join(finding.message for finding in findings), findings[0].hint)
    else:
        certificate = read_certificates(path)[0]
        expires_at = certificate.not_valid_after_utc
        said = f"for {', '.join(names_of(certificate))}; expires {expires_at:%Y-%m-%d}, {expiry_words(expires_at, now)}"
        yield Check(name, "ok", said)


def _clients(files: CertificateFiles, now: datetime) -> Iterator[Check]:
    """Yield the issued certificates that are not well; a subscriber's that has expired stops nothing of ours."""
    try:
        authorities = read_certificates(files.ca)
    except NetbilldError:
        return
    for path in sorted(files.issued.glob("*.pem")):
        try:
            findings = judge_client(files, path, authorities, now)
        except NetbilldError as error:
            findings = [as_finding(error)]
        for finding in findings[:1]:
            yield Check(f"certificate {path.stem}", "warn", finding.message, finding.hint)
