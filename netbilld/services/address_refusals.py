"""What a device may show whose subscriber got no address (RFC 2865 §5.18)."""

from typing import Final

from netbilld.radius.access import Reason

_MESSAGES: Final = {
    "id": {
        Reason.POOL_FULL: "Alamat jaringan sedang habis. Coba lagi sebentar lagi atau hubungi kami.",
        Reason.POOL_UNAVAILABLE: "Ada gangguan sementara. Coba lagi sebentar lagi.",
    },
    "en": {
        Reason.POOL_FULL: "No network address is free. Try again shortly, or contact us.",
        Reason.POOL_UNAVAILABLE: "There is a temporary fault. Try again shortly.",
    },
}


def address_message(reason: Reason, locale: str) -> bytes:
    """Return Reply-Message in Indonesian (`id`) or English; empty where there is nothing to say."""
    return _MESSAGES.get(locale, _MESSAGES["en"]).get(reason, "").encode()
