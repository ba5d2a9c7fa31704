"""The panel and the portal, put together from settings, the database and what only the daemon knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.api import api_parts
from netbilld.daemon.complaints import complaint_parts
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.gateways import Gateways
from netbilld.daemon.message_pages import message_parts
from netbilld.daemon.messenger_drivers import hook_desk
from netbilld.daemon.own_parts import own_parts
from netbilld.daemon.pages.inside import Inside
from netbilld.daemon.people import people_parts
from netbilld.daemon.policies import brake_policy, plausibility, standing_policy, walled_garden, wallet_rules
from netbilld.daemon.selling import agent_parts, selling_parts
from netbilld.daemon.settings import Settings
from netbilld.daemon.staff_security import security_parts
from netbilld.daemon.taxes import payment_taxes, tax_policy
from netbilld.panel.app import create_panel
from netbilld.panel.parts import PanelParts
from netbilld.panel.portal.app import create_portal
from netbilld.panel.portal.parts import PORTAL, OfficialChannels, PortalParts
from netbilld.radius.realms import Realms
from netbilld.services.brake import Brake
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.decide_doubts import DecideDoubts
from netbilld.services.doctor_runs import DoctorRuns
from netbilld.services.explain import Explain
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_pools import ManagePools
from netbilld.services.manage_staff import ManageStaff
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from netbilld.services.own_requests import OwnRequests
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.replace_nas import ReplaceNas


@dataclass(frozen=True, slots=True)
class Applications:
    """What answers on the panel's port and on the portal's."""

    panel: web.Application
    portal: web.Application

    @property
    def messenger_calls(self) -> Mapping[tuple[str, str], int]:
        """Return how many calls of messengers the portal has had, by driver and what was answered."""
        desk = self.portal[PORTAL].parts.messengers
        return {} if desk is None else desk.counts


def applications(
    settings: Settings,
    database: Database,
    box: SecretBox,
    clock: SystemClock,
    entropy: Callable[[int], bytes],
    inside: Inside,
    doctor: DoctorRuns,
    gateways: Gateways,
) -> Applications:
    """Return both; nothing listens yet."""
    manage_subscribers = ManageSubscribers(database, box, Defaults(settings.currency, settings.timezone))
    explain = Explain(
        database,
        standing_policy(settings),
        walled_garden(settings),
        inside.drops,
        realms=Realms.of(settings.radius.realms),
        interim_seconds=settings.radius.interim_interval,
        silent_after_seconds=settings.metering.stale_minutes * 60,
        box=box,
    )
    complaints = complaint_parts(settings, database, inside)
    passwords = Argon2Passwords()
    printing = LatePrinting(settings, database, box)

    async def dropped(nas: str) -> Sequence[Mapping[str, Any]]:
        told = await inside.drops((), nas)
        return [] if told is None else [line for line in told["sources"] if line["nas"] == nas]

    panel = create_panel(
        PanelParts(
            database=database,
            manage_subscribers=manage_subscribers,
            manage_locks=ManageLocks(database),
            manage_pools=ManagePools(database),
            replace_nas=ReplaceNas(database, box),
            receive_payment=ReceivePayment(
                database,
                timezone=settings.timezone,
                plausibility=plausibility(settings),
                taxes=payment_taxes(settings),
            ),
            manage_staff=ManageStaff(database, passwords),
            passwords=passwords,
            control_sessions=ControlSessions(database),
            decide_doubts=DecideDoubts(database, settings.timezone, wallets=wallet_rules(settings)),
            brake=Brake(database, brake_policy(settings)),
            explain=explain,
            clock=clock,
            entropy=entropy,
            timezone=settings.timezone,
            locale=settings.locale,
            currency=settings.currency,
            business_name=settings.business_name,
            trusted_proxies=settings.trusted_proxies,
            session_hours=settings.panel.session_hours,
            nudge=inside.nudge,
            health=inside.health,
            metrics=inside.metrics,
            dropped=dropped,
            doctor=doctor,
            lane=inside.lane,
            printing=printing,
            api=api_parts(settings, database, box, clock, entropy, inside.nudge),
            own_requests=OwnRequests(database),
            complaints=complaints,
            security=security_parts(settings, database, box),
            money=money_parts(settings, database),
            people=people_parts(settings, database, box),
            gateways=gateways.panel_parts(),
            autopay=gateways.autopay.parts,
            selling=selling_parts(settings, database, box),
            messages=message_parts(settings, database, box),
        )
    )
    portal = create_portal(
        PortalParts(
            store=database,
            box=box,
            now=clock.now,
            entropy=entropy,
            business_name=settings.business_name,
            locale=settings.locale,
            timezone=settings.timezone,
            currency=settings.currency,
            public_url=settings.portal.public_url,
            trusted_proxies=settings.trusted_proxies,
            lifetime=timedelta(hours=settings.panel.session_hours),
            printing=printing,
            complaints=complaints,
            own=own_parts(settings, database, box, manage_subscribers, explain, inside.nudge),
            captive_status=settings.portal.captive_status,
            hotspot_hosts=settings.portal.hotspot_hosts,
            taxes=tax_policy(settings),
            pay=gateways.parts,
            autopay=gateways.autopay.parts,
            agents=agent_parts(settings, database, box),
            messengers=hook_desk(settings, database),
            official=official_channels(settings),
        )
    )
    return Applications(panel, portal)


def official_channels(settings: Settings) -> OfficialChannels:
    """Return how the provider is really paid and reached, as the settings say."""
    contact = (settings.documents.contact,) if settings.documents.contact else ()
    return OfficialChannels(
        settings.documents.pay_to, (*contact, *settings.portal.channels), settings.portal.public_url
    )
