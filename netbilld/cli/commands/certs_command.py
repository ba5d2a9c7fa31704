"""`netbilld certs`: a private certificate authority for RadSec and EAP."""

import argparse
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from netbilld.adapters.certificate_authority import CLIENT_DAYS, LONGEST_DAYS, CertificateAuthority
from netbilld.adapters.certificates import (
    NEW_AUTHORITY,
    CertificateFiles,
    Finding,
    as_finding,
    check_server,
    common_name,
    expiry_words,
    fingerprint,
    is_there,
    judge_client,
    judge_dates,
    judge_server,
    names_of,
    read_certificates,
    use_of,
)
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.radsec import canonical_name
from netbilld.radius.realms import Realms

_SHORT: Final = 16
_USES: Final = {
    CertificateUse.RADSEC: "a NAS (RadSec)",
    CertificateUse.EAP: "a subscriber's device (EAP-TLS)",
    CertificateUse.ANY: "a NAS or a subscriber's device, as long as no other has a name of it: see --use",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="init|issue|list")
    init = verbs.add_parser("init", help="make the authority and the server certificate, or renew the latter")
    init.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME|ADDRESS",
        help="of this server; may be repeated; default certificates.names, or the host name",
    )
    init.add_argument("--renew", action="store_true", help="renew the server certificate whatever it has left")
    add_config_option(init)
    issue = verbs.add_parser("issue", help="make a certificate for a NAS (RadSec) or a subscriber's device (EAP-TLS)")
    issue.add_argument("name", metavar="NAME", help="the NAS's name, or the user name the device logs in with")
    issue.add_argument(
        "--for",
        dest="also_for",
        action="append",
        default=[],
        metavar="HOST|ADDRESS",
        help="a DNS name or address it is for besides; may be repeated",
    )
    issue.add_argument(
        "--days", type=int, default=CLIENT_DAYS, help=f"valid for, 1 to {LONGEST_DAYS}; default %(default)s"
    )
    issue.add_argument(
        "--use",
        choices=[use.value for use in CertificateUse],
        help="radsec: of a NAS; eap: of a subscriber's device; any: of either, where no other has the name; "
        "default: of whoever has the name NAME, or as the one it renews",
    )
    issue.add_argument("--renew", action="store_true", help="make the successor of the one there is, with its key")
    issue.add_argument("--p12", action="store_true", help="also one file with certificate, key and authority")
    add_secret_option(issue, "password", "what locks the --p12 file")
    add_config_option(issue)
    listing = verbs.add_parser("list", help="all of them, and when they expire")
    add_json_option(listing)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    files = CertificateFiles.of(context.settings.data_dir)
    if options.action == "init":
        _init(options, context, files)
    elif options.action == "issue":
        await _issue(options, context, files)
    else:
        _list(context, files)


def _init(options: argparse.Namespace, context: Context, files: CertificateFiles) -> None:
    now = context.now()
    authority = CertificateAuthority(files)
    made = authority.make(context.settings.business_name, now)
    kept = "exists" if authority.is_ours else "exists, and its key is elsewhere"
    print(f"authority  {files.ca} {'made: keep a copy of it and of ca.key' if made else kept}")
    if authority.is_ours:
        names = options.name or list(context.settings.certificates.names)
        if not names and not is_there(files.server):
            names = [socket.gethostname()]
        server = authority.make_server(names, now, renew=options.renew)
        print(f"server     {files.server} {'exists' if server is None else 'made'}, for {_server_said(files, context)}")
    for finding in check_server(files, now, context.settings.certificates.names):
        note(f"warning: {finding.message}; {finding.hint}")


def _server_said(files: CertificateFiles, context: Context) -> str:
    certificate = read_certificates(files.server)[0]
    expires_at = certificate.not_valid_after_utc
    on = local_time(expires_at, context.settings.timezone)
    return f"{', '.join(names_of(certificate))}, expires {on}, {expiry_words(expires_at, context.now())}"


