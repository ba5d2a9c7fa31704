"""ConfirmSessions: before a silent session is given up, its NAS is asked whether it is still there."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import AskNas, NasAnswer, Presence
from netbilld.ports.readings import Readings

_log = logging.getLogger(__name__)

ASK_SECONDS: Final = 10.0  # what one NAS may take for all its silent sessions, over every way it can be asked
ASKED_AT_ONCE: Final = 16  # NAS
ASK_AGAIN: Final = timedelta(seconds=60)  # a session that is there without a new word of its counters


class ConfirmSessions:
    """Asks NAS in every way there is, beside each other and each for a bounded time.

    `ways` may be assigned any time; without one every session is unknown. Counters: `there`, `gone` and `unknown`
    sessions so far, `failed` questions that ended with an exception.
    """

    def __init__(self, readings: Readings, ways: Sequence[AskNas] = (), ask_seconds: float = ASK_SECONDS) -> None:
        """Take what records the counters of those that are there, and how NAS can be asked, the best way first."""
        self.ways = tuple(ways)
        self.there = self.gone = self.unknown = self.failed = 0
        self._readings = readings
        self._ask_seconds = ask_seconds
        self._seen_at: dict[int, datetime] = {}

    async def handle(self, silent: Collection[Session], now: datetime) -> frozenset[int]:
        """Return which of these sessions are to be given up: those that are gone, or of which nothing can be learned.

        What the others have moved since is recorded, where the NAS tells.
        """
        self._seen_at = {session.id: at for session in silent if (at := self._seen_at.get(session.id)) is not None}
        spared = {session_id for session_id, at in self._seen_at.items() if timedelta(0) <= now - at < ASK_AGAIN}
        by_nas: dict[UUID, list[Session]] = {}
        for session in silent:
            if session.id not in spared:
                by_nas.setdefault(session.nas_id, []).append(session)
        answers: dict[int, NasAnswer] = {}
        if self.ways:
            at_once = asyncio.Semaphore(ASKED_AT_ONCE)
            asked = [self._ask_in_time(at_once, nas_id, sessions, answers) for nas_id, sessions in by_nas.items()]
            await asyncio.gather(*asked)
        lost: set[int] = set()
        for sessions in by_nas.values():
            for session in sessions:
                answer = answers.get(session.id)
                if answer is not None and answer.presence is Presence.THERE:
                    self.there += 1
                    self._seen_at[session.id] = now
                    self._read(session, answer)
                    continue
                lost.add(session.id)
                if answer is not None and answer.presence is Presence.GONE:
                    self.gone += 1
                else:
                    self.unknown += 1
        return frozenset(lost)

    async def _ask_in_time(
        self, at_once: asyncio.Semaphore, nas_id: UUID, sessions: Sequence[Session], answers: dict[int, NasAnswer]
    ) -> None:
        async with at_once:
            try:
                async with asyncio.timeout(self._ask_seconds):
                    await self._ask(nas_id, sessions, answers)
            except TimeoutError:
                _log.info("NAS %s did not say in %.0f s which sessions it has", nas_id, self._ask_seconds)
            except Exception:  # noqa: BLE001 - one NAS that can't be asked must not keep the others' sessions open
                self.failed += 1
                _log.exception("NAS %s could not be asked for its sessions", nas_id)

    async def _ask(self, nas_id: UUID, sessions: Sequence[Session], answers: dict[int, NasAnswer]) -> None:
        """Ask in one way after the other for what is not known so far."""
        for way in self.ways:
            wanted = [session for session in sessions if not _is_known(answers.get(session.id))]
            if not wanted:
                return
            asked = {session.id for session in wanted}
            told = await way.ask(nas_id, wanted)
            answers |= {session_id: answer for session_id, answer in told.items() if session_id in asked}

    def _read(self, session: Session, answer: NasAnswer) -> None:
        if answer.upload_octets is None or answer.download_octets is None:
            return
        try:
            self._readings.handle(session, answer)
        except InvalidInputError:
            _log.warning("NAS %s shows counters that none can have of session %d", session.nas_id, session.id)


def _is_known(answer: NasAnswer | None) -> bool:
    return answer is not None and answer.presence is not Presence.UNKNOWN
