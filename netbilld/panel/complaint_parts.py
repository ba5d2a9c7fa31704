"""What pages about complaints are handed, in the panel and in the portal."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from netbilld.model.complaint import Category
from netbilld.model.outage import Outage
from netbilld.ports.complaints import KeepsPhotos
from netbilld.ports.measure_signal import MeasureSignal
from netbilld.services.answer_survey import AnswerSurvey
from netbilld.services.complaint_steps import DEFAULT_REOPEN_DAYS
from netbilld.services.complaint_views import ComplaintViews
from netbilld.services.declare_outages import DeclareOutages
from netbilld.services.file_complaint import FileComplaint
from netbilld.services.finish_work import FinishWork
from netbilld.services.handle_complaint import HandleComplaint
from netbilld.services.manage_categories import ManageCategories

FORM_OCTETS = 64 * 1024  # beside its photos


class Categories(Protocol):
    async def categories(self) -> Sequence[Category]: ...


class Outages(Protocol):
    async def running_for(self, subscriber_id: UUID) -> Outage | None: ...


class ComplaintWork(Protocol):
    """The stores of one transaction that these pages read."""

    @property
    def complaints(self) -> Categories: ...
    @property
    def complaint_views(self) -> ComplaintViews: ...
    @property
    def outages(self) -> Outages: ...


class ComplaintReads(Protocol):
    def read(self) -> AbstractAsyncContextManager[ComplaintWork]: ...


@dataclass(frozen=True, slots=True)
class ComplaintParts:
    """The services about complaints, and where their pages read.

    Attributes:
        signal: asks access points how they receive a device; None where none can be asked.
        reopen_days: for how long a subscriber may say that it is not over after all.
        photo_octets: of one photo at most.
    """

    store: ComplaintReads
    file: FileComplaint
    handle: HandleComplaint
    outages: DeclareOutages
    work: FinishWork
    survey: AnswerSurvey
    categories: ManageCategories
    photos: KeepsPhotos
    signal: MeasureSignal | None = None
    reopen_days: int = DEFAULT_REOPEN_DAYS
    photo_octets: int = 8 * 1024 * 1024
