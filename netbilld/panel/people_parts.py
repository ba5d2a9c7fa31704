"""What pages about subscribers work with, beside what every page has."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from netbilld.services.keep_records import KeepRecords
from netbilld.services.manage_terms import ManageTerms
from netbilld.services.pause_service import PauseService
from netbilld.services.people_views import PeopleFilter
from netbilld.services.preview_plan import PreviewPlan
from netbilld.services.propose_jobs import ProposeJobs
from netbilld.services.sell_top_up import SellTopUp


class Opener(Protocol):
    """What opens a sealed secret."""

    def open(self, sealed: bytes, place: str) -> bytes: ...


class Exports(Protocol):
    """People as a table, in the columns that an import takes."""

    def rows(self, wanted: PeopleFilter, today: date) -> AsyncIterator[Sequence[str]]:
        """Yield the header and then a row a service; no password is among them."""
        ...


@dataclass(frozen=True, slots=True)
class PeopleParts:
    """The use cases of subscribers' pages."""

    records: KeepRecords
    terms: ManageTerms
    pause: PauseService
    top_ups: SellTopUp
    preview: PreviewPlan
    jobs: ProposeJobs
    exports: Exports
    box: Opener
