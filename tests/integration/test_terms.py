"""What services are billed by, day by day: from their first day on, when it changes, and while they are stopped."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import service_terms
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan_file import parse_plan
from netbilld.billing.terms import Stop, StopKind, Terms
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.apply_terms import ApplyTerms
from netbilld.services.coupons import Coupon, ManageCoupons
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.pause_service import PauseService
from tests.integration.money_world import ACTOR, Person, World, at, plan_file
from tests.people_world import People

JOINED = date(2026, 3, 10)
DEARER = plan_file("HOME50", 350_000)
CHEAPER = plan_file("HOME10", 125_000)


class Shop:
    """A subscriber since 10 March, billed on the 10th, and a clock that the test sets."""

    def __init__(self, database: Database) -> None:
        self.database, self.world, self.people = database, World(database), People(database, SecretBox(bytes(32)))

    async def open(self, *more: str) -> Person:
        for text in (plan_file(), DEARER, CHEAPER, *more):
            await self.world.plan(text)
        self.budi = await self.world.person("budi", activated_on=JOINED)
        return self.budi

    async def set(self, on: datetime, **wanted: str) -> list[str]:
        return await self.people.manage.set("budi", SubscriberChanges(**wanted), ACTOR, on)  # type: ignore[arg-type]

    async def terms(self) -> list[tuple[date, str, bool]]:
        """Return first days, plans, and whether the service stands by them."""
        async with self.database.read() as work:
            rows = (await work.terms.of([self.budi.service_id]))[self.budi.service_id]
            versions = await work.plans.versions({row.plan_version_id for row in rows})
            query = select(service_terms.c.from_on).where(service_terms.c.applied_at.is_(None))
            waiting = set((await work.connection.execute(query)).scalars())
        return [(row.from_on, versions[row.plan_version_id].code, row.from_on not in waiting) for row in rows]

    async def first(self) -> Terms:
        async with self.database.read() as work:
            return (await work.terms.of([self.budi.service_id]))[self.budi.service_id][-1]

    async def stops(self) -> list[Stop]:
        async with self.database.read() as work:
            return (await work.terms.stops([self.budi.service_id])).get(self.budi.service_id, [])

    async def plan(self) -> str:
        async with self.database.read() as work:
            return (await work.services.plan_of(self.budi.service_id)).code

    async def status(self) -> str:
        async with self.database.read() as work:
            found = await work.subscribers.by_credential_name("budi")
        assert found is not None
        return found.service.status

    async def tick(self, now: datetime) -> int:
        return await ApplyTerms(self.database).run(now, SCHEDULE)


async def test_a_service_has_terms_from_the_day_of_its_activation(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    assert await shop.terms() == [(JOINED, "HOME20", True)]


async def test_an_upgrade_is_from_today_and_a_downgrade_from_the_next_period(database: Database) -> None:
    """Rule 7 of docs/billing.md; BANG-2.6e: the message names both plans and the day."""
    shop = Shop(database)
    await shop.open()
    assert await shop.set(at(date(2026, 3, 20), 15), plan="HOME50") == ["plan"]
    assert await shop.terms() == [(JOINED, "HOME20", True), (date(2026, 3, 20), "HOME50", True)]
    assert await shop.plan() == "HOME50"
    assert await shop.set(at(date(2026, 3, 21)), plan="HOME10") == ["from", "plan"]
    assert (await shop.terms())[-1] == (date(2026, 4, 10), "HOME10", False)
    assert await shop.plan() == "HOME50"
    async with database.read() as work:
        told = [message.context for message in await work.outbox.due(at(date(2026, 3, 21), 10), 10)]
    assert told == [
        {"old_plan": "Paket HOME20", "new_plan": "Paket HOME50", "from_on": "2026-03-20"},
        {"old_plan": "Paket HOME50", "new_plan": "Paket HOME10", "from_on": "2026-04-10"},
    ]
    assert await shop.tick(at(date(2026, 4, 9), 23)) == 0
    assert await shop.plan() == "HOME50"
    midnight = datetime(2026, 4, 9, 17, 0, tzinfo=UTC)  # in Jakarta
    assert await shop.tick(midnight - timedelta(seconds=1)) == 0
    assert await shop.tick(midnight) == 1
    assert await shop.plan() == "HOME10"
    assert await shop.tick(midnight) == 0


async def test_each_zone_has_its_own_midnight(database: Database) -> None:
    """A service in Jayapura is moved two hours before one in Jakarta, however many of those wait."""
    shop = Shop(database)
    await shop.open()
    other = await shop.world.person("papua", activated_on=JOINED)
    async with database.write() as work:
        await work.services.update(other.service_id, {"timezone": "Asia/Jayapura"})
    for name in ("budi", "papua"):
        await shop.people.manage.set(
            name, SubscriberChanges(plan="HOME50", plan_from="2026-04-01"), ACTOR, at(date(2026, 3, 20))
        )
    assert await shop.tick(datetime(2026, 3, 31, 15, tzinfo=UTC)) == 1
    async with database.read() as work:
        assert (await work.services.plan_of(other.service_id)).code == "HOME50"
    assert await shop.plan() == "HOME20"
    assert await shop.tick(datetime(2026, 3, 31, 17, tzinfo=UTC)) == 1
    assert await shop.plan() == "HOME50"


async def test_a_planned_pause_begins_and_ends_at_local_midnight(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    pause = PauseService(database)
    await pause.run("budi", date(2026, 3, 15), date(2026, 3, 18), "mudik", ACTOR, at(date(2026, 3, 12)))
    midnight = datetime(2026, 3, 14, 17, tzinfo=UTC)
    assert await shop.tick(midnight - timedelta(seconds=1)) == 0
    assert await shop.tick(midnight) == 1
    assert (await shop.status(), await shop.tick(midnight)) == ("paused", 0)
    assert await shop.tick(datetime(2026, 3, 17, 17, tzinfo=UTC)) == 1
    assert (await shop.status(), await shop.tick(datetime(2026, 3, 17, 17, tzinfo=UTC))) == ("active", 0)
    await pause.run("budi", None, date(2026, 3, 21), None, ACTOR, at(date(2026, 3, 20)))
    assert await shop.status() == "paused"
    assert await shop.tick(at(date(2026, 3, 20), 23)) == 0
    assert await shop.tick(at(date(2026, 3, 21), 0)) == 1
    assert await shop.status() == "active"


async def test_the_last_use_of_a_coupon_is_one_services(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    await shop.world.person("siti", activated_on=JOINED)
    now = at(date(2026, 3, 20))
    coupon = Coupon("PROMO", "Promo", 1000, None, 3, None, None, 1, ())
    await ManageCoupons(database).add(coupon, ACTOR, now)
    manage = ManageTerms(database)
    done = await asyncio.gather(
        *(manage.set(name, TermsWanted(coupon="PROMO"), ACTOR, now) for name in ("budi", "siti")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["RefusedError", "TermsSet"]


async def test_the_day_of_a_change_may_be_said(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    now = at(date(2026, 3, 20))
    await shop.set(now, plan="HOME10", plan_from="now")
    assert await shop.plan() == "HOME10"
    await shop.set(now, plan="HOME50", plan_from="2026-03-28")
    assert (await shop.terms())[-1] == (date(2026, 3, 28), "HOME50", False)
    await shop.set(now, plan="HOME20", plan_from="next")
    assert (await shop.terms())[-1] == (date(2026, 4, 10), "HOME20", False)
    with pytest.raises(InvalidInputError, match="is over"):
        await shop.set(now, plan="HOME20", plan_from="2026-03-19")


async def test_a_planned_change_is_gone_when_the_plan_changes_before_it(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    now = at(date(2026, 3, 20))
    await shop.set(now, plan="HOME10")
    assert len(await shop.terms()) == 2
    assert await shop.set(now, plan="HOME20") == ["plan"]  # stays after all
    assert await shop.terms() == [(JOINED, "HOME20", True), (date(2026, 3, 20), "HOME20", True)]
    async with database.read() as work:
        told = [message.context for message in await work.outbox.due(now, 10)]
    assert [(one["old_plan"], one["new_plan"]) for one in told] == [
        ("Paket HOME20", "Paket HOME10"),
        ("Paket HOME10", "Paket HOME20"),
    ]


async def test_two_changes_on_a_day_leave_the_last_one(database: Database) -> None:
    shop = Shop(database)
    await shop.open()
    await shop.set(at(date(2026, 3, 20), 9), plan="HOME50")
    await shop.set(at(date(2026, 3, 20), 15), plan="HOME10", plan_from="now")
    assert await shop.terms() == [(JOINED, "HOME20", True), (date(2026, 3, 20), "HOME10", True)]


async def test_a_day_counts_as_stopped_when_it_was_stopped_from_midnight_to_midnight(database: Database) -> None:
    """Rule 8 of docs/billing.md."""
    shop = Shop(database)
    await shop.open()
    manage = shop.people.manage
    await manage.suspend("budi", "router hilang", ACTOR, at(date(2026, 3, 20), 15))
    assert await shop.stops() == [Stop(StopKind.SUSPENDED, date(2026, 3, 21), None, "router hilang", "ani")]
    await manage.resume("budi", ACTOR, at(date(2026, 3, 24), 9))
    assert await shop.stops() == [
        Stop(StopKind.SUSPENDED, date(2026, 3, 21), date(2026, 3, 24), "router hilang", "ani")
    ]
    await manage.suspend("budi", None, ACTOR, at(date(2026, 3, 26), 8))
    await manage.resume("budi", ACTOR, at(date(2026, 3, 26), 20))
    assert len(await shop.stops()) == 1


AREAS = """
[[price]]
group = "Pesantren"
price = 100000
[[price]]
area = "jabar/bandung"
price = 180000
[[price]]
area = "jabar/bandung/rw05"
price = 150000
"""


async def test_a_price_by_area_or_group_is_the_services_from_the_day_its_subscriber_is_there(
    database: Database,
) -> None:
    """BANG-2.2d, BANG-2.2e: groups before areas, a longer area before a shorter one."""
    shop = Shop(database)
    async with database.write() as work:
        await work.groups.add_group("Pesantren", "Pesantren", at(JOINED))
        for path in ("Jabar/Bandung", "Jabar/Bandung/RW05"):
            await work.groups.add_area(path, path, at(JOINED))
    await shop.open(plan_file("WARGA", 200_000, extra=AREAS))
    await shop.set(at(date(2026, 3, 11)), plan="WARGA", plan_from="now")

    async def price(on: date, **told: str) -> int | None:
        await shop.set(at(on), **told)
        async with database.read() as work:
            found = await work.subscribers.by_credential_name("budi")
            assert found is not None
            return (found.service.overrides or {}).get("price_minor")

    assert await price(date(2026, 3, 12), area="Jabar/Bandung/RW 05") == 180_000
    assert await price(date(2026, 3, 13), area="jabar / bandung/RW05") == 150_000
    assert await price(date(2026, 3, 14), area="jabar/bandungan") is None
    assert await price(date(2026, 3, 15), group="pesantren") == 100_000
    assert await price(date(2026, 3, 16), group="") is None
    last = await shop.first()
    assert (last.from_on, last.area, last.customer_group) == (date(2026, 3, 16), "jabar/bandungan", None)
    with pytest.raises(NotFoundError, match="no customer group 'masjid'"):
        await price(date(2026, 3, 17), group="masjid")


async def test_a_plan_for_a_group_is_not_sold_outside_of_it(database: Database) -> None:
    """BANG-2.2d."""
    shop = Shop(database)
    async with database.write() as work:
        await work.groups.add_group("WARGA", "Warga RW 05", at(JOINED))
        await work.groups.add_area("rw05", "RW 05", at(JOINED))
    await shop.open(plan_file("WARGA", 150_000, extra='[sale]\ngroups = ["warga"]\nareas = ["rw05"]\n'))
    now = at(date(2026, 3, 20))
    with pytest.raises(RefusedError, match="plan WARGA is sold to warga, rw05 alone"):
        await shop.set(now, plan="WARGA")
    await shop.set(now, group="warga")
    assert "plan" in await shop.set(now, plan="WARGA")
    added = await shop.people.add("siti", plan="WARGA", area="RW05/blok c")
    assert added.plan == "WARGA"
    with pytest.raises(RefusedError, match="alone"):
        await shop.people.add("tono", plan="WARGA")


def test_the_definition_of_a_plan_names_its_groups() -> None:
    definition = parse_plan(plan_file("W", 1, extra='[sale]\ngroups = ["warga"]\n'), "p.toml", "IDR")
    assert definition["sale"] == {"groups": ["warga"]}
