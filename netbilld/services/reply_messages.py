"""What a refused subscriber's device may show, in a few words (RFC 2865 §5.18)."""

from typing import Final

from netbilld.enforcement.policy import Reason
from netbilld.radius.access import Reason as Refusal

_MESSAGES: Final[dict[str, dict[Reason, str]]] = {
    "id": {
        Reason.TERMINATED: "Layanan sudah berhenti. Hubungi kami untuk berlangganan lagi.",
        Reason.SUSPENDED: "Layanan dihentikan sementara. Hubungi kami.",
        Reason.PAUSED: "Layanan sedang cuti. Hubungi kami untuk mengaktifkan lagi.",
        Reason.EXPIRED: "Masa aktif habis. Isi saldo untuk memperpanjang.",
        Reason.NO_CREDIT: "Saldo habis. Isi saldo untuk tersambung lagi.",
        Reason.OVERDUE: "Tagihan lewat jatuh tempo. Bayar untuk tersambung lagi.",
        Reason.QUOTA: "Kuota periode ini habis.",
    },
    "en": {
        Reason.TERMINATED: "This service has ended. Contact us to subscribe again.",
        Reason.SUSPENDED: "This service is suspended. Contact us.",
        Reason.PAUSED: "This service is paused. Contact us to resume it.",
        Reason.EXPIRED: "Your period has ended. Top up to renew it.",
        Reason.NO_CREDIT: "Your balance is used up. Top up to connect again.",
        Reason.OVERDUE: "A bill is overdue. Pay it to connect again.",
        Reason.QUOTA: "This period's quota is used up.",
    },
}


def reply_message(reason: Reason, locale: str) -> bytes:
    """Return Reply-Message for a refusal, in Indonesian (`id`) or English; empty where there is nothing to say."""
    return _MESSAGES.get(locale, _MESSAGES["en"]).get(reason, "").encode()


# What a person can do something about; where a device comes from is said to staff only.
_ADMISSION: Final[dict[str, dict[str, str]]] = {
    "id": {
        Refusal.SESSION_LIMIT: "Akun ini sedang dipakai di perangkat lain.",
        Refusal.OUTSIDE_HOURS: "Paket ini tidak berlaku pada jam ini.",
        Refusal.MAC_LOCK: "Perangkat ini belum terdaftar. Hubungi kami bila modem diganti.",
        Refusal.VLAN_LOCK: "Akun ini terdaftar di lokasi lain. Hubungi kami.",
        Refusal.PORT_LOCK: "Akun ini terdaftar di lokasi lain. Hubungi kami.",
        Refusal.NAS_NOT_ALLOWED: "Akun ini terdaftar di lokasi lain. Hubungi kami.",
        "voucher_not_usable": "Voucher ini tidak berlaku lagi.",
        Refusal.DATABASE_AWAY: "Ada gangguan sementara. Coba lagi sebentar lagi.",
    },
    "en": {
        Refusal.SESSION_LIMIT: "This account is in use on another device.",
        Refusal.OUTSIDE_HOURS: "This plan can't be used at this hour.",
        Refusal.MAC_LOCK: "This device is not registered. Contact us if the modem was replaced.",
        Refusal.VLAN_LOCK: "This account is registered at another place. Contact us.",
        Refusal.PORT_LOCK: "This account is registered at another place. Contact us.",
        Refusal.NAS_NOT_ALLOWED: "This account is registered at another place. Contact us.",
        "voucher_not_usable": "This voucher can't be used any more.",
        Refusal.DATABASE_AWAY: "There is a temporary fault. Try again shortly.",
    },
}


def admission_message(reason: str, locale: str) -> bytes:
    """Return Reply-Message for a log-in that a limit, lock or hour refuses, in Indonesian (`id`) or English."""
    return _ADMISSION.get(locale, _ADMISSION["en"]).get(reason, "").encode()


_OUTAGE: Final[dict[str, str]] = {
    "id": "Ada gangguan sementara. Coba lagi sebentar lagi.",
    "en": "There is a temporary fault. Try again shortly.",
}


def outage_message(locale: str) -> bytes:
    """Return Reply-Message for a log-in that can't be decided on while the database is away."""
    return _OUTAGE.get(locale, _OUTAGE["en"]).encode()
