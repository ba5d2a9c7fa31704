"""What the text of each kind of message may name, with an example of each: for previews, and to tell a wrong name."""

from collections.abc import Mapping
from typing import Any, Final

from netbilld.ports.outbox import MessageKind

COMMON: Final[Mapping[str, Any]] = {
    "name": "Siti Rahmawati",
    "subscriber_no": "100023",
    "currency": "IDR",
    "business_name": "ISP Contoh",
    "portal_url": "https://bayar.example.net",
    "pay_url": "https://bayar.example.net/bayar/100023.7KQ2M4XA9DTRWZ6C",
}
_COMPLAINT: Final[Mapping[str, Any]] = {
    "number": "K00017", "category": "Internet mati total", "category_en": "No internet at all",
}  # fmt: skip
EXAMPLES: Final[Mapping[MessageKind, Mapping[str, Any]]] = {
    MessageKind.INVOICE_ISSUED: {
        "number": "INV/2026/01/00123", "total_minor": 275_000, "outstanding_minor": 275_000, "due_on": "2026-01-20",
        "period_start_on": "2026-01-01", "period_end_on": "2026-02-01",
    },
    MessageKind.CREDIT_NOTE_ISSUED: {
        "number": "CN/2026/01/00004", "total_minor": 50_000, "credits": "INV/2026/01/00123",
    },
    MessageKind.PAYMENT_RECEIVED: {
        "amount_minor": 275_000, "method": "transfer", "reference": "BCA-20260118", "received_on": "2026-01-18",
        "numbers": ["INV/2026/01/00123"], "outstanding_minor": 0,
    },
    MessageKind.PAYMENT_REVERSED: {
        "amount_minor": 275_000, "method": "transfer", "reference": "BCA-20260118", "reason": "ditolak bank",
        "outstanding_minor": 275_000,
    },
    MessageKind.REMINDER: {
        "number": "INV/2026/01/00123", "outstanding_minor": 275_000, "due_on": "2026-01-20", "days": -3,
    },
    MessageKind.ISOLIR_WARNING: {
        "numbers": ["INV/2026/01/00123"], "overdue_minor": 275_000, "isolir_at": "2026-01-21T00:30:00+07:00",
    },
    MessageKind.ISOLIR: {"numbers": ["INV/2026/01/00123"], "overdue_minor": 275_000},
    MessageKind.RESTORED: {"outstanding_minor": 0},
    MessageKind.PROMISE: {"until_on": "2026-01-25", "overdue_minor": 275_000},
    MessageKind.LATE_FEE: {"number": "INV/2026/01/00123", "amount_minor": 13_750},
    MessageKind.TERMINATION: {"numbers": ["INV/2026/01/00123"], "overdue_minor": 275_000},
    MessageKind.PLAN_CHANGED: {"old_plan": "Rumah 10", "new_plan": "Rumah 20", "from_on": "2026-02-01"},
    MessageKind.PRICE_CHANGED: {
        "plan": "Rumah 20", "old_minor": 250_000, "new_minor": 275_000, "from_on": "2026-02-01",
    },
    MessageKind.THRESHOLD: {
        "username": "siti@contoh", "percent": 80, "used_octets": 240_000_000_000, "limit_octets": 300_000_000_000,
        "unit": "data", "resets_on": "2026-02-01",
    },
    MessageKind.CREDIT_LOW: {"wallet_minor": 4_000},
    MessageKind.ANNOUNCEMENT: {"title": "Libur Lebaran", "text": "Kantor tutup sampai Senin."},
    MessageKind.CHARGE_FAILED: {
        "number": "INV/2026/01/00123", "outstanding_minor": 275_000, "due_on": "2026-01-20", "account": "0812•••7890",
    },
    MessageKind.EXPIRES: {
        "plan": "Rumah 20", "paid_until_on": "2026-01-31", "price_minor": 275_000, "wallet_minor": 20_000,
    },
    MessageKind.COMPLAINT_RECEIVED: {**_COMPLAINT, "respond_by": "2026-01-20T03:00:00+00:00", "outage": ""},
    MessageKind.COMPLAINT_STATE: {
        **_COMPLAINT, "state": "resolved", "note": "Kabel diganti.", "assignee": "Joko", "reopen_days": 7,
    },
    MessageKind.COMPLAINT_NOTE: {**_COMPLAINT, "note": "Teknisi datang besok."},
    MessageKind.COMPLAINT_ASSIGNED: {
        **_COMPLAINT, "about": "Siti Rahmawati", "address": "Jalan Melati 7", "phone": "+6281234567890",
        "text": "Mati sejak pagi.", "resolve_by": "2026-01-20T03:00:00+00:00",
    },
    MessageKind.OUTAGE_DECLARED: {
        "number": "G00003", "text": "Kabel putus di Cibiru", "began_at": "2026-01-20T03:00:00+00:00",
        "expected_at": "2026-01-20T06:00:00+00:00",
    },
    MessageKind.OUTAGE_ENDED: {
        "number": "G00003", "text": "Kabel disambung", "began_at": "2026-01-20T03:00:00+00:00",
        "ended_at": "2026-01-20T05:00:00+00:00",
    },
    MessageKind.CONTACT_CHANGED: {
        "at": "2026-01-20T02:05:00+00:00", "has_new_email": True, "has_new_phone": False,
    },
    MessageKind.LOGIN_CODE: {"code": "042042", "until_at": "2026-01-20T02:05:00+00:00"},
    MessageKind.CHAT_CODE: {"code": "042042", "until_at": "2026-01-20T02:10:00+00:00"},
    MessageKind.REPLY: {
        "title": "Tagihan", "topic": "bill", "text": "", "number": "K00017", "outstanding_minor": 275_000,
        "wallet_minor": 20_000,
        "bills": [{"number": "INV/2026/01/00123", "left_minor": 275_000, "due_on": "2026-01-20", "late": False}],
        "lines": [{
            "username": "siti@contoh", "plan": "Rumah 20", "access": "active", "used_octets": 120_000_000_000,
            "limit_octets": 300_000_000_000, "paid_until_on": None,
        }],
        "complaints": [{
            "number": "K00017", "category": "Internet mati total", "category_en": "No internet at all", "state": "new",
        }],
    },
    MessageKind.STAFF_ALERT: {"title": "NAS cibiru-1", "text": "takes no orders"},
}  # fmt: skip


def example(kind: MessageKind) -> dict[str, Any]:
    """Return everything that a text of that kind may name."""
    return {**COMMON, **EXAMPLES[kind]}
