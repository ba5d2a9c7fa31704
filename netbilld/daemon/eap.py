"""EAP as the settings want it: MD5 always, what needs TLS as soon as there is a certificate."""

from collections.abc import Callable
from typing import Final

from netbilld.adapters.certificates import CertificateFiles
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.daemon.settings import Settings
from netbilld.radius.access import Method
from netbilld.radius.eap import EapServer

_METHODS: Final[dict[str, Method]] = {"md5": "eap-md5", "tls": "eap-tls", "ttls": "eap-ttls", "peap": "eap-peap"}


def eap_server(settings: Settings, clock: SystemClock, entropy: Callable[[int], bytes]) -> EapServer:
    """Return the EAP server of the daemon, or of one of its workers."""
    wanted = settings.eap
    resume_seconds = wanted.resume_minutes * 60
    revoked = frozenset(int(serial, 16) for serial in wanted.revoked)
    policy = EapTlsPolicy(wanted.tls_min, resume_seconds, revoked)
    return EapServer(
        entropy,
        [_METHODS[name] for name in wanted.methods],
        EapTls(eap_files(settings), policy, clock.now, clock.monotonic),
        resume_seconds=resume_seconds,
        max_conversations=wanted.max_conversations,
    )


def eap_files(settings: Settings) -> EapTlsFiles:
    """Return where the certificate, its key and the authority of clients lie."""
    store = CertificateFiles.of(settings.data_dir)
    return EapTlsFiles(
        settings.eap.certificate or store.server,
        settings.eap.key or store.server_key,
        settings.eap.ca or store.ca,
    )
