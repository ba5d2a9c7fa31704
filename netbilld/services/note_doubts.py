"""What is noted of a batch beside its usage: reports that can't be true, and octets that are taken back."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from netbilld.accounting.session import Doubt, Session, SessionChange, TakenBack
from netbilld.services.book_usage import Moved

AHEAD_OF_NAS: Final = "ahead_of_nas"  # a reading of ours had counted what the NAS's last word does not


class Doubts(Protocol):
    async def note(self, doubted: Iterable[tuple[SessionChange, Doubt, bool]], now: datetime) -> None: ...
    async def withdraw(self, session_ids: Collection[int], now: datetime) -> None: ...
    async def explain(self, corrections: Iterable[tuple[Moved, str]], now: datetime) -> None: ...


class Work(Protocol):
    @property
    def doubts(self) -> Doubts: ...


def corrections(changes: Iterable[SessionChange]) -> list[Moved]:
    """Return what takes back, when it was counted, what readings of ours were ahead of the NAS's last word."""
    return [_correction(change.session, taken) for change in changes if (taken := change.taken_back) is not None]


async def note_doubts(work: Work, changes: Sequence[SessionChange], corrected: Sequence[Moved], now: datetime) -> int:
    """Write down what the changes of a batch leave in doubt, and why octets were taken back.

    Returns:
        how many reports are in doubt.
    """
    came_back = {change.session.id: number for number, change in enumerate(changes) if change.came_back}
    if came_back:
        await work.doubts.withdraw(came_back, now)
    doubted = [
        (change, change.doubt, number < came_back.get(change.session.id, 0))
        for number, change in enumerate(changes)
        if change.doubt is not None
    ]
    if doubted:
        await work.doubts.note(doubted, now)
    if corrected:
        await work.doubts.explain([(correction, AHEAD_OF_NAS) for correction in corrected], now)
    return len(doubted)


def _correction(session: Session, taken: TakenBack) -> Moved:
    return Moved(
        session.service_id,
        session.id,
        None,
        "correction",
        taken.at,
        taken.at,
        -taken.upload_octets,
        -taken.download_octets,
        session.nas_id,
    )
