"""Usage by subscriber, plan, NAS and day; all of them sum to the same octets."""

from datetime import date, timedelta
from random import Random

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import service_terms
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.periods import local_midnight
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.roll_up_usage import RollUpUsage
from tests.accounting_packets import NAS
from tests.integration.metering_world import add_nas
from tests.integration.money_world import World, at, plan_file
from tests.report_world import ZONE, report, report_csv

FIRST, LAST = date(2026, 3, 20), date(2026, 4, 5)


async def test_usage_sums_to_the_same_by_subscriber_plan_nas_and_day_rolled_up_or_not(database: Database) -> None:
    """BANG-2.5d: on the screen and as CSV."""
    world, chance = World(database), Random(7)
    await world.plan(plan_file("HOME20"))
    await world.plan(plan_file("HOME50"))
    people = [await world.person(f"u{number}", activated_on=date(2026, 1, 1)) for number in range(3)]
    await add_nas(database)
    async with database.write() as work:
        for code, from_on in (("HOME20", date(2026, 1, 1)), ("HOME50", date(2026, 4, 1))):
            version = await work.plans.by_code(code)
            assert version is not None
            terms = {"service_id": people[0].service_id, "from_on": from_on, "plan_version_id": version.id}
            terms |= {"actor": "ani", "created_at": at(FIRST), "free": False, "is_reset": False}
            await work.connection.execute(
                insert_into(work.connection, service_terms).values(**terms).on_conflict_do_nothing()
            )
        now = local_midnight(LAST + timedelta(days=1), ZONE)
        spans = []
        day = FIRST
        while day <= LAST:
            for who in people:
                begin = local_midnight(day, ZONE) + timedelta(hours=chance.randrange(23))
                up, down = chance.randrange(10**6), chance.randrange(10**9)
                spans.append(
                    Moved(who.service_id, 7, None, "radius", begin, begin + timedelta(minutes=5), up, down, NAS)
                )
            day += timedelta(days=1)
        await BookUsage(ZONE).handle(work, spans, now)
    expected = (sum(span.upload_octets for span in spans), sum(span.download_octets for span in spans))
    for is_rolled in (False, True):
        if is_rolled:
            await RollUpUsage(database, ZONE).run(local_midnight(date(2026, 4, 3), ZONE))
        for by in ("subscriber", "plan", "nas", "day"):
            [total] = (await report(database, "usage", FIRST, LAST, by))["totals"]
            assert (total["upload_octets"], total["download_octets"]) == expected
            rows = await report_csv(database, "usage", FIRST, LAST, by)
            assert sum(int(row["total_octets"]) for row in rows) == sum(expected)
            assert {"subscriber": "u0", "plan": "HOME20", "nas": "gerbang", "day": "2026-03-20"}[by] in {
                value for row in rows for value in row.values()
            }
        plans = {row["plan"]: row for row in (await report(database, "usage", FIRST, LAST, "plan"))["rows"]}
        april = [
            span.upload_octets
            for span in spans
            if span.service_id == people[0].service_id and span.from_at >= local_midnight(date(2026, 4, 1), ZONE)
        ]
        assert (plans["HOME50"]["upload_octets"], plans["HOME50"]["services"]) == (sum(april), 1)
