"""What staff keep about a subscriber beside the books: notes, and files such as contracts and photos of the house."""

import hashlib
import re
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.file_kinds import kind_of
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.people_views import KeptFile
from netbilld.services.subscriber_fields import clean_text

LONGEST_NOTE: Final = 1000
LONGEST_NAME: Final = 120
LARGEST_OCTETS: Final = 5 * 1024 * 1024
MOST_FILES: Final = 100
_NOTE_VERB: Final = "note add"
_PATH: Final = re.compile(r".*[/\\]")
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f"<>:|?*\u202a-\u202e\u2066-\u2069]')


class Subscribers(Protocol):
    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...


class People(Protocol):
    async def add_note(self, subscriber_id: UUID, text: str, actor: str, at: datetime) -> int: ...
    async def remove_note(self, subscriber_id: UUID, note_id: int, at: datetime) -> bool: ...
    async def add_file(self, subscriber_id: UUID, file: KeptFile, digest: str, content: bytes) -> bool: ...
    async def number_of_files(self, subscriber_id: UUID) -> int: ...
    async def file(self, subscriber_id: UUID, file_id: UUID) -> tuple[KeptFile, bytes] | None: ...
    async def remove_file(self, subscriber_id: UUID, file_id: UUID, at: datetime) -> bool: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def people(self) -> People: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class KeepRecords:
    """The use cases; each change is one transaction with its line in the audit trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add_note(
        self, number: str, text: str, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> None:
        """Write something down about a subscriber.

        Raises:
            NotFoundError: there is no such subscriber.
            InvalidInputError: the note is empty, too long or no text.
        """
        said = clean_text("note", text, LONGEST_NOTE)
        if not said:
            raise InvalidInputError("the note is empty", code="note_empty")
        async with self._store.write() as work:
            if idempotency_key is not None:
                request = digest({"number": number, "text": said})
                if await work.idempotency.claim(idempotency_key, _NOTE_VERB, request, now) is not None:
                    return
            subscriber = await _subscriber(work, number)
            note_id = await work.people.add_note(subscriber.id, said, actor.name, now)
            await work.changes.record(actor, now, "note.add", "note", note_id, {"number": number, "text": said})
            if idempotency_key is not None:
                await work.idempotency.complete(idempotency_key, _NOTE_VERB, {"note": note_id})

    async def remove_note(self, number: str, note_id: int, actor: Actor, now: datetime) -> None:
        """Take a note out of sight; the audit trail keeps it.

        Raises:
            NotFoundError: that subscriber has no such note.
        """
        async with self._store.write() as work:
            subscriber = await _subscriber(work, number)
            if not await work.people.remove_note(subscriber.id, note_id, now):
                raise NotFoundError(f"subscriber {number} has no note {note_id}")
            await work.changes.record(actor, now, "note.remove", "note", note_id, {"number": number})

    async def add_file(self, number: str, name: str, content: bytes, actor: Actor, now: datetime) -> bool:
        """Keep a file; return False where it is kept already, so that it may be sent twice.

        Raises:
            NotFoundError: there is no such subscriber.
            InvalidInputError: it is no PNG, JPEG or PDF by its content, empty, or too large.
            RefusedError: there are too many.
        """
        kind = kind_of(content, LARGEST_OCTETS)
        kept = KeptFile(uuid4(), safe_name(name, kind), kind, len(content), actor.name, now)
        fingerprint = hashlib.sha256(content).hexdigest()
        async with self._store.write() as work:
            subscriber = await _subscriber(work, number)
            if await work.people.number_of_files(subscriber.id) >= MOST_FILES:
                raise RefusedError(
                    f"subscriber {number} has {MOST_FILES} files", code="many_files", values={"most": MOST_FILES}
                )
            if not await work.people.add_file(subscriber.id, kept, fingerprint, content):
                return False
            details = {"number": number, "name": kept.name, "octets": kept.octets, "digest": fingerprint}
            await work.changes.record(actor, now, "file.add", "file", kept.id, details)
        return True

    async def file(self, number: str, file_id: UUID) -> tuple[KeptFile, bytes]:
        """Return a file with its content.

        Raises:
            NotFoundError: that subscriber has no such file.
        """
        async with self._store.read() as work:
            found = await work.people.file((await _subscriber(work, number, lock=False)).id, file_id)
        if found is None:
            raise NotFoundError(f"subscriber {number} has no file {file_id}")
        return found

    async def remove_file(self, number: str, file_id: UUID, actor: Actor, now: datetime) -> None:
        """Remove a file for good.

        Raises:
            NotFoundError: that subscriber has no such file.
        """
        async with self._store.write() as work:
            subscriber = await _subscriber(work, number)
            if not await work.people.remove_file(subscriber.id, file_id, now):
                raise NotFoundError(f"subscriber {number} has no file {file_id}")
            await work.changes.record(actor, now, "file.remove", "file", file_id, {"number": number})


def safe_name(written: str, kind: str) -> str:
    """Return a name to keep a file under: no path, no signs that a header or a disk minds, and the ending it is."""
    bare = " ".join(_NOT_IN_NAMES.sub("", _PATH.sub("", written)).split()).strip(". ")
    stem = bare.rsplit(".", 1)[0].strip(". ") if "." in bare else bare
    return f"{stem[: LONGEST_NAME - 6] or 'file'}.{kind}"


async def _subscriber(work: Work, number: str, *, lock: bool = True) -> Subscriber:
    found = await work.subscribers.by_number(number, lock=lock)
    if found is None:
        raise NotFoundError(f"no subscriber has number {number}", hint="`netbilld subscriber list` shows them")
    return found
