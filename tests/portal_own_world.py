"""A subscriber with a real plan, terms and bills, for tests of what subscribers do by themselves."""

from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.actor import Actor
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.run_billing import BillingReport, RunBilling
from tests.portal_world import ZONE, Person, World

ACTOR: Final = Actor("ani", "cli")
PASSWORD: Final = "rahasia123"


def plan_file(code: str, price: int, timing: str = "postpaid", more: str = "") -> str:
    """Return a plan of so much a month."""
    return f"""
code = "{code}"
name = "Paket {code}"
timing = "{timing}"
charging = "flat"
[recurring]
price = {price}
period = "month"
[speed]
down = "20M"
up = "10M"
{more}"""


TOP_UP: Final = """
[[topup]]
code = "GB10"
name = "Tambah 10 GB"
price = 15000
data = "10GB"
"""
QUOTA: Final = """
[allowance]
data = "100GB"
after = "wall"
"""


def at(on: date, hour: int = 9) -> datetime:
    return datetime.combine(on, time(hour), ZoneInfo(ZONE)).astimezone(UTC)


async def add_plan(world: World, text: str) -> None:
    await ManagePlans(world.database, "IDR").add(text, "plan.toml", actor=ACTOR, now=at(date(2026, 1, 1)))


async def add_person(
    world: World, username: str, plan: str, activated_on: date = date(2026, 11, 5), **told: Any
) -> Person:
    """Add a subscriber as the command line does; fees begin on that day."""
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    told = {"name": username.title(), **told}
    new = NewService(username=username, password=PASSWORD, plan=plan, activated_on=activated_on, **told)
    added = await manage.add(new, ACTOR, at(activated_on))
    async with world.database.read() as work:
        found = await work.subscribers.by_credential_name(username)
    assert found is not None
    return Person(found.subscriber.id, UUID(added.service_id), added.subscriber_no, username, PASSWORD)


async def bill(world: World, on: date) -> BillingReport:
    """Run the billing of a day."""
    billing = RunBilling(world.database, due_days=10, timezone=ZONE)
    return await billing.run(as_of=on, now=at(on, 1), actor=ACTOR)


async def pay(world: World, person: Person, amount: int, on: date, reference: str | None = None) -> None:
    """Record a payment."""
    receive = ReceivePayment(world.database, timezone=ZONE)
    await receive.run(
        person.number, amount, method="transfer", reference=reference, received_on=on, actor=ACTOR, now=at(on)
    )
