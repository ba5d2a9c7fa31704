"""DeclareOutages: what is down for many is said once to everybody it is about, and once more when it is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.model.complaint import ComplaintState
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.outage import Outage
from netbilld.ports.complaints import Step, Store, Work
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.complaint_steps import Doing, Wish, clean_words, found, move, once
from netbilld.services.idempotency import digest

LONGEST: Final = 500
OLDEST: Final = timedelta(days=7)
LATEST_END: Final = timedelta(days=30)
_AREA_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class NewOutage:
    """What is down: of an area or what hangs on a NAS, since when and until about when."""

    text: str
    began_at: datetime
    area: str | None = None
    nas: str | None = None
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """The outage, how many subscribers it is about, and which open complaints it explains."""

    number: str
    subscribers: int
    complaints: tuple[str, ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """What its end has done."""

    number: str
    told: int
    resolved: tuple[str, ...]


class DeclareOutages:
    """The use cases; each is one transaction with its messages and its line in the audit trail."""

    def __init__(self, store: Store, new_id: Callable[[], UUID]) -> None:
        self._store, self._new_id = store, new_id

    async def affected(self, area: str | None, nas: str | None, since_at: datetime) -> int:
        """Return how many subscribers an outage would be about, before it is declared.

        Raises:
            InvalidInputError: not just one of area and NAS is named, or no such NAS is there.
        """
        async with self._store.read() as work:
            nas_id = await _place(work, area, nas)
            return len(await _whom(work, area, nas_id, since_at))

    async def declare(self, new: NewOutage, doing: Doing) -> Declared:
        """Declare an outage: tell everybody it is about, and gather their open complaints under it.

        Raises:
            InvalidInputError: nothing is said, the times can't be, or not just one of area and NAS is named.
            RefusedError: it is declared already, or nobody is there.
        """
        text = clean_words("the text", new.text, longest=LONGEST)
        _check_times(new, doing.now)
        async with self._store.write() as work:
            before = await once(work, doing, "outage declare", lambda: _digest(new))
            if before is not None:
                return Declared(before, 0, (), is_new=False)
            nas_id = await _place(work, new.area, new.nas)
            area = None if nas_id is not None else " ".join((new.area or "").split())
            running = await work.outages.running_at(area=area, nas_id=nas_id)
            if running is not None:
                raise RefusedError(
                    f"outage {running.number} is declared there already",
                    hint="end that one first",
                    code="outage_running",
                    values={"number": running.number},
                )
            whom = await _whom(work, area, nas_id, new.began_at)
            if not whom:
                raise RefusedError("no subscriber is there", hint="look at the area's name", code="outage_nobody")
            now = doing.now
            outage = Outage(
                id=self._new_id(),
                number=await work.outages.next_number(),
                area=area,
                nas_id=nas_id,
                text=text,
                began_at=new.began_at,
                expected_at=new.expected_at,
                declared_at=now,
                declared_by=doing.actor.name,
                ended_at=None,
                ended_by=None,
                ended_text=None,
            )
            await work.outages.add(outage)
            told = await work.outages.tell(outage.id, whom, now)
            await work.outbox.add_many([_declared(outage, subscriber_id) for subscriber_id in told], now)
            gathered = await self._gather(work, outage, told, now)
            details = {
                "area": area,
                "nas": new.nas if nas_id is not None else None,
                "subscribers": len(told),
                "complaints": gathered,
            }
            await work.changes.record(doing.actor, now, "outage.declare", "outage", outage.number, details)
            if doing.key is not None:
                await work.idempotency.complete(doing.key, "outage declare", {"number": outage.number})
            return Declared(outage.number, len(told), tuple(gathered), is_new=True)

    async def _gather(self, work: Work, outage: Outage, told: Sequence[UUID], now: datetime) -> list[str]:
        gathered = list(await work.outages.gatherable(told))
        for number in gathered:
            complaint = await work.complaints.by_number(number, lock=True)
            if complaint is None or not complaint.is_open:
                continue
            fields = {"outage_id": outage.id, "version": complaint.version + 1}
            if complaint.responded_at is None:  # its subscriber hears of it with everybody else
                fields["responded_at"] = now
            await work.complaints.change(complaint.id, fields)
            await work.complaints.add_step(complaint.id, Step(now, "system", "outage", text=outage.number))
        return gathered

    async def end(self, number: str, text: str, doing: Doing) -> Ended:
        """End an outage: what it explains is resolved, and everybody is told once that it is over.

        Who was not yet told that it began is not told at all. A subscriber with a complaint hears that it is resolved,
        and by what, instead of that the outage is over.

        Raises:
            NotFoundError: there is no such outage.
            InvalidInputError: nothing is said of what it was.
            RefusedError: it is over already.
        """
        words = clean_words("what it was", text, longest=LONGEST)
        async with self._store.write() as work:
            if await once(work, doing, "outage end", lambda: digest({"n": number, "t": text}), number):
                return Ended(number, 0, ())
            outage = await work.outages.by_number(number, lock=True)
            if outage is None:
                raise NotFoundError(f"no outage {number[:20]}", hint="`netbilld outage list` shows them")
            if outage.ended_at is not None:
                raise RefusedError(f"outage {number} is over already", code="outage_over", values={"number": number})
            now = doing.now
            fields = {"ended_at": now, "ended_by": doing.actor.name, "ended_text": words}
            await work.outages.change(outage.id, fields)
            whom = await work.outages.told(outage.id)
            untold = await self._take_back(work, outage, whom, now)
            resolved: dict[str, UUID] = {}
            for one in await work.outages.gathered(outage.id):
                complaint = await found(work, one, Doing(doing.actor, now))
                # it stays on the complaint which outage it was
                moved = await move(
                    work,
                    complaint,
                    ComplaintState.RESOLVED,
                    Doing(doing.actor, now, reopen_days=doing.reopen_days),
                    Wish(words, details={"outage": outage.number}),
                )
                resolved[one] = moved.subscriber_id
            heard = untold | set(resolved.values())
            ended = [_ended(outage, one, words, now) for one in whom if one not in heard]
            await work.outbox.add_many(ended, now)
            details = {"told": len(ended), "complaints": sorted(resolved)}
            await work.changes.record(doing.actor, now, "outage.end", "outage", outage.number, details)
            return Ended(number, len(ended), tuple(sorted(resolved)))

    async def _take_back(self, work: Work, outage: Outage, whom: Sequence[UUID], now: datetime) -> set[UUID]:
        """Take back what nobody has been told yet, and return those who were to be told."""
        untold = set()
        keys = {f"outage:{outage.number}:{one}": one for one in whom}
        for key in await work.outbox.take_back(list(keys), now):
            untold.add(keys[key])
        return untold


async def _place(work: Work, area: str | None, nas: str | None) -> UUID | None:
    """Return the NAS that is named; None for an area.

    Raises:
        InvalidInputError: both or neither are named, or no such NAS is there.
    """
    wanted, router = " ".join((area or "").split()), (nas or "").strip()
    if bool(wanted) == bool(router) or len(wanted) > _AREA_LENGTH:
        raise InvalidInputError("name an area or a NAS", code="outage_place")
    if not router:
        return None
    nas_id = await work.outages.nas_id(router)
    if nas_id is None:
        raise InvalidInputError(f"no NAS {router[:100]!r}", code="no_such_nas", values={"name": router[:100]})
    return nas_id


async def _whom(work: Work, area: str | None, nas_id: UUID | None, since_at: datetime) -> Sequence[UUID]:
    if nas_id is not None:
        return await work.outages.on_nas(nas_id, since_at)
    return await work.outages.in_area(area or "")


def _check_times(new: NewOutage, now: datetime) -> None:
    if new.began_at > now or new.began_at < now - OLDEST:
        raise InvalidInputError("it began within the last seven days", code="outage_began")
    if new.expected_at is not None and not now < new.expected_at <= now + LATEST_END:
        raise InvalidInputError("it is to end later than now, within a month", code="outage_expected")


def _declared(outage: Outage, subscriber_id: UUID) -> Message:
    context = {
        "number": outage.number,
        "text": outage.text,
        "began_at": outage.began_at.isoformat(),
        "expected_at": outage.expected_at.isoformat() if outage.expected_at is not None else None,
    }
    key = f"outage:{outage.number}:{subscriber_id}"
    return Message(MessageKind.OUTAGE_DECLARED, subscriber_id, context, key)


def _ended(outage: Outage, subscriber_id: UUID, text: str, now: datetime) -> Message:
    context = {
        "number": outage.number,
        "text": text,
        "began_at": outage.began_at.isoformat(),
        "ended_at": now.isoformat(),
    }
    key = f"outage:{outage.number}:{subscriber_id}:end"
    return Message(MessageKind.OUTAGE_ENDED, subscriber_id, context, key)


def _digest(new: NewOutage) -> str:
    return digest({"area": new.area, "nas": new.nas, "text": new.text})
