"""FinishWork: what a technician did on the spot, with photos before and after, signed for by somebody there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from netbilld.model.complaint import Complaint, ComplaintState
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.ports.complaints import KeepsPhotos, KeptPhoto, NewPhoto, Step, Store, Work
from netbilld.services.complaint_steps import Doing, Wish, clean_words, found, move, note_change, once
from netbilld.services.handle_complaint import MOST_PHOTOS_OF_ONE
from netbilld.services.idempotency import digest

_MICRO: Final = 1_000_000
# as maps copy it: -6.914744, 107.609810 - also inside an address such as …/@-6.914744,107.609810,17z or ?q=…
_PLACE: Final = re.compile(r"(-?\d{1,2}\.\d{2,})\s*,\s*(-?\d{1,3}\.\d{2,})")


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What was done.

    Attributes:
        done: in words; the subscriber reads it.
        material: what was used: cable, connectors, a modem.
        signed_by: name of whoever signed for it; empty for nobody yet.
        signature: their signature as a picture; None where the name was only typed.
        before, after: photos.
        is_resolved: the line works again, so the complaint is resolved by it.
    """

    done: str
    material: str = ""
    signed_by: str = ""
    signature: bytes | None = None
    before: Sequence[bytes] = ()
    after: Sequence[bytes] = ()
    is_resolved: bool = False


class FinishWork:
    """Keeps work orders, and where a subscriber's door is."""

    def __init__(self, store: Store, photos: KeepsPhotos, new_id: Callable[[], UUID]) -> None:
        self._store, self._photos, self._new_id = store, photos, new_id

    async def run(self, number: str, work_done: WorkDone, technician: str, doing: Doing) -> None:
        """Keep what was done; sent again with more, it replaces the words and adds the photos.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: nothing is said of what was done, or a photo is none.
            RefusedError: the complaint is over, nobody signed for what resolves it, or it has too many photos.
        """
        done = clean_words("what was done", work_done.done)
        material = clean_words("the material", work_done.material, is_needed=False, longest=500)
        signer = " ".join(clean_words("the name", work_done.signed_by, is_needed=False, longest=200).split())
        if work_done.is_resolved and not signer:
            raise InvalidInputError("nobody has signed for it", code="signer_missing")
        if work_done.signature is not None and not signer:
            raise InvalidInputError("whose signature is it?", code="signer_missing")
        async with self._store.read() as work:
            seen = await work.complaints.by_number(number)
            if seen is not None:
                _check_open(seen)
        kept = await self._keep(work_done)
        async with self._store.write() as work:
            if await once(work, doing, "complaint work", lambda: digest({"n": number, "d": done}), number):
                return
            complaint = await found(work, number, doing)
            _check_open(complaint)
            if await work.complaints.count_photos(complaint.id) + len(kept) > MOST_PHOTOS_OF_ONE:
                raise RefusedError("it has too many photos", code="photos_full", values={"most": MOST_PHOTOS_OF_ONE})
            await self._write(work, complaint, (done, material, signer), technician, kept, doing)
            if work_done.is_resolved:
                await move(work, complaint, ComplaintState.RESOLVED, doing, Wish(done))
            else:
                await work.complaints.change(complaint.id, {"version": complaint.version + 1})

    async def _keep(self, work_done: WorkDone) -> list[tuple[str, KeptPhoto]]:
        kept = [("before", await self._photos.keep(one)) for one in work_done.before]
        kept += [("after", await self._photos.keep(one)) for one in work_done.after]
        if work_done.signature is not None:
            kept.append(("signature", await self._photos.keep(work_done.signature)))
        return kept

    async def _write(
        self,
        work: Work,
        complaint: Complaint,
        words: tuple[str, str, str],
        technician: str,
        kept: Sequence[tuple[str, KeptPhoto]],
        doing: Doing,
    ) -> None:
        done, material, signer = words
        now = doing.now
        fields = {
            "began_at": now,
            "done": done,
            "material": material,
            "technician": technician,
            "signed_by": signer or None,
            "signed_at": now if signer else None,
            "changed_at": now,
        }
        await work.complaints.put_work(complaint.id, fields)
        if any(kind == "signature" for kind, _photo in kept):
            await work.complaints.drop_photos(complaint.id, "signature")
        photos = [NewPhoto(self._new_id(), kind, photo, public=False) for kind, photo in kept]
        await work.complaints.add_photos(complaint.id, photos, doing.actor.name, now)
        step = Step(now, doing.actor.name, "work", text=done, public=False)
        await work.complaints.add_step(complaint.id, step)
        details = {"photos": len(kept), "signed_by": signer}
        await note_change(work, complaint, doing, "complaint.work", details)

    async def place(self, number: str, text: str, doing: Doing) -> None:
        """Keep where the door of a complaint's subscriber is, as a map writes it.

        Raises:
            NotFoundError: there is no such complaint.
            InvalidInputError: it is no place on earth.
        """
        latitude, longitude = parse_place(text)
        async with self._store.write() as work:
            complaint = await found(work, number, doing)
            await work.complaints.put_place(complaint.subscriber_id, latitude, longitude, doing.actor.name, doing.now)
            details = {"latitude_micro": latitude, "longitude_micro": longitude}
            await note_change(work, complaint, doing, "complaint.place", details)


def parse_place(text: str) -> tuple[int, int]:
    """Return latitude and longitude in millionths of a degree, from two numbers or an address of a map.

    Raises:
        InvalidInputError: there are none in it, or they are no place.
    """
    matched = _PLACE.search(text[:500])
    if matched is not None:
        latitude, longitude = (round(float(part) * _MICRO) for part in matched.groups())
        if abs(latitude) <= 90 * _MICRO and abs(longitude) <= 180 * _MICRO:
            return latitude, longitude
    raise InvalidInputError("that is no place", hint="write -6.914744, 107.609810", code="bad_place")


def _check_open(complaint: Complaint) -> None:
    if not complaint.is_open:
        raise RefusedError(f"complaint {complaint.number} is over", hint="reopen it first", code="complaint_over")
