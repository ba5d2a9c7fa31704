"""HandleComplaint: what is done about a complaint, from giving it to somebody to closing it."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from netbilld.model.complaint import Complaint, ComplaintState, may_reopen
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.permissions import Permission, allowed
from netbilld.model.staff import Staff
from netbilld.ports.complaints import KeepsPhotos, NewPhoto, Step, Store, Work
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.complaint_steps import (
    Doing,
    Wish,
    about,
    clean_words,
    found,
    move,
    no_complaint,
    note_change,
    once,
)
from netbilld.services.file_complaint import MOST_PHOTOS
from netbilld.services.idempotency import digest

MOST_PHOTOS_OF_ONE: Final = 24
PHOTO_KINDS: Final = ("report", "before", "after", "signature")


class HandleComplaint:
    """The use cases; each is one transaction with its messages and its line in the audit trail.

    Every method takes the complaint's number and who does it. `owner` is the subscriber whose complaint it must be:
    what a subscriber does names themselves, and another's complaint is not found.
    """

    def __init__(self, store: Store, photos: KeepsPhotos, new_id: Callable[[], UUID]) -> None:
        self._store, self._photos, self._new_id = store, photos, new_id

    async def assign(self, number: str, email: str, doing: Doing, text: str = "") -> None:
        """Give it to a member of the staff, who is told.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: nobody of the staff has that e-mail address and may work on complaints.
            RefusedError: it is over, or has been changed since.
        """
        words = clean_words("the note", text, is_needed=False)
        async with self._store.write() as work:
            if await once(work, doing, "complaint assign", lambda: digest({"n": number, "to": email}), number):
                return
            complaint = await found(work, number, doing)
            assignee = await _worker(work, email)
            await move(work, complaint, ComplaintState.ASSIGNED, doing, Wish(words, assignee, public=False))

    async def take(self, number: str, email: str, doing: Doing) -> None:
        """Take it oneself and begin at once; see assign and start."""
        async with self._store.write() as work:
            if await once(work, doing, "complaint take", lambda: digest({"n": number, "to": email}), number):
                return
            complaint = await found(work, number, doing)
            assignee = await _worker(work, email)
            if complaint.state is not ComplaintState.ASSIGNED or complaint.assignee_id != assignee.id:
                complaint = await move(work, complaint, ComplaintState.ASSIGNED, doing, Wish("", assignee))
            await move(work, complaint, ComplaintState.IN_PROGRESS, doing, Wish())

    async def start(self, number: str, doing: Doing) -> None:
        """Say that whoever has it is at it.

        Raises:
            NotFoundError: there is no such complaint.
            RefusedError: it is nobody's, or over, or has been changed since.
        """
        async with self._store.write() as work:
            if await once(work, doing, "complaint start", lambda: digest({"n": number}), number):
                return
            complaint = await found(work, number, doing)
            await move(work, complaint, ComplaintState.IN_PROGRESS, doing, Wish())

    async def note(
        self,
        number: str,
        text: str,
        doing: Doing,
        *,
        public: bool,
        photos: Sequence[bytes] = (),
        kind: str = "report",
        owner: UUID | None = None,
    ) -> None:
        """Add words or photos; public ones the subscriber reads and, of the staff's, is told.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: nothing is said and shown, or a photo is none.
            RefusedError: it has as many photos as it may have, or is closed and the subscriber's.
        """
        words = clean_words("the note", text, is_needed=not photos)
        if len(photos) > MOST_PHOTOS or kind not in PHOTO_KINDS:
            raise InvalidInputError(f"at most {MOST_PHOTOS} photos", code="photos_many", values={"most": MOST_PHOTOS})
        async with self._store.read() as work:  # before a photo is even looked at
            _check_room(await _seen(work, number, doing, owner), len(photos))
        kept = [await self._photos.keep(photo) for photo in photos]
        async with self._store.write() as work:
            if await once(work, doing, "complaint note", lambda: _note_digest(number, text, photos), number):
                return
            complaint = await found(work, number, doing, owner=owner)
            _check_room((complaint, await work.complaints.count_photos(complaint.id), doing), len(photos))
            added = [NewPhoto(self._new_id(), kind, photo, public=public) for photo in kept]
            await work.complaints.add_photos(complaint.id, added, doing.actor.name, doing.now)
            said = Step(
                doing.now,
                doing.actor.name,
                "note" if words else "photo",
                doing.by_subscriber,
                text=words or None,
                public=public,
            )
            await work.complaints.add_step(complaint.id, said)
            fields: dict[str, object] = {"version": complaint.version + 1}
            if public and words and not doing.by_subscriber:
                if complaint.responded_at is None:
                    fields["responded_at"] = doing.now
                context = await about(work, complaint) | {"note": words}
                key = f"complaint:{number}:{complaint.version + 1}"
                message = Message(MessageKind.COMPLAINT_NOTE, complaint.subscriber_id, context, key)
                await work.outbox.add(message, doing.now)
            await work.complaints.change(complaint.id, fields)
            details = {"public": public, "photos": len(kept)}
            await note_change(work, complaint, doing, "complaint.note", details)

    async def resolve(self, number: str, text: str, doing: Doing) -> None:
        """Say what was done and that it works again; the subscriber reads it.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: nothing is said of what was done.
            RefusedError: it is over already, or has been changed since.
        """
        words = clean_words("what was done", text)
        async with self._store.write() as work:
            if await once(work, doing, "complaint resolve", lambda: digest({"n": number, "t": text}), number):
                return
            complaint = await found(work, number, doing)
            await move(work, complaint, ComplaintState.RESOLVED, doing, Wish(words))

    async def close(self, number: str, doing: Doing, *, owner: UUID | None = None) -> None:
        """Close what was resolved; the subscriber is asked what they think of it.

        Raises:
            NotFoundError: there is no such complaint.
            RefusedError: it is not resolved, or has been changed since.
        """
        async with self._store.write() as work:
            if await once(work, doing, "complaint close", lambda: digest({"n": number}), number):
                return
            complaint = await found(work, number, doing, owner=owner)
            if owner is not None and complaint.state is ComplaintState.CLOSED:
                return  # it was closed by itself while they read
            await move(work, complaint, ComplaintState.CLOSED, doing, Wish())

    async def reopen(self, number: str, text: str, doing: Doing, *, owner: UUID | None = None) -> None:
        """Say that it is not over; a subscriber may for some days after it was resolved.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: nothing is said of what is still wrong.
            RefusedError: it is open, was resolved too long ago, or has been changed since.
        """
        words = clean_words("what is still wrong", text)
        async with self._store.write() as work:
            if await once(work, doing, "complaint reopen", lambda: digest({"n": number, "t": text}), number):
                return
            complaint = await found(work, number, doing, owner=owner)
            if doing.by_subscriber and complaint.state in {ComplaintState.RESOLVED, ComplaintState.CLOSED}:
                in_time = may_reopen(complaint.state, complaint.resolved_at, doing.reopen_days, doing.now)
                if not in_time:
                    raise RefusedError(
                        f"complaint {number} was resolved more than {doing.reopen_days} days ago",
                        hint="make a new one",
                        code="complaint_past",
                        values={"number": number, "days": doing.reopen_days},
                    )
            await move(work, complaint, ComplaintState.REOPENED, doing, Wish(words))


async def _seen(work: Work, number: str, doing: Doing, owner: UUID | None) -> tuple[Complaint, int, Doing]:
    """Return a complaint to look at and how many photos it has; see found."""
    complaint = await work.complaints.by_number(number)
    if complaint is None or (owner is not None and complaint.subscriber_id != owner):
        raise no_complaint(number)
    return complaint, await work.complaints.count_photos(complaint.id), doing


def _check_room(seen: tuple[Complaint, int, Doing], photos: int) -> None:
    complaint, there, doing = seen
    if doing.by_subscriber and complaint.state is ComplaintState.CLOSED:
        raise RefusedError(
            f"complaint {complaint.number} is closed", hint="reopen it, or make a new one", code="complaint_closed"
        )
    if photos and there + photos > MOST_PHOTOS_OF_ONE:
        raise RefusedError(
            f"complaint {complaint.number} has {there} photos", code="photos_full", values={"most": MOST_PHOTOS_OF_ONE}
        )


async def _worker(work: Work, email: str) -> Staff:
    person = await work.staff.by_email(email)
    if person is None or not person.active or not allowed(person.role, Permission.EDIT_COMPLAINTS):
        raise InvalidInputError(
            f"{email[:100]!r} is nobody who works on complaints", hint="choose from the list", code="no_such_worker"
        )
    return person


def _note_digest(number: str, text: str, photos: Sequence[bytes]) -> str:
    return digest({"n": number, "t": text, "p": [hashlib.sha256(one).hexdigest() for one in photos]})
