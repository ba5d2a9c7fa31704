"""Messages to subscribers: whoever causes one writes it down in the same transaction; it is sent after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID


class MessageKind(StrEnum):
    """What a subscriber is told; each has a template in every language, which names what its context must hold.

    Amounts in a context are whole minor units, days and instants ISO 8601. Name, number, currency and language of the
    subscriber, the provider's name and the portal's address are known to every template.
    """

    # number, total_minor, outstanding_minor, due_on, period_start_on, period_end_on (the day after)
    INVOICE_ISSUED = "invoice_issued"
    CREDIT_NOTE_ISSUED = "credit_note_issued"  # number, total_minor, credits
    PAYMENT_RECEIVED = "payment_received"  # amount_minor, method, reference, received_on, numbers, outstanding_minor
    PAYMENT_REVERSED = "payment_reversed"  # amount_minor, method, reference, reason, outstanding_minor
    REMINDER = "reminder"  # number, outstanding_minor, due_on, days (below zero: before it is due)
    ISOLIR_WARNING = "isolir_warning"  # numbers, overdue_minor, isolir_at
    ISOLIR = "isolir"  # numbers, overdue_minor
    RESTORED = "restored"  # outstanding_minor
    PROMISE = "promise"  # until_on, overdue_minor
    LATE_FEE = "late_fee"  # number, amount_minor
    TERMINATION = "termination"  # numbers, overdue_minor
    PLAN_CHANGED = "plan_changed"  # old_plan, new_plan, from_on
    PRICE_CHANGED = "price_changed"  # plan, old_minor, new_minor, from_on
    THRESHOLD = "threshold"  # username, percent, used_octets, limit_octets, unit (data; time: seconds), resets_on
    CREDIT_LOW = "credit_low"  # wallet_minor
    ANNOUNCEMENT = "announcement"  # title, text: as staff wrote them
    CHARGE_FAILED = "charge_failed"  # number, outstanding_minor, due_on, account: which its owner lets us charge
    EXPIRES = "expires"  # plan, paid_until_on, price_minor, wallet_minor
    # category and category_en: its name in either language
    COMPLAINT_RECEIVED = "complaint_received"  # number, category…, respond_by, outage (its text, or empty)
    COMPLAINT_STATE = "complaint_state"  # number, category…, state, note, assignee (both may be empty), reopen_days
    COMPLAINT_NOTE = "complaint_note"  # number, category…, note
    # to the technician: number, category…, about (a name), address, phone, text, resolve_by
    COMPLAINT_ASSIGNED = "complaint_assigned"
    OUTAGE_DECLARED = "outage_declared"  # number, text, began_at, expected_at (or null)
    OUTAGE_ENDED = "outage_ended"  # number, text, began_at, ended_at
    # at, has_new_email, has_new_phone; told_at (email, phone): where it goes, since they are reached elsewhere by now
    CONTACT_CHANGED = "contact_changed"
    LOGIN_CODE = "login_code"  # code, until_at; in the outbox the code is sealed
    CHAT_CODE = "chat_code"  # code, until_at; likewise
    # title, topic, text, number, outstanding_minor, wallet_minor, bills, lines, complaints
    REPLY = "reply"
    STAFF_ALERT = "staff_alert"  # title, text; to somebody of the staff


# What a subscriber may ask not to be told; the rest is about their contract.
OPTIONAL: Final = frozenset((MessageKind.REMINDER, MessageKind.THRESHOLD, MessageKind.CREDIT_LOW, MessageKind.EXPIRES))
# What is of use at once or never, and harmless when it comes twice: where its fate is not known it goes again.
CODES: Final = frozenset((MessageKind.LOGIN_CODE, MessageKind.CHAT_CODE))
# What somebody waits for goes before everything else; what goes to everybody lets the rest pass.
URGENT: Final = CODES | {MessageKind.REPLY}
BULK: Final = frozenset((MessageKind.ANNOUNCEMENT, MessageKind.PRICE_CHANGED, MessageKind.INVOICE_ISSUED))


class MessageState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"  # accepted by whoever delivers it
    MAYBE_SENT = "maybe_sent"  # we were interrupted: it is not sent again unless a person says so
    FAILED = "failed"  # and will be tried again
    DEAD = "dead"  # given up: no address, refused for good, or too late
    WITHDRAWN = "withdrawn"  # it was no longer true before it was sent


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell one subscriber.

    Attributes:
        dedupe_key: what it is about, such as `reminder:INV/2026/01/00001:-3`; under one key one message is ever made.
        context: what its template names; plain JSON, without secrets.
        not_before: None is at once, as far as quiet hours allow.
        while_open: an invoice; the message is withdrawn if that is settled before it is sent.
        staff_id: a member of the staff whom it goes to instead; the subscriber is whom it is about, if anybody.
        until: nobody is told later than this; None is some days.
        addressee: whom it goes to in the words of `driver`, where it answers what came by that; both or neither.
    """

    kind: MessageKind
    subscriber_id: UUID | None
    context: Mapping[str, Any] = field(hash=False)
    dedupe_key: str
    not_before: datetime | None = None
    while_open: UUID | None = None
    staff_id: UUID | None = None
    until: datetime | None = None
    addressee: str | None = None
    driver: str | None = None

    @property
    def priority(self) -> int:
        """Return 0 for what goes first, 2 for what goes last."""
        return 0 if self.kind in URGENT else 2 if self.kind in BULK else 1


class Outbox(Protocol):
    """Where messages are put, in the transaction of what they tell of."""

    async def add(self, message: Message, now: datetime) -> bool:
        """Put a message in; return False where one was made under its key before."""
        ...

    async def add_many(self, messages: Sequence[Message], now: datetime) -> int:
        """Put messages in, and return how many of them are new."""
        ...

    async def withdraw(self, subscriber_id: UUID, kinds: Sequence[MessageKind], now: datetime) -> int:
        """Take back what of these kinds is not sent yet, and return how many were."""
        ...
