"""Work on many subscribers at once: what it would do is worked out and kept before anything is done."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import PlanOffer
from netbilld.model.units import parse_amount
from netbilld.ports.changes import Changes
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.jobs import MOST_ITEMS, ItemState, Job, JobItem, JobKind, Jobs, JobState, Subject
from netbilld.services.new_service import Defaults, Sealer
from netbilld.services.subscriber_fields import clean_text, parse_day

LARGEST_FILE_OCTETS: Final = 5 * 1024 * 1024
LONGEST_MESSAGE: Final = 900
_VERB: Final = "job propose"
_MOST_SUBJECT: Final = 120


class Services(Protocol):
    async def offers(self, codes: Sequence[str], on: Any) -> Mapping[str, PlanOffer]: ...


class Work(Protocol):
    @property
    def jobs(self) -> Jobs: ...
    @property
    def services(self) -> Services: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done with services, as written.

    Attributes:
        kind: of job.
        reason: why; needed to suspend and for prices.
        plan: code of the plan to have.
        starts: now, next or a day; empty: an upgrade now, a downgrade with the next period.
        price: the new fee for a period.
        title, text: of a message.
    """

    kind: JobKind
    reason: str = ""
    plan: str = ""
    starts: str = ""
    price: str = ""
    title: str = ""
    text: str = ""


class ProposeJobs:
    """Makes jobs, starts and stops them; a worker does them."""

    def __init__(self, store: Store, box: Sealer, defaults: Defaults) -> None:
        self._store, self._box, self._defaults = store, box, defaults

    async def propose(
        self,
        wanted: Wanted,
        service_ids: Sequence[UUID],
        actor: Actor,
        now: datetime,
        *,
        idempotency_key: str,
        listed: Mapping[str, str] | None = None,
    ) -> UUID:
        """Work out what would be done and keep it as a job; return its id. The same key again is the same job.

        Args:
            wanted: what.
            service_ids: with which services.
            actor: who.
            now: when.
            idempotency_key: of the form.
            listed: the filter they were chosen by, for people.

        Raises:
            InvalidInputError: a field is empty or wrong.
            NotFoundError: there is no such plan.
            RefusedError: nothing would change, or too many would.
        """
        if len(service_ids) > MOST_ITEMS:
            raise RefusedError(f"more than {MOST_ITEMS} services", code="too_many", values={"most": MOST_ITEMS})
        asked = self._asked(wanted, now)
        request = digest({"asked": asked, "services": sorted(map(str, service_ids))})
        async with self._store.write() as work:
            done = await work.idempotency.claim(idempotency_key, _VERB, request, now)
            if done is not None:
                return UUID(done["job"])
            if wanted.kind is JobKind.PLAN:
                asked["plan"] = await self._plan(work, wanted.plan, now)
            subjects = await work.jobs.subjects(service_ids)
            items = _items(_AFTER[wanted.kind](asked), subjects, per_subscriber=wanted.kind is JobKind.MESSAGE)
            if not items:
                raise RefusedError("nothing would change for any of these services", code="nothing_to_do")
            asked |= {"listed": dict(listed or {}), "left_out": len(subjects) - len(items)}
            job = _job(wanted.kind, JobState.PROPOSED, asked, len(items), actor, now)
            await work.jobs.add(job, items)
            await _note(work.changes, job, "job.propose", actor, now)
            await work.idempotency.complete(idempotency_key, _VERB, {"job": str(job.id)})
        return job.id

    async def propose_import(
        self, name: str, content: bytes, actor: Actor, now: datetime, *, idempotency_key: str
    ) -> UUID:
        """Keep a file of subscribers, sealed, to be looked through; return the job's id.

        Raises:
            InvalidInputError: it is too large, or empty.
        """
        if len(content) > LARGEST_FILE_OCTETS:
            most = LARGEST_FILE_OCTETS // 1024**2
            raise InvalidInputError(f"the file is larger than {most} MiB", code="file_too_large", values={"most": most})
        if not content.strip():
            raise InvalidInputError("the file is empty", code="file_empty")
        called = clean_text("file name", name.replace("\\", "/").rsplit("/", 1)[-1], 100) or "subscribers.csv"
        request = digest({"name": called, "octets": len(content)})
        async with self._store.write() as work:
            done = await work.idempotency.claim(idempotency_key, _VERB, request, now)
            if done is not None:
                return UUID(done["job"])
            job = _job(JobKind.IMPORT, JobState.CHECKING, {"file": called}, 0, actor, now)
            await work.jobs.add(job, (), self._box.seal(content, payload_place(job.id)))
            await _note(work.changes, job, "job.propose", actor, now)
            await work.idempotency.complete(idempotency_key, _VERB, {"job": str(job.id)})
        return job.id

    async def start(self, job_id: UUID, actor: Actor, now: datetime) -> bool:
        """Let a proposed job be done; False where it was started or dropped already.

        Raises:
            NotFoundError: there is no such job.
        """
        async with self._store.write() as work:
            job = await _find(work, job_id)
            if job.state is not JobState.PROPOSED:
                return False
            fields: dict[str, Any] = {"state": JobState.WAITING.value, "actor": actor.name, "origin": actor.origin}
            if job.kind is JobKind.IMPORT:
                await work.jobs.drop_items(job.id)
                fields |= {"done": 0, "refused": 0}
            await work.jobs.update(job.id, **fields)
            await _note(work.changes, job, "job.start", actor, now)
        return True

    async def stop(self, job_id: UUID, actor: Actor, now: datetime) -> bool:
        """Drop a proposed job, or end one that is being done after the item it is at; False where it is over.

        Raises:
            NotFoundError: there is no such job.
        """
        async with self._store.write() as work:
            job = await _find(work, job_id)
            if job.is_over or job.stop_wanted:
                return False
            if job.state in {JobState.PROPOSED, JobState.WAITING}:
                await work.jobs.update(job.id, state=JobState.STOPPED.value, ended_at=now, payload_sealed=None)
            else:
                await work.jobs.update(job.id, stop_wanted=True)
            await _note(work.changes, job, "job.stop", actor, now)
        return True

    def _asked(self, wanted: Wanted, now: datetime) -> dict[str, Any]:
        """Return what the job is started with; only fields that its kind has."""
        reason = clean_text("reason", wanted.reason, 200)
        match wanted.kind:
            case JobKind.SUSPEND:
                _needed("reason", reason)
                return {"reason": reason}
            case JobKind.RESUME:
                return {}
            case JobKind.PLAN:
                _needed("plan", wanted.plan)
                return {"plan": clean_text("plan", wanted.plan, 64), "starts": self._starts(wanted.starts, now)}
            case JobKind.PRICE:
                _needed("price", wanted.price)
                _needed("reason", reason)
                price_minor = _price(wanted.price, self._defaults.currency)
                return {
                    "price_minor": price_minor,
                    "price": clean_text("price", wanted.price, 30),
                    "reason": reason,
                    "starts": self._starts(wanted.starts, now),
                }
            case JobKind.MESSAGE:
                title = " ".join(clean_text("title", wanted.title, _MOST_SUBJECT).split())
                text = clean_text("text", wanted.text, LONGEST_MESSAGE)
                _needed("title", title)
                _needed("text", text)
                return {"title": title, "text": text}
            case _:
                raise InvalidInputError(f"{wanted.kind.value} is nothing to do with a list of services")

    def _starts(self, written: str, now: datetime) -> str:
        if written in {"", "now", "next"}:
            return written
        day = parse_day("from", written)
        if day < local_date(now, self._defaults.timezone):
            raise InvalidInputError(f"{day} is over", code="day_over", values={"field": "starts"})
        return day.isoformat()

    async def _plan(self, work: Work, code: str, now: datetime) -> str:
        offers = await work.services.offers([code], local_date(now, self._defaults.timezone))
        offer = next(iter(offers.values()), None)
        if offer is None or not offer.on_sale:
            raise NotFoundError(f"no plan for sale has code {code!r}", hint="`netbilld plan list` shows them")
        return offer.code


