"""EAP as the settings want it: MD5 always, what needs TLS as soon as there is a certificate."""

import logging
from collections.abc import Callable
from typing import Final

from netbilld.adapters.certificates import CertificateFiles, judge_dates, read_certificates
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.daemon.settings import Settings
from netbilld.radius.access import Method
from netbilld.radius.eap import EapServer

_METHODS: Final[dict[str, Method]] = {"md5": "eap-md5", "tls": "eap-tls", "ttls": "eap-ttls", "peap": "eap-peap"}
_WITHOUT_TLS: Final = ("eap-md5",)

logger = logging.getLogger("netbilld.eap")


def eap_server(settings: Settings, clock: SystemClock, entropy: Callable[[int], bytes]) -> EapServer:
    """Return the EAP server of the daemon; without a certificate it speaks MD5 only.

    Raises:
        NetbilldError: there is a certificate, but it, its key or the authority can't be used.
    """
    wanted = [_METHODS[name] for name in settings.eap.methods]
    files = eap_files(settings)
    there = settings.eap.certificate is not None or files.certificate.exists()
    if not there or all(name in _WITHOUT_TLS for name in wanted):
        return EapServer(entropy, wanted, max_conversations=settings.eap.max_conversations)
    if files.authority is None:
        wanted = [name for name in wanted if name != "eap-tls"]
    resume_seconds = settings.eap.resume_minutes * 60
    revoked = frozenset(int(serial, 16) for serial in settings.eap.revoked)
    engine = EapTls(files, EapTlsPolicy(settings.eap.tls_min, resume_seconds, revoked), clock.now)
    if settings.eap.certificate is not None:  # who minds the certificates in data_dir does not know of it
        for finding in judge_dates(
            files.certificate, read_certificates(files.certificate)[0], clock.now(), "put a new one in its place"
        ):
            # An expired one is for the devices to refuse: subscribers that log in otherwise must not suffer.
            logger.warning("%s; %s", finding.message, finding.hint)
    return EapServer(
        entropy,
        wanted,
        engine,
        resume_seconds=resume_seconds,
        max_conversations=settings.eap.max_conversations,
    )


def eap_files(settings: Settings) -> EapTlsFiles:
    """Return where the certificate, key and client authority of EAP lie; no authority where the file is missing."""
    store = CertificateFiles.of(settings.data_dir)
    authority = settings.eap.ca or store.ca
    return EapTlsFiles(
        settings.eap.certificate or store.server,
        settings.eap.key or store.server_key,
        authority if settings.eap.ca is not None or authority.exists() else None,
    )