async def _issue(options: argparse.Namespace, context: Context, files: CertificateFiles) -> None:
    password = None
    if options.p12:
        password = await read_secret(options, "password", "password for the .p12 file")
        if not password:
            raise InvalidInputError("a .p12 file needs a password", hint="use --password-stdin, or a terminal")
    elif options.password is not None or options.password_stdin:
        raise InvalidInputError("--password locks a .p12 file only", hint="add --p12")
    use = CertificateUse(options.use) if options.use else None
    if use is None and not options.renew and is_there(files.ca):
        use = await _use_of_name(options.name, context)
    key_was_there = is_there(files.client_key(options.name))
    certificate = CertificateAuthority(files).issue(
        options.name,
        context.now(),
        also_for=options.also_for,
        days=options.days,
        use=use,
        renew=options.renew,
        bundle_password=password,
    )
    expires_at = certificate.not_valid_after_utc
    on = local_time(expires_at, context.settings.timezone)
    print(f"certificate  {files.client(options.name)}, expires {on}, {expiry_words(expires_at, context.now())}")
    print(f"key          {files.client_key(options.name)}{'' if key_was_there else ', new'}")
    print(f"for          {_USES[use_of(certificate)]}")
    if options.p12:
        print(f"both         {files.client_bundle(options.name)}")
    print(f"authority    {files.ca}")
    print(f"fingerprint  {fingerprint(certificate)}")


async def _use_of_name(name: str, context: Context) -> CertificateUse:
    """Return whose a name is; any, while nobody has it.

    Raises:
        RefusedError: a NAS and a subscriber have it.
        StoreUnavailableError: the database is away.
    """
    try:
        async with context.database() as database, database.read() as work:
            routers = await work.nas.all()
            own = canonical_name(name)
            is_nas = any(own in {canonical_name(one.name), one.radsec_name} for one in routers)
            names = [name.encode(), *Realms.of(context.settings.radius.realms).named.other_names(name.encode(), {})]
            found = [await work.subscribers.by_credential_name(one.decode()) for one in names]
    except NetbilldError as error:
        if error.code == "schema_missing":  # certificates need no database
            return CertificateUse.ANY
        raise
    if is_nas and any(found):
        raise RefusedError(
            f"a NAS and a subscriber are called {name}", hint="say whose it is: `--use radsec` or `--use eap`"
        )
    if is_nas:
        return CertificateUse.RADSEC
    return CertificateUse.EAP if any(found) else CertificateUse.ANY


def _list(context: Context, files: CertificateFiles) -> None:
    now = context.now()
    documents = list(_documents(files, now, context.settings.certificates.names))
    if context.json_wanted:
        print_json(documents, context.settings.timezone)
        return
    if not documents:
        note("no certificates; `netbilld certs init` makes an authority and the server's")
        return
    zone = context.settings.timezone
    rows = [
        [
            document["kind"],
            document["name"],
            document["use"] or "",
            ", ".join(document["names"]),
            local_time(document["expires_at"], zone),
            expiry_words(document["expires_at"], now) if document["expires_at"] else "",
            (document["fingerprint"] or "")[:_SHORT],
            document["state"].replace("_", " "),
        ]
        for document in documents
    ]
    print_table(("KIND", "NAME", "USE", "FOR", "EXPIRES", "", "FINGERPRINT", "STATE"), rows)


def _documents(files: CertificateFiles, now: datetime, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield what is known of each certificate that is here, the authority's first."""
    authorities: list[x509.Certificate] = []
    if is_there(files.ca):
        try:
            authorities = read_certificates(files.ca)
        except NetbilldError as error:
            yield _document("ca", files.ca, None, [as_finding(error)])
        for authority in authorities:
            yield _document("ca", files.ca, authority, list(judge_dates(files.ca, authority, now, NEW_AUTHORITY)))
    if is_there(files.server):
        try:
            server = read_certificates(files.server)[0]
            yield _document("server", files.server, server, judge_server(files, now, names))
        except NetbilldError as error:
            yield _document("server", files.server, None, [as_finding(error)])
    for path in sorted(files.issued.glob("*.pem")):
        try:
            findings = judge_client(files, path, authorities, now)
            yield _document("client", path, read_certificates(path)[0], findings)
        except NetbilldError as error:
            yield _document("client", path, None, [as_finding(error)])


def _document(kind: str, path: Path, certificate: x509.Certificate | None, findings: list[Finding]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": kind,
        "name": common_name(certificate) if certificate else path.stem,
        "use": use_of(certificate).value if certificate and kind == "client" else None,
        "file": str(path),
        "names": list(names_of(certificate)) if certificate else [],
        "issuer": certificate.issuer.rfc4514_string() if certificate else None,
        "serial": f"{certificate.serial_number:x}" if certificate else None,
        "fingerprint": fingerprint(certificate) if certificate else None,
        "valid_from": certificate.not_valid_before_utc if certificate else None,
        "expires_at": certificate.not_valid_after_utc if certificate else None,
        "key": is_there(path.with_name(f"{path.stem}.key")),
        "state": findings[0].code if findings else "ok",
        "usable": all(finding.usable for finding in findings),
        "trouble": findings[0].message if findings else None,
        "hint": findings[0].hint if findings else None,
    }
    return document
