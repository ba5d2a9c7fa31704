"""From settings to what subscribers do by themselves on the portal."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import tax_policy
from netbilld.panel.portal.own_parts import OwnParts
from netbilld.services.bill_subscribers import BillingTerms
from netbilld.services.explain import Explain
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.export_own_data import ExportOwnData
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_terms import ManageTerms
from netbilld.services.own_pause import OwnPause
from netbilld.services.own_plan import OwnPlan
from netbilld.services.own_profile import OwnProfile
from netbilld.services.own_requests import SHOWN, OwnRequests, RequestLine
from netbilld.services.own_terms import OwnTerms
from netbilld.services.pause_service import PauseService
from netbilld.services.prefer_channels import PreferChannels
from netbilld.services.provisional_bill import ProvisionalBill
from netbilld.services.sell_top_up import SellTopUp


def own_terms(settings: Settings) -> OwnTerms:
    """Return what subscribers may do without asking."""
    portal = settings.portal
    return OwnTerms(
        plan_change=portal.plan_change,
        plans=tuple(code.casefold() for code in portal.plans),
        plan_change_days=portal.plan_change_days,
        pause_days=portal.pause_days,
        pauses_a_year=portal.pauses_a_year,
        top_up=portal.top_up,
        password=portal.password_change,
    )


def own_parts(
    settings: Settings,
    database: Database,
    box: SecretBox,
    manage: ManageSubscribers,
    explain: Explain,
    nudge: Callable[[], Awaitable[None]],
) -> OwnParts:
    """Return what is behind the pages of who is signed in."""
    allowed, tax, billing = own_terms(settings), tax_policy(settings), settings.billing
    bills = BillingTerms(billing.due_days, settings.timezone, tax, billing.absurd_minor, billing.numbering())

    async def requests_of(subscriber_id: UUID) -> Sequence[RequestLine]:
        async with database.read() as work:
            return await work.own_business.requests_of(subscriber_id, SHOWN)

    return OwnParts(
        terms=allowed,
        explain=explain,
        explain_invoice=ExplainInvoice(database, tax),
        provisional=ProvisionalBill(database, bills),
        plan=OwnPlan(database, ManageTerms(database), bills, allowed),
        top_up=SellTopUp(database, tax),
        pause=OwnPause(database, PauseService(database), allowed),
        profile=OwnProfile(database, box, manage, allowed),
        requests=OwnRequests(database),
        data=ExportOwnData(database),
        prefer=PreferChannels(database),
        requests_of=requests_of,
        nudge=nudge,
    )
