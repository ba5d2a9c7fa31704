"""Complaints in the running daemon: the services with their store and photos, and what closes them by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.photos import PhotoFiles
from netbilld.daemon.settings import Settings
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.ports.measure_signal import MeasureSignal
from netbilld.services.answer_survey import AnswerSurvey
from netbilld.services.close_complaints import CloseComplaints
from netbilld.services.declare_outages import DeclareOutages
from netbilld.services.file_complaint import FileComplaint
from netbilld.services.finish_work import FinishWork
from netbilld.services.handle_complaint import HandleComplaint
from netbilld.services.manage_categories import ManageCategories

LOOK_SECONDS: Final = 300.0
logger = logging.getLogger("netbilld.complaints")


def complaint_parts(settings: Settings, database: Database, signal: MeasureSignal | None = None) -> ComplaintParts:
    """Return the services about complaints, as the settings say."""
    wanted = settings.complaints
    photo_octets = wanted.photo_megabytes * 1024 * 1024
    photos = PhotoFiles(settings.data_dir.absolute() / "documents" / "photos", photo_octets)
    return ComplaintParts(
        store=database,
        file=FileComplaint(database, photos, uuid4),
        handle=HandleComplaint(database, photos, uuid4),
        outages=DeclareOutages(database, uuid4),
        work=FinishWork(database, photos, uuid4),
        survey=AnswerSurvey(database),
        categories=ManageCategories(database),
        photos=photos,
        signal=signal,
        reopen_days=wanted.reopen_days,
        photo_octets=photo_octets,
    )


class Complaints:
    """What goes on by itself."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        wanted = settings.complaints
        self._close = CloseComplaints(database, wanted.close_after_days, wanted.reopen_days)
        self._clock = clock

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {"complaints closed": self._close_resolved}

    async def _close_resolved(self) -> None:
        while True:
            closed = await self._close.run(self._clock.now())
            if closed:
                logger.info("closed %s complaints that were resolved", closed, extra={"event": "complaints_closed"})
            await asyncio.sleep(LOOK_SECONDS)
