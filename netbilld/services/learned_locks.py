"""What first log-ins have taught, in memory until the store says it: exact at once, written off the reply path."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.model.service_lock import LockKind
from netbilld.radius.terms import AccessTerms

MAX_WAITING: Final = 200_000  # lessons that the store does not say yet; beyond them nothing is learned


@dataclass(slots=True, eq=False)
class Lesson:
    """A value that a service is tied to by its first log-in."""

    service_id: UUID
    kind: LockKind
    value: str
    at: datetime
    sure: bool = False  # the log-in was let in for good
    written: bool = False


class LearnedLocks:
    """Lessons that `AccessTerms` does not hold yet."""

    def __init__(self) -> None:
        self._by_service: dict[UUID, dict[LockKind, Lesson]] = {}
        self._waiting: list[Lesson] = []
        self.forgone = 0

    def locks(self, service_id: UUID, terms: AccessTerms) -> Mapping[LockKind, frozenset[str]]:
        """Return the locks in force: those of the terms, and what has been learned since."""
        lessons = self._by_service.get(service_id)
        if not lessons:
            return terms.locks
        learned = {kind: frozenset((lesson.value,)) for kind, lesson in lessons.items() if kind in terms.learn}
        return {**terms.locks, **learned} if learned else terms.locks

    def unknown(self, service_id: UUID, terms: AccessTerms) -> list[LockKind]:
        """Return the kinds still to be learned."""
        lessons = self._by_service.get(service_id, {})
        return [kind for kind in terms.learn if kind not in lessons]

    def learn(self, service_id: UUID, kind: LockKind, value: str, now: datetime) -> Lesson | None:
        """Tie a service to a value from now on; None where there are too many lessons to keep."""
        if len(self._by_service) >= MAX_WAITING:
            self.forgone += 1
            return None
        lesson = Lesson(service_id, kind, value, now)
        self._by_service.setdefault(service_id, {})[kind] = lesson
        return lesson

    def confirm(self, lesson: Lesson) -> None:
        """Have a lesson written: its log-in was let in."""
        lesson.sure = True
        self._waiting.append(lesson)

    def withdraw(self, lesson: Lesson) -> None:
        """Forget a lesson: its log-in was refused after all."""
        lessons = self._by_service.get(lesson.service_id)
        if lessons is not None and lessons.get(lesson.kind) is lesson:
            del lessons[lesson.kind]
            if not lessons:
                del self._by_service[lesson.service_id]

    @property
    def waiting(self) -> int:
        """How many lessons are not written down yet."""
        return len(self._waiting)

    def take(self, limit: int) -> list[Lesson]:
        """Return the oldest lessons to write."""
        taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return taken

    def put_back(self, lessons: Collection[Lesson]) -> None:
        """Let what could not be written wait on."""
        self._waiting[:0] = lessons

    def refreshed(self, service_ids: Collection[UUID]) -> None:
        """Believe the store about these services: their terms were read after it had the lessons."""
        for service_id in service_ids:
            for lesson in list(self._by_service.get(service_id, {}).values()):
                if lesson.written:
                    self.withdraw(lesson)
