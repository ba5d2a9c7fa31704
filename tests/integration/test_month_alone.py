"""A month that nobody touches: bills, messages, reminders, money that comes in, isolir and its end, and the close."""

from datetime import date, time, timedelta

from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import subscribers
from netbilld.billing.invoice import InvoiceStatus
from netbilld.services.close_books import CloseBooks
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.route_messages import SendingPolicy
from netbilld.services.send_messages import SendMessages
from tests.clock import StandingClock
from tests.integration.dunning_world import DunningWorld, instant
from tests.integration.mail_room import Recorder, templates, way
from tests.integration.money_world import ACTOR, ZONE, at, plan_file

JAN = date(2026, 1, 1)


async def no_pause(_seconds: float) -> None:
    """Wait for nothing."""


async def test_a_month_runs_from_bills_to_the_closed_books_without_anybody(database: Database) -> None:
    """MDI-10: generate, send, remind, collect, close; INCA-4, INCA-29: the wallet renews by itself."""
    world = DunningWorld(database)
    await world.plan(plan_file())
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    prompt = await world.person("tepat", activated_on=JAN)
    late = await world.person("telat", activated_on=JAN)
    wallet = await world.person("saldo", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 9), billing_day=10)
    async with database.write() as work:
        await work.connection.execute(update(subscribers).values(email="siapa@example.test"))
    clock, recorder = StandingClock(at(JAN)), Recorder()
    policy = SendingPolicy(ZONE, "id", "ISP Contoh", "https://isp.test", time(20), time(7), "isp.test")
    send = SendMessages(database, [way(recorder)], templates(), policy, clock, no_pause)
    arrivals = {  # what a bank or a gateway tells
        date(2026, 1, 5): (prompt, 200_000),
        date(2026, 1, 6): (wallet, 150_000),
        date(2026, 1, 14): (late, 200_000),
    }
    day = JAN
    while day <= date(2026, 2, 1):
        await world.billing.run(as_of=day, now=instant(day, time(0, 5)), actor=ACTOR, by_clock=True)
        await world.run(instant(day, world.policy.standing.isolir_at))
        await RenewPrepaid(database).run(now=at(day, 1), actor=ACTOR)
        await world.run(instant(day, world.policy.remind_at))
        if day in arrivals:
            who, amount = arrivals[day]
            await world.pay(who, amount, day, method="transfer", reference=f"bank-{day}")
        clock.at = at(day, 12)
        while await send.run():
            pass
        day += timedelta(days=1)
    await CloseBooks(database, timezone=ZONE).close("2026-01", actor=ACTOR, now=at(day))
    async with database.read() as work:
        listed = await work.invoices.listed()
        january = [one for one in listed if one.issued_on.month == 1]
    assert {(one.subscriber_no, one.status) for one in january} == {
        (prompt.number, InvoiceStatus.PAID),
        (late.number, InvoiceStatus.PAID),
    }
    assert len(listed) == 4  # February's have begun
    assert await world.balance(wallet) == (50_000, 0)
    steps = [one.step for one in await world.steps(late)]
    assert "isolir" in steps
    assert steps.index("isolir") < steps.index("restored")
    assert "isolir" not in [one.step for one in await world.steps(prompt)]
    told = [message.subject for message in recorder.sent]
    assert sum("agihan" in subject for subject in told) >= 4
    await world.assert_books_hold()
