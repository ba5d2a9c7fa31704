"""What subscribers do by themselves, as the portal is handed it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.enforcement.explain import Explanation
from netbilld.services.explain_amounts import Json
from netbilld.services.export_own_data import ExportOwnData
from netbilld.services.own_pause import OwnPause
from netbilld.services.own_plan import OwnPlan
from netbilld.services.own_profile import OwnProfile
from netbilld.services.own_requests import OwnRequests, RequestLine
from netbilld.services.own_terms import OwnTerms
from netbilld.services.prefer_channels import PreferChannels
from netbilld.services.provisional_bill import ProvisionalBill
from netbilld.services.sell_top_up import SellTopUp


class Explains(Protocol):
    async def run(self, username: str, now: datetime) -> Explanation:
        """Return the ordered checks for a name."""
        ...


class ExplainsInvoices(Protocol):
    async def run(self, number: str, line: int | None = None) -> Json:
        """Return the explanation of a document as plain JSON."""
        ...


@dataclass(frozen=True, slots=True)
class OwnParts:
    """The services behind the pages of who is signed in.

    Attributes:
        terms: what the operator allows.
        nudge: makes the daemon look at what has changed.
        requests_of: what a subscriber has asked for, newest first.
    """

    terms: OwnTerms
    explain: Explains
    explain_invoice: ExplainsInvoices
    provisional: ProvisionalBill
    plan: OwnPlan
    top_up: SellTopUp
    pause: OwnPause
    profile: OwnProfile
    requests: OwnRequests
    data: ExportOwnData
    prefer: PreferChannels
    requests_of: Callable[[UUID], Awaitable[Sequence[RequestLine]]]
    nudge: Callable[[], Awaitable[None]]
