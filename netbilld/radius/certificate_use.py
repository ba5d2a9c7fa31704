"""What a client certificate may be used for: RadSec and EAP-TLS both find somebody by a name in it."""

from enum import StrEnum


class CertificateUse(StrEnum):
    """Whose a certificate says it is; one that says nothing, or both, may be either's."""

    RADSEC = "radsec"  # a NAS
    EAP = "eap"  # a subscriber's device
    ANY = "any"
