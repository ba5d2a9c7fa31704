"""The JSON API of the running daemon: the same services as the command line's, made from the same settings."""

from collections.abc import Awaitable, Callable

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.complaints import complaint_parts
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.people import people_parts
from netbilld.daemon.policies import plausibility, standing_policy, walled_garden
from netbilld.daemon.selling import keep_agents, selling_parts
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes, tax_policy
from netbilld.daemon.webhooks import webhook_client
from netbilld.panel.api.parts import ApiParts, Store
from netbilld.ports.clock import SteadyClock
from netbilld.services.api_answers import ApiAnswers
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_plans import KNOWN_TAXES, ManagePlans
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_tokens import ManageTokens
from netbilld.services.manage_webhooks import ManageWebhooks
from netbilld.services.manual_invoices import ManualInvoices
from netbilld.services.new_service import Defaults
from netbilld.services.prefer_channels import PreferChannels
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.recognise_token import RecogniseToken


def api_parts(
    settings: Settings,
    database: Database,
    box: SecretBox,
    clock: SteadyClock,
    entropy: Callable[[int], bytes],
    nudge: Callable[[], Awaitable[None]],
) -> ApiParts:
    """Return what the API is made of."""
    numbering, zone, taxes = settings.billing.numbering(), settings.timezone, payment_taxes(settings)
    known_taxes = frozenset({*KNOWN_TAXES, *(rule.code for rule in settings.tax.rules)})

    def manage_subscribers(store: Store) -> ManageSubscribers:
        return ManageSubscribers(store, box, Defaults(settings.currency, zone))

    def manage_plans(store: Store) -> ManagePlans:
        return ManagePlans(store, settings.currency, known_taxes)

    def manual_invoices(store: Store) -> ManualInvoices:
        return ManualInvoices(
            store, numbering=numbering, taxes=tax_policy(settings), due_days=settings.billing.due_days, timezone=zone
        )

    return ApiParts(
        database=database,
        manage_tokens=ManageTokens(database, entropy),
        manage_webhooks=ManageWebhooks(database, box, webhook_client(settings), entropy, zone),
        recognise=RecogniseToken(database, clock),
        answers=ApiAnswers(database, box),
        manage_subscribers=manage_subscribers,
        manage_plans=manage_plans,
        manual_invoices=manual_invoices,
        manage_locks=ManageLocks(database),
        receive_payment=ReceivePayment(database, timezone=zone, plausibility=plausibility(settings), taxes=taxes),
        control_sessions=ControlSessions(database),
        complaints=complaint_parts(settings, database),
        money=money_parts(settings, database),
        people=people_parts(settings, database, box),
        selling=selling_parts(settings, database, box),
        channels=PreferChannels(database),
        buyers=ManageBuyers(database, box),
        keep_agents=keep_agents(settings, database),
        keep_collectors=KeepCollectors(database, timezone=zone, currency=settings.currency),
        printing=LatePrinting(settings, database, box),
        standing=standing_policy(settings),
        garden=walled_garden(settings),
        clock=clock,
        timezone=zone,
        currency=settings.currency,
        nudge=nudge,
    )
