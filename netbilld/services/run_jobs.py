"""The worker that does jobs, one at a time and item by item: killed at any point, it goes on where it was."""

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.ports.clock import Clock
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services.import_rows import CsvRow, CsvTable
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.jobs import ItemState, Job, JobItem, JobKind, Jobs, JobState
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.propose_jobs import payload_place

SOME: Final = 25  # items that are read at once; then a stop is looked for
KEPT_FOR: Final = timedelta(days=1)  # files that jobs brought hold passwords
logger = logging.getLogger("netbilld.jobs")


class Opener(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


class Subjects(Protocol):
    async def username(self, service_id: UUID) -> str | None: ...


class Trail(Protocol):
    async def imported_lines(self, file_name: str, since: datetime) -> set[int]: ...


class Work(Protocol):
    @property
    def jobs(self) -> "KnownJobs": ...
    @property
    def outbox(self) -> Outbox: ...


class KnownJobs(Jobs, Subjects, Trail, Protocol): ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class RunJobs:
    """Does what is waiting."""

    def __init__(
        self,
        store: Store,
        box: Opener,
        clock: Clock,
        *,
        manage_subscribers: ManageSubscribers,
        manage_terms: ManageTerms,
        importing: Callable[[], ImportSubscribers],
        nudge: Callable[[], Awaitable[None]],
    ) -> None:
        self._store, self._box, self._clock = store, box, clock
        self._subscribers, self._terms = manage_subscribers, manage_terms
        self._importing, self._nudge = importing, nudge

    async def run(self) -> bool:
        """Do the next job to its end, or until somebody stops it; return False where there is none.

        Raises:
            StoreUnavailableError: the database is away; the job goes on when it is back.
        """
        async with self._store.read() as work:
            job = await work.jobs.next()
        if job is None:
            return False
        try:
            if job.kind is JobKind.IMPORT:
                await self._import(job)
            else:
                await self._each(job)
        except StoreUnavailableError:
            raise
        except NetbilldError as error:
            await self._end(job, JobState.FAILED, str(error))
        except Exception as error:
            logger.exception("job %s failed", job.id, extra={"event": "job_failed"})
            await self._end(job, JobState.FAILED, type(error).__name__)
        return True

    async def tidy(self) -> int:
        """Let go of what jobs brought a day ago; return how many had something."""
        async with self._store.write() as work:
            return await work.jobs.forget(self._clock.now() - KEPT_FOR)

    async def _each(self, job: Job) -> None:
        await self._begin(job)
        actor = Actor(job.actor, job.origin)
        while True:
            async with self._store.read() as work:
                now_is = await work.jobs.find(job.id)
                items = await work.jobs.items(job.id, ItemState.WAITING, 0, SOME)
            if now_is is None or now_is.stop_wanted or not items:
                break
            for item in items:
                state, said = await self._one(job, item, actor)
                async with self._store.write() as work:
                    await work.jobs.settle(job.id, item.position, state, said)
                await asyncio.sleep(0)  # log-ins and pages come in between
            await self._nudge()
        await self._end(job, JobState.DONE if not items else JobState.STOPPED, "")

    async def _one(self, job: Job, item: JobItem, actor: Actor) -> tuple[ItemState, str]:
        """Do one item; to do it twice changes nothing, for we may be killed before it is on record."""
        try:
            if job.kind is JobKind.MESSAGE:
                await self._message(job, item)
            else:
                async with self._store.read() as work:
                    username = await work.jobs.username(item.subject_id or UUID(int=0))
                if username is None:
                    return ItemState.REFUSED, "it has no name to log in with"
                await self._to_service(job, username, actor)
        except StoreUnavailableError:
            raise
        except NetbilldError as error:
            return ItemState.REFUSED, str(error)
        return ItemState.DONE, ""

    async def _to_service(self, job: Job, username: str, actor: Actor) -> None:
        asked, now = job.asked, self._clock.now()
        match job.kind:
            case JobKind.SUSPEND:
                await self._subscribers.suspend(username, asked["reason"], actor, now)
            case JobKind.RESUME:
                await self._subscribers.resume(username, actor, now)
            case JobKind.PLAN:
                wanted = TermsWanted(plan=asked["plan"], starts=asked["starts"] or None)
                await self._terms.set(username, wanted, actor, now)
            case JobKind.PRICE:
                wanted = TermsWanted(price=asked["price"], starts=asked["starts"] or None, why=asked["reason"])
                await self._terms.set(username, wanted, actor, now)

    async def _message(self, job: Job, item: JobItem) -> None:
        assert item.subject_id is not None, "a message is to somebody"  # noqa: S101
        context = {"title": job.asked["title"], "text": job.asked["text"]}
        key = f"announcement:{job.id}:{item.subject_id}"
        async with self._store.write() as work:
            await work.outbox.add(Message(MessageKind.ANNOUNCEMENT, item.subject_id, context, key), self._clock.now())

    # -- imports -----------------------------------------------------------------------------------------------------

    async def _import(self, job: Job) -> None:
        """Look a file through, or bring it in; rows that do not go in become items, by their line."""
        dry_run = job.state is JobState.CHECKING
        async with self._store.read() as work:
            sealed = await work.jobs.payload(job.id)
        if sealed is None:
            await self._end(job, JobState.FAILED, "the file was let go: send it again")
            return
        content = self._box.open(sealed, payload_place(job.id))
        name = str(job.asked["file"])
        marked = f"{name} ({job.id})"
        if not dry_run:
            await self._begin(job)
        done = set() if dry_run or job.started_at is None else await self._in_already(marked, job.started_at)
        rows, numbers = survey(content, name)
        table = table_of(content, name)
        named_at = table.header.index("username")
        bad: list[JobItem] = []
        reached: list[int] = [0]

        def reject(row: CsvRow, reason: str) -> None:
            if row.line not in done:
                bad.append(JobItem(row.line, None, _shown(row, named_at), "", "", ItemState.REFUSED, reason))

        def progress(number: int) -> None:
            reached[0] = number

        async with self._store.write() as work:
            await work.jobs.drop_items(job.id)
            await work.jobs.update(job.id, total=rows, done=0, refused=0)
        running = asyncio.ensure_future(
            self._importing().run(
                _Unread(table, done), Actor(job.actor, job.origin), self._clock.now(), file_name=marked,
                reserved_numbers=numbers,
                reject=reject, progress=progress, dry_run=dry_run,
            )
        )  # fmt: skip
        try:
            while not running.done():
                await asyncio.wait([running], timeout=0.5)
                at = reached[0]
                async with self._store.write() as work:
                    await work.jobs.update(job.id, done=max(at + len(done) - len(bad), 0), refused=len(bad))
                    now_is = await work.jobs.find(job.id)
                if now_is is None or now_is.stop_wanted:
                    running.cancel()  # what is being stored is taken back; what is in stays
                    await asyncio.wait([running])
                    await self._end(job, JobState.STOPPED, "")
                    return
            summary = running.result()
        finally:
            running.cancel()
        async with self._store.write() as work:
            await work.jobs.add_items(job.id, bad)
            fields: dict[str, Any] = {"done": summary.imported + len(done), "refused": len(bad)}
            if dry_run:
                fields["state"] = JobState.PROPOSED.value
            await work.jobs.update(job.id, **fields)
        if not dry_run:
            await self._nudge()
            await self._end(job, JobState.DONE, "")

    async def _in_already(self, marked: str, since: datetime) -> set[int]:
        """Return the lines that went in before we were interrupted."""
        async with self._store.read() as work:
            return await work.jobs.imported_lines(marked, since)

    async def _begin(self, job: Job) -> None:
        if job.started_at is None:
            async with self._store.write() as work:
                await work.jobs.update(job.id, state=JobState.RUNNING.value, started_at=self._clock.now())

    async def _end(self, job: Job, state: JobState, said: str) -> None:
        fields: dict[str, Any] = {"state": state.value, "said": said[:300], "ended_at": self._clock.now()}
        async with self._store.write() as work:
            await work.jobs.update(job.id, **fields)
        logger.info("job %s (%s) is %s", job.id, job.kind.value, state.value, extra={"event": "job_over"})


class _Unread:
    """A file without the rows that are in already."""

    def __init__(self, table: CsvTable, done: set[int]) -> None:
        self._table, self._done = table, done
        self.understand = table.understand

    def __iter__(self) -> Any:
        return (row for row in self._table if row.line not in self._done)


def table_of(content: bytes, name: str) -> CsvTable:
    """Return a file's rows.

    Raises:
        InvalidInputError: its header is wrong, with what is.
    """
    # what is not UTF-8 rejects its row, not the file
    return CsvTable(io.StringIO(content.decode("utf-8-sig", "surrogateescape"), newline=""), name)


def survey(content: bytes, name: str) -> tuple[int, set[str]]:
    """Return how many rows a file has and every subscriber number that it gives.

    Raises:
        InvalidInputError: the file as a whole is broken.
    """
    table = table_of(content, name)
    at = table.header.index("subscriber_no") if "subscriber_no" in table.header else None
    rows, numbers = 0, set()
    for row in table:
        rows += 1
        if at is not None and at < len(row.cells):
            numbers.add(row.cells[at].strip())
    return rows, numbers


def rejected_cells(content: bytes, name: str, reasons: Mapping[int, str]) -> tuple[Sequence[str], list[list[str]]]:
    """Return the header and the rows of a file that did not go in, with line and reason in front."""
    table = table_of(content, name)
    keep = [at for at, column in enumerate(table.header) if column not in {"line", "reason"}]
    header = ["line", "reason", *(table.header[at] for at in keep)]
    found = [
        [str(row.line), reasons[row.line], *(row.cells[at] for at in keep if at < len(row.cells))]
        for row in table
        if row.line in reasons
    ]
    return header, found


def _shown(row: CsvRow, named_at: int) -> str:
    """Return the user name that a bad row gives, cleaned; no other field of it, for one is a password."""
    name = row.cells[named_at] if named_at < len(row.cells) else ""
    return "".join(sign for sign in name if sign.isprintable() and not "\ud800" <= sign <= "\udfff")[:100]
