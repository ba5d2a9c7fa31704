"""FileComplaint: somebody says what is wrong, and gets a number and an acknowledgement."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from netbilld.model.complaint import Category, Complaint, ComplaintState
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.subscriber import Subscriber
from netbilld.ports.complaints import KeepsPhotos, KeptPhoto, NewPhoto, Step, Store, Work
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.complaint_steps import Doing, about, clean_words, note_change, once
from netbilld.services.idempotency import digest

VERB: Final = "complaint file"
MOST_PHOTOS: Final = 3  # with one form
MOST_OPEN: Final = 10  # of one subscriber
MOST_A_DAY: Final = 20


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """What somebody says.

    Attributes:
        category: code of one that may be chosen.
        text: in their words.
        via: portal, staff, api, …
        service_id: the connection it is about, of theirs.
        photos: files as they came; looked at by their content.
    """

    category: str
    text: str
    via: str
    service_id: UUID | None = None
    photos: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Filed:
    """The number a complaint was given; `is_new` is False where the same form was sent before."""

    number: str
    is_new: bool


class FileComplaint:
    """Takes complaints in."""

    def __init__(self, store: Store, photos: KeepsPhotos, new_id: Callable[[], UUID]) -> None:
        self._store, self._photos, self._new_id = store, photos, new_id

    async def run(self, subscriber_id: UUID, new: NewComplaint, doing: Doing) -> Filed:
        """Take a complaint in; the same idempotency key again returns the first one's number.

        Raises:
            NotFoundError: there is no such subscriber.
            InvalidInputError: nothing is said, no such category may be chosen, or a photo is none.
            RefusedError: the subscriber has too many open ones already, or has made too many today.
        """
        text = clean_words("the complaint", new.text)
        if len(new.photos) > MOST_PHOTOS:
            raise InvalidInputError(f"at most {MOST_PHOTOS} photos", code="photos_many", values={"most": MOST_PHOTOS})
        async with self._store.read() as work:  # before a photo is even looked at
            await self._allowed(work, subscriber_id, new.category, doing)
        kept = [await self._photos.keep(photo) for photo in new.photos]
        async with self._store.write() as work:
            before = await once(work, doing, VERB, lambda: _digest(subscriber_id, new))
            if before is not None:
                return Filed(before, is_new=False)
            subscriber, category = await self._allowed(work, subscriber_id, new.category, doing)
            complaint = await self._add(work, subscriber, category, new, text, doing)
            await self._attach(work, complaint, kept, doing)
            await self._acknowledge(work, complaint, doing)
            details = {"category": category.code, "via": new.via, "photos": len(kept)}
            await note_change(work, complaint, doing, "complaint.file", details)
            if doing.key is not None:
                await work.idempotency.complete(doing.key, VERB, {"number": complaint.number})
            return Filed(complaint.number, is_new=True)

    async def _allowed(self, work: Work, subscriber_id: UUID, code: str, doing: Doing) -> tuple[Subscriber, Category]:
        subscriber = await work.subscribers.by_id(subscriber_id)
        if subscriber is None:
            raise NotFoundError("no such subscriber")
        category = await work.complaints.category(code)
        if category is None or not category.active:
            raise InvalidInputError(f"no category {code[:60]!r} may be chosen", code="category_unknown")
        if doing.by_subscriber:  # the staff may take in what they like
            is_full = await work.complaints.count_open(subscriber_id) >= MOST_OPEN
            a_day_ago = doing.now - timedelta(days=1)
            if is_full or await work.complaints.count_since(subscriber_id, a_day_ago) >= MOST_A_DAY:
                raise RefusedError("too many complaints are open", hint="add to one of them", code="complaints_many")
        return subscriber, category

    async def _add(
        self, work: Work, subscriber: Subscriber, category: Category, new: NewComplaint, text: str, doing: Doing
    ) -> Complaint:
        now = doing.now
        outage = await work.outages.running_for(subscriber.id) if category.about_line else None
        complaint = Complaint(
            id=self._new_id(),
            number=await work.complaints.next_number(),
            subscriber_id=subscriber.id,
            service_id=new.service_id,
            category=category.code,
            text=text,
            via=new.via,
            area=subscriber.area,
            state=ComplaintState.NEW,
            state_since_at=now,
            version=1,
            assignee_id=None,
            outage_id=outage.id if outage is not None else None,
            opened_at=now,
            opened_by=doing.actor.name,
            respond_by=category.targets.respond_by(now),
            resolve_by=category.targets.resolve_by(now),
            responded_at=None,
            resolved_at=None,
            resolved_by=None,
            closed_at=None,
            reopened=0,
        )
        await work.complaints.add(complaint)
        first = Step(now, doing.actor.name, "state", doing.by_subscriber, ComplaintState.NEW)
        await work.complaints.add_step(complaint.id, first)
        if outage is not None:
            told = Step(now, "system", "outage", text=outage.number)
            await work.complaints.add_step(complaint.id, told)
        return complaint

    async def _attach(self, work: Work, complaint: Complaint, kept: Sequence[KeptPhoto], doing: Doing) -> None:
        photos = [NewPhoto(self._new_id(), "report", photo, public=True) for photo in kept]
        await work.complaints.add_photos(complaint.id, photos, doing.actor.name, doing.now)

    async def _acknowledge(self, work: Work, complaint: Complaint, doing: Doing) -> None:
        outage = await work.outages.by_id(complaint.outage_id) if complaint.outage_id is not None else None
        context = await about(work, complaint) | {
            "respond_by": complaint.respond_by.isoformat(),
            "outage": outage.text if outage is not None else "",
        }
        key = f"complaint:{complaint.number}:received"
        message = Message(MessageKind.COMPLAINT_RECEIVED, complaint.subscriber_id, context, key)
        await work.outbox.add(message, doing.now)


def _digest(subscriber_id: UUID, new: NewComplaint) -> str:
    return digest(
        {
            "subscriber_id": str(subscriber_id),
            "category": new.category,
            "text": new.text,
            "service_id": str(new.service_id),
            "photos": [hashlib.sha256(photo).hexdigest() for photo in new.photos],
        }
    )
