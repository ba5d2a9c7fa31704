"""Services of plans with every kind of tariff and allowance, metered straight into the store."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    allowance_thresholds,
    outbox,
    service_terms,
    sessions,
    shared_allowances,
    shared_services,
    top_ups,
    usage_periods,
)
from netbilld.billing.hours import parse_hours
from netbilld.billing.plan_file import parse_plan
from netbilld.billing.rating.period import RatedPeriod
from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.policy import ServiceFacts
from netbilld.model.periods import BillingPeriod
from netbilld.services.book_usage import Booked, BookUsage, Moved, RememberedServices
from netbilld.services.rate_usage import rated
from tests.accounting_packets import NAS
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file

GB = 10**9
START = date(2026, 3, 1)
PERIOD = BillingPeriod(START, date(2026, 4, 1), ZONE)
POLICY = StandingPolicy(0, time(0, 30), 1000, ZONE)


def happy(name: str, *hours: str, **what: Any) -> dict[str, Any]:
    """Return happy hours as a plan's definition has them."""
    return {"name": name, "spans": [list(span) for span in parse_hours(hours)], **what}


def tariff(*prices: tuple[int | None, int], cap: int | None = None, per: int = GB) -> dict[str, Any]:
    """Return tiers as a plan's definition has them: up to how much, and the price."""
    tiers = [{"up_to_units": up_to, "price_minor": price} for up_to, price in prices]
    return {"tiers": tiers, "units_per_price": per, "cap_minor": cap}


class Shop:
    """Plans by definition, people, their usage, and what came of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.world = World(database)
        self.remembered = RememberedServices()
        self.book = BookUsage(ZONE, self.remembered)

    async def plan(self, code: str, **definition: Any) -> None:
        """Store a flat plan of Rp200.000, but for what is said."""
        parsed = parse_plan(plan_file(code), "plan.toml", "IDR")
        async with self.database.write() as work:
            await work.plans.add(uuid4(), uuid4(), parsed | definition, at=at(date(2020, 1, 1)), actor=ACTOR.name)

    async def person(self, username: str, plan: str, activated_on: date = START, **more: Any) -> Person:
        return await self.world.person(username, plan, activated_on=activated_on, billing_day=1, **more)

    async def use(self, who: Person, at_local: datetime, download: int, upload: int = 0, minutes: int = 1) -> Booked:
        """Book usage that ends at a local time."""
        to_at = at_local.astimezone(UTC)
        moved = Moved(who.service_id, None, 1, "api", to_at - timedelta(minutes=minutes), to_at, upload, download)
        async with self.database.write() as work:
            return await self.book.handle(work, [moved], to_at)

    async def move_to(self, who: Person, plan: str, from_on: date, *, is_reset: bool = False) -> None:
        """Let another plan be in force from a day on."""
        async with self.database.write() as work:
            version = await work.plans.by_code(plan)
            assert version is not None
            await work.connection.execute(
                insert(service_terms).values(
                    service_id=who.service_id,
                    from_on=from_on,
                    plan_version_id=version.id,
                    is_reset=is_reset,
                    free=False,
                    actor="ani",
                    created_at=at(from_on),
                    applied_at=at(from_on),
                )
            )
        self.remembered.forget([who.service_id])

    async def top_up(self, who: Person, octets: int, bought_on: date, until_on: date) -> None:
        async with self.database.write() as work:
            await work.connection.execute(
                insert(top_ups).values(
                    id=uuid4(), service_id=who.service_id, code="T", name="T", price_minor=1, data_octets=octets,
                    bought_on=bought_on, until_on=until_on, paid_from="wallet", actor="ani", created_at=at(bought_on),
                )
            )  # fmt: skip
        self.remembered.forget([who.service_id])

    async def share(self, octets: int, *people: Person) -> None:
        """Let the services of these people, who are one subscriber, use one allowance."""
        shared_id = uuid4()
        async with self.database.write() as work:
            await work.connection.execute(
                insert(shared_allowances).values(
                    id=shared_id, subscriber_id=people[0].subscriber_id, kind="devices", name="m", name_key="m",
                    data_octets=octets, created_at=at(START), actor="ani",
                )
            )  # fmt: skip
            for who in people:
                await work.connection.execute(
                    insert(shared_services).values(service_id=who.service_id, shared_id=shared_id, created_at=at(START))
                )

    async def rated(self, who: Person, period: BillingPeriod = PERIOD) -> RatedPeriod:
        async with self.database.read() as work:
            return (await rated(work, {who.service_id: period}))[who.service_id]

    async def wallet(self, who: Person) -> int:
        async with self.database.read() as work:
            return (await work.ledger.wallets([who.subscriber_id]))[who.subscriber_id]

    async def charged(self, who: Person) -> int:
        async with self.database.read() as work:
            query = select(usage_periods.c.charged_minor).where(usage_periods.c.service_id == who.service_id)
            return sum((await work.connection.execute(query)).scalars())

    async def facts(self, who: Person, now: datetime) -> ServiceFacts:
        async with self.database.read() as work:
            return (await work.enforcement.facts([who.service_id], POLICY, now))[0]

    async def told(self, service_id: UUID) -> list[int]:
        """Return the shares of its allowance that were written down."""
        async with self.database.read() as work:
            query = select(allowance_thresholds.c.percent).where(allowance_thresholds.c.service_id == service_id)
            return sorted((await work.connection.execute(query)).scalars())

    async def messages(self) -> list[Mapping[str, Any]]:
        async with self.database.read() as work:
            return list((await work.connection.execute(select(outbox.c.context).order_by(outbox.c.id))).scalars())


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a local time in March 2026."""
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo(ZONE))


async def online(shop: Shop, who: Person, number: int, begin: datetime, end: datetime, *, is_open: bool) -> None:
    """Put a session into the store; what it moves does not matter."""
    row: dict[str, Any] = {
        "id": number, "nas_id": NAS, "service_id": who.service_id, "username": who.username, "acct_session_id": "x",
        "acct_session_key": str(number), "state": "live", "started_at": begin, "updated_at": end,
        "stopped_at": None if is_open else end, "session_seconds": 0, "upload_octets": 0, "download_octets": 0,
        "counter_upload_octets": 0, "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
    }  # fmt: skip
    async with shop.database.write() as work:
        await work.connection.execute(insert(sessions).values(**row))