def payload_place(job_id: UUID) -> str:
    """Return where the sealed file of a job belongs."""
    return f"job.payload:{job_id}"


def _job(kind: JobKind, state: JobState, asked: Mapping[str, Any], total: int, actor: Actor, now: datetime) -> Job:
    return Job(uuid4(), kind, state, asked, total, 0, 0, False, "", actor.name, actor.origin, now)


_After = Callable[[Subject], tuple[str, str] | None]


def _suspended(_asked: Mapping[str, Any]) -> _After:
    return lambda one: (one.status, "suspended") if one.status in {"active", "paused"} else None


def _resumed(_asked: Mapping[str, Any]) -> _After:
    return lambda one: (one.status, "active") if one.status in {"suspended", "paused"} else None


def _moved(asked: Mapping[str, Any]) -> _After:
    return lambda one: (one.plan, asked["plan"]) if one.status != "ended" and one.plan != asked["plan"] else None


def _priced(asked: Mapping[str, Any]) -> _After:
    def after(one: Subject) -> tuple[str, str] | None:
        if one.status == "ended" or one.price_minor is None or one.price_minor == asked["price_minor"]:
            return None
        return str(one.price_minor), str(asked["price_minor"])

    return after


def _told(_asked: Mapping[str, Any]) -> _After:
    return lambda one: ("", "") if one.reachable and one.status != "ended" else None


_AFTER: Final[Mapping[JobKind, Callable[[Mapping[str, Any]], _After]]] = {
    JobKind.SUSPEND: _suspended,
    JobKind.RESUME: _resumed,
    JobKind.PLAN: _moved,
    JobKind.PRICE: _priced,
    JobKind.MESSAGE: _told,
}


def _items(after: _After, subjects: Sequence[Subject], *, per_subscriber: bool) -> list[JobItem]:
    """Return what would be done, without whom it would change nothing for; to a subscriber a message goes once."""
    items: list[JobItem] = []
    told: set[UUID] = set()
    for subject in subjects:
        change = after(subject)
        subject_id = subject.subscriber_id if per_subscriber else subject.service_id
        if change is None or subject_id in told:
            continue
        told.add(subject_id)
        items.append(JobItem(len(items) + 1, subject_id, subject.said, *change, ItemState.WAITING, ""))
    return items


def _needed(field: str, text: str) -> None:
    if not text.strip():
        raise InvalidInputError(f"the {field} is empty", code="needed", values={"field": field})


def _price(written: str, currency: str) -> int:
    try:
        price_minor = parse_amount(written, currency)
    except InvalidInputError:
        price_minor = -1
    if not 0 <= price_minor <= 10**12:
        raise InvalidInputError(f"price {written!r} is no amount", code="bad_price", values={"field": "price"})
    return price_minor


async def _find(work: Work, job_id: UUID) -> Job:
    job = await work.jobs.find(job_id, lock=True)
    if job is None:
        raise NotFoundError(f"there is no job {job_id}")
    return job


async def _note(changes: Changes, job: Job, action: str, actor: Actor, now: datetime) -> None:
    said = {name: value for name, value in job.asked.items() if name != "listed"}
    await changes.record(actor, now, action, "job", job.id, {"kind": job.kind.value, "total": job.total, **said})
