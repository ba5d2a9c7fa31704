"""One step of a complaint: the row, its line in the history, who is told, and the audit trail - in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.complaint import Complaint, ComplaintState, check_step
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.staff import Staff
from netbilld.ports.complaints import Step, Work
from netbilld.ports.outbox import Message, MessageKind

LONGEST_TEXT: Final = 2_000
DEFAULT_REOPEN_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something to a complaint, when, and on which of its versions.

    Attributes:
        by_subscriber: it is the subscriber who does it, in the portal.
        version: of the complaint as the form showed it; None for whatever it is now.
        key: under one key it is done once.
        reopen_days: for how long after it was resolved the subscriber may say that it is not over.
    """

    actor: Actor
    now: datetime
    by_subscriber: bool = False
    version: int | None = None
    key: str | None = None
    reopen_days: int = DEFAULT_REOPEN_DAYS


@dataclass(frozen=True, slots=True)
class Wish:
    """What a step brings along: words for the history, and whose it becomes."""

    text: str = ""
    assignee: Staff | None = None
    public: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


def clean_words(what: str, text: str, *, is_needed: bool = True, longest: int = LONGEST_TEXT) -> str:
    """Return what a person wrote, its lines kept, without signs that are none.

    Raises:
        InvalidInputError: nothing is left of it, or it is too long.
    """
    words = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text.replace("\r\n", "\n"))
    words = "\n".join(line.rstrip() for line in words.strip().split("\n"))
    if not words and is_needed:
        raise InvalidInputError(f"{what} is empty", hint="write a few words", code="text_missing")
    if len(words) > longest:
        raise InvalidInputError(
            f"{what} has {len(words)} letters, and {longest} at most",
            code="text_too_long",
            values={"longest": longest},
        )
    return words


async def found(work: Work, number: str, doing: Doing, *, owner: UUID | None = None) -> Complaint:
    """Return a complaint that is to be changed, kept from others until the transaction ends.

    Args:
        work: the transaction.
        number: the complaint's.
        doing: who wants it, and which version they have seen.
        owner: the subscriber whose it must be; another's is as little there as one that never was.

    Raises:
        NotFoundError: there is none.
        RefusedError: somebody has changed it since (code `complaint_changed`).
    """
    complaint = await work.complaints.by_number(number, lock=True)
    if complaint is None or (owner is not None and complaint.subscriber_id != owner):
        raise no_complaint(number)
    if doing.version is not None and doing.version != complaint.version:
        raise RefusedError(
            f"complaint {number} has been changed meanwhile",
            hint="look at it again",
            code="complaint_changed",
            values={"number": number, "state": complaint.state.value},
        )
    return complaint


def no_complaint(number: str) -> NotFoundError:
    """Return the refusal of a number that is no complaint's, or another's."""
    return NotFoundError(f"no complaint {number[:20]}", hint="`netbilld complaint list` shows them")


async def move(work: Work, complaint: Complaint, state: ComplaintState, doing: Doing, wish: Wish) -> Complaint:
    """Bring a complaint to another state, tell its subscriber, and tell whoever it was given to.

    Raises:
        RefusedError: the table of states has no such step.
    """
    check_step(complaint.number, complaint.state, state)
    fields = await _fields(work, complaint, state, doing, wish)
    await work.complaints.change(complaint.id, fields)
    moved = _changed(complaint, fields)
    assignee_id = wish.assignee.id if wish.assignee is not None else None
    await work.complaints.add_step(
        complaint.id,
        Step(
            doing.now,
            doing.actor.name,
            "state",
            doing.by_subscriber,
            state,
            assignee_id,
            wish.text or None,
            wish.public,
        ),
    )
    await tell_state(work, moved, doing, wish)
    if wish.assignee is not None:
        await _tell_technician(work, moved, wish.assignee, doing.now)
    await note_change(
        work,
        moved,
        doing,
        f"complaint.{state.value}",
        {
            "fields": {"state": [complaint.state.value, state.value]},
            **({"assignee": wish.assignee.email} if wish.assignee is not None else {}),
            **wish.details,
        },
    )
    return moved


