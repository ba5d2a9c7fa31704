"""Fills a fresh database with the demo's town, through the same services an operator's commands use."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox, create_key_file, read_key_file
from netbilld.daemon.billing import billing_run
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes
from netbilld.demo.desk import fill_desk
from netbilld.demo.gateway import PretendedGateway
from netbilld.demo.history import write_history
from netbilld.demo.kiosk import Kiosk, collect, open_kiosk
from netbilld.demo.paid_by_phone import PaidByPhone
from netbilld.demo.scenario import (
    LIAR_ADDRESS,
    LIAR_NAME,
    NAS_ADDRESS,
    NAS_NAME,
    OVERDUE_STAR,
    PLANS,
    PORTAL_SOURCES,
    Home,
)
from netbilld.model.actor import Actor
from netbilld.services.initialise import add_first_staff, tie_key
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_staff import ONE_TIME_ENTROPY_OCTETS, one_time_password
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.receive_payment import ReceivePayment

ADMIN_EMAIL: Final = "admin@demo.example"
TOLD_WITHIN: Final = timedelta(hours=70)  # what was written down earlier would be news to nobody
ISOLIR_AFTER: Final = timedelta(seconds=75)
_ACTOR: Final = Actor("demo", "demo")
_METHODS: Final = ("cash", "transfer", "qris")
_SHARE: Final = 6  # of so many homes one pays the collector, and one by phone


@dataclass(frozen=True, slots=True)
class Town:
    """What a visitor needs to know."""

    admin_email: str
    admin_password: str = field(repr=False)
    kiosk: Kiosk


def isolir_instant(now: datetime, timezone: str) -> datetime:
    """Return when the one unpaid invoice leads to isolir: soon, on a whole second of local time."""
    return (now + ISOLIR_AFTER).astimezone(ZoneInfo(timezone)).replace(microsecond=0)


async def build_town(
    settings: Settings,
    homes: list[Home],
    nas_secret: str,
    coa_ports: Mapping[str, int],
    isolir_at: datetime,
    gateway: PretendedGateway,
    now: datetime,
) -> Town:
    """Make key, schema, staff, NAS, plans and homes; bill everybody and let all but one pay.

    Args:
        settings: with an empty data directory; `billing.isolir_at` must be the time of `isolir_at`.
        homes: who lives here.
        nas_secret: of the simulated routers.
        coa_ports: of the simulated routers, by name.
        isolir_at: when the unpaid invoice leads to isolir, local.
        gateway: the pretended one, which runs already.
        now: the moment everything is written down with.
    """
    create_key_file(settings.resolved_key_file)
    box = read_key_file(settings.resolved_key_file)
    database = Database(settings.resolved_database_url)
    try:
        await upgrade(database)
        await tie_key(database, box)
        password = one_time_password(entropy(ONE_TIME_ENTROPY_OCTETS))  # given, so that nobody has to change it
        await add_first_staff(database, Argon2Passwords(), _ACTOR, now, entropy, email=ADMIN_EMAIL, password=password)
        for name, address in ((NAS_NAME, NAS_ADDRESS), (LIAR_NAME, LIAR_ADDRESS)):
            fields = NasFields(
                name=name,
                address=str(address),
                secret=nas_secret,
                coa_port=coa_ports[name],
                portal_sources=PORTAL_SOURCES if name == NAS_NAME else (),
            )
            await ManageNas(database, box).add(fields, _ACTOR, now)
        for code, text in PLANS.items():
            await ManagePlans(database, settings.currency).add(text, f"{code}.toml", actor=_ACTOR, now=now)
        await _settle_in(settings, database, box, homes, isolir_at, gateway, now)
        await fill_desk(settings, database, homes, password, now)
        kiosk = await open_kiosk(settings, database, box, homes, password, now)
    finally:
        await database.close()
    return Town(ADMIN_EMAIL, password, kiosk)


async def _settle_in(
    settings: Settings,
    database: Database,
    box: SecretBox,
    homes: list[Home],
    isolir_at: datetime,
    gateway: PretendedGateway,
    now: datetime,
) -> None:
    due_on = isolir_at.date() - timedelta(days=settings.billing.grace_days + 1)
    billed_on = due_on - timedelta(days=settings.billing.due_days)
    billed_at = now - TOLD_WITHIN
    people = ManageSubscribers(database, box, Defaults(settings.currency, settings.timezone))
    for home in homes:
        new = NewService(
            username=home.username,
            plan=home.plan,
            password=home.password,
            name=home.name,
            phone=home.phone,
            area=home.area,
            mac=home.mac,
            billing_day=billed_on.day,
            activated_on=billed_on,
            installed_on=billed_on,
        )
        await people.add(new, _ACTOR, billed_at)
    billing = billing_run(settings, database)
    await billing.run(as_of=billed_on, now=billed_at, actor=_ACTOR)
    receive = ReceivePayment(database, timezone=settings.timezone, taxes=payment_taxes(settings))
    to_collector: dict[str, int] = {}
    by_phone: dict[str, int] = {}
    for number, home in enumerate(homes):
        amount_minor = home.wallet + await _owed(database, home.username)
        if not home.settled or amount_minor == 0:
            continue
        if number % _SHARE == 0:
            to_collector[home.username] = amount_minor
        elif number % _SHARE == 1 and number > 1:  # not a star: its wallet is told of to the rupiah
            by_phone[home.username] = amount_minor
        else:
            await receive.run(
                home.username,
                amount_minor,
                method=_METHODS[number % len(_METHODS)],
                reference=f"demo-{number:03d}",
                received_on=billed_on + timedelta(days=number % 8),
                actor=_ACTOR,
                now=billed_at + timedelta(hours=number),
            )
            await asyncio.sleep(0)
    await collect(settings, database, box, to_collector, now)
    phones = PaidByPhone(settings, database, box, gateway)
    try:
        await phones.pay(by_phone, now)
        await phones.let_expire(OVERDUE_STAR, await _owed(database, OVERDUE_STAR), now)
        await phones.pay_too_little(homes[4].username, 50_000, 5_000, now)
    finally:
        await phones.close()
    await write_history(settings, database, homes, billed_on, now)


async def _owed(database: Database, username: str) -> int:
    """Return what somebody owes on open invoices, in minor units."""
    async with database.read() as work:
        found = await work.subscribers.by_credential_name(username)
        assert found is not None, "it was added above"  # noqa: S101
        owed = (await work.invoices.open_invoices([found.subscriber.id])).get(found.subscriber.id, [])
    return sum(invoice.outstanding_minor for invoice in owed)