async def _fields(work: Work, complaint: Complaint, state: ComplaintState, doing: Doing, wish: Wish) -> dict[str, Any]:
    now = doing.now
    fields: dict[str, Any] = {"state": state.value, "state_since_at": now, "version": complaint.version + 1}
    if wish.assignee is not None:
        fields["assignee_id"] = wish.assignee.id
    if complaint.responded_at is None and not doing.by_subscriber:
        fields["responded_at"] = now
    if state is ComplaintState.RESOLVED:
        fields |= {"resolved_at": now, "resolved_by": doing.actor.name}
    elif state is ComplaintState.CLOSED:
        fields["closed_at"] = now
    elif state is ComplaintState.REOPENED:
        category = await work.complaints.category(complaint.category)
        resolve_by = category.targets.resolve_by(now) if category is not None else now + timedelta(days=1)
        fields |= {
            "resolved_at": None,
            "resolved_by": None,
            "closed_at": None,
            "outage_id": None,
            "resolve_by": resolve_by,
            "reopened": complaint.reopened + 1,
        }
    return fields


def _changed(complaint: Complaint, fields: Mapping[str, Any]) -> Complaint:
    values = {name: getattr(complaint, name) for name in complaint.__dataclass_fields__}
    return Complaint(**{**values, **fields, "state": ComplaintState(fields["state"])})


async def tell_state(work: Work, complaint: Complaint, doing: Doing, wish: Wish) -> None:
    """Tell the subscriber where their complaint stands now."""
    context = await about(work, complaint) | {
        "state": complaint.state.value,
        "note": wish.text if wish.public else "",
        "assignee": wish.assignee.name if wish.assignee is not None else "",
        "reopen_days": doing.reopen_days,
    }
    await work.outbox.add(
        Message(
            MessageKind.COMPLAINT_STATE,
            complaint.subscriber_id,
            context,
            f"complaint:{complaint.number}:{complaint.version}",
        ),
        doing.now,
    )


async def _tell_technician(work: Work, complaint: Complaint, assignee: Staff, now: datetime) -> None:
    subscriber = await work.subscribers.by_id(complaint.subscriber_id)
    context = await about(work, complaint) | {
        "about": subscriber.name if subscriber else "",
        "address": (subscriber.address if subscriber else None) or "",
        "phone": (subscriber.phone if subscriber else None) or "",
        "text": complaint.text,
        "resolve_by": complaint.resolve_by.isoformat(),
    }
    key = f"complaint:{complaint.number}:{complaint.version}:staff"
    message = Message(MessageKind.COMPLAINT_ASSIGNED, complaint.subscriber_id, context, key, staff_id=assignee.id)
    await work.outbox.add(message, now)


async def about(work: Work, complaint: Complaint) -> dict[str, Any]:
    """Return what every message of a complaint names."""
    category = await work.complaints.category(complaint.category)
    return {
        "number": complaint.number,
        "category": category.name if category else complaint.category,
        "category_en": category.name_en if category else complaint.category,
    }


async def note_change(work: Work, complaint: Complaint, doing: Doing, action: str, details: Mapping[str, Any]) -> None:
    """Write a change of a complaint into the audit trail."""
    said = {"subscriber_id": str(complaint.subscriber_id), **details}
    await work.changes.record(doing.actor, doing.now, action, "complaint", complaint.number, said)


async def once(
    work: Work, doing: Doing, verb: str, request_digest: Callable[[], str], number: str | None = None
) -> str | None:
    """Return the number that was made or changed under this key before; None where it is to be done now."""
    if doing.key is None:
        return None
    done = await work.idempotency.claim(doing.key, verb, request_digest(), doing.now)
    if done is None:
        if number is not None:
            await work.idempotency.complete(doing.key, verb, {"number": number})
        return None
    return str(done.get("number", number or ""))
