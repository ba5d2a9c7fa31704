"""What was acknowledged and what was seen: NAS that lie are caught, climbed past, and told of; over real sockets."""

from dataclasses import replace
from datetime import timedelta

from netbilld.adapters.database.tables import enforcement_attempts, nas, sessions
from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.profile import Access
from netbilld.services.order_book import Alert, Proof
from netbilld.services.order_news import OrderNews
from netbilld.services.plan_order import wish_key
from tests.enforcement_shop import Shop, online, shop

FULL_SPEED = 20_000_000 // 8


__all__ = ["shop"]


async def proof(shop: Shop, session_id: int, words: str = "", evidence: Evidence = Evidence.API) -> Proof:
    """Return what somebody has just seen, held against what is due now."""
    async with shop.world.database.read() as work:
        (session,) = await work.enforcement.sessions_of((), [session_id])
    return Proof(session_id, evidence, shop.world.clock.now(), wish_key(session), words)


def heard_alerts(shop: Shop) -> list[Alert]:
    heard: list[Alert] = []
    shop.reconcile.on_alert = heard.extend
    return heard


async def alerts(shop: Shop) -> list[Alert]:
    async with shop.world.database.read() as work:
        return list(await work.enforcement.alerts())


async def state(shop: Shop) -> tuple[bool, bool]:
    async with shop.world.database.read() as work:
        (line,) = await work.enforcement.status()
    return line.agrees, line.acknowledged


async def test_an_acknowledged_rate_is_acknowledged_and_no_more_until_it_was_read_back(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        assert await state(shop) == (False, True)
        shop.world.clock.pass_time(seconds=1)
        news: list[OrderNews] = []
        shop.reconcile.on_orders = news.extend
        assert await shop.reconcile.confirmed([await proof(shop, session_id)]) == 1
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "api")
        assert await shop.world.attempts() == [("coa", "verified")]
        assert await state(shop) == (True, False)
        assert [(one.step, one.access) for one in news] == [("seen", "throttled")]
        assert await shop.reconcile.confirmed([await proof(shop, session_id)]) == 0  # that is known
        shop.world.clock.pass_time(seconds=31)
        await shop.settle(2)
        assert len(server.orders) == 1


async def test_what_was_seen_of_an_older_wish_says_nothing_of_a_newer_one_however_late_it_was_seen(shop: Shop) -> None:
    """A look that began before the newer wish was on record, though it had been decided on, ends after that."""
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        as_before = await proof(shop, session_id)
        await shop.throttle(service_id)
        shop.world.clock.pass_time(seconds=1)
        late = replace(as_before, at=shop.world.clock.now())
        assert await shop.reconcile.confirmed([late]) == 0
        assert await shop.reconcile.disproved([late]) == 0
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa"]
        assert await state(shop) == (False, True)


async def test_a_nas_that_lies_about_a_rate_is_caught_by_traffic_and_the_session_is_ended(shop: Shop) -> None:
    """Field ask 1: ACK received, and the subscriber goes on at full speed."""
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        acked_at = shop.world.clock.now()
        minute = timedelta(seconds=60)
        shop.world.clock.pass_time(seconds=130)
        start = acked_at + minute
        await shop.world.measure(session_id, start, start + minute, FULL_SPEED * 60)
        assert await shop.reconcile.observe_traffic([session_id]) == 0
        assert await shop.world.attempts() == [("coa", "disproved")]
        (pending,) = await shop.world.pending()
        assert pending["last_error"].startswith("acknowledged, but measured 20.0 Mbit/s down")
        assert (await shop.world.seen(session_id))[1] == "unsure"
        shop.world.clock.pass_time(seconds=1)
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa", "disconnect"]
        async with shop.world.database.read() as work:
            changes = await work.history.of_services([service_id], 10)
        steps = [step for change in reversed(changes) for step in change.steps]
        assert [step.what for step in steps if step.what in {"acked", "disproved"}] == ["acked", "disproved", "acked"]


async def test_what_is_still_settling_or_within_a_burst_is_held_against_nobody(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        acked_at = shop.world.clock.now()
        seconds = timedelta(seconds=1)
        shop.world.clock.pass_time(seconds=600)
        await shop.world.measure(session_id, acked_at + seconds, acked_at + 60 * seconds, FULL_SPEED * 59)
        await shop.reconcile.observe_traffic([session_id])
        await shop.world.measure(session_id, acked_at + 61 * seconds, acked_at + 64 * seconds, FULL_SPEED * 3)
        await shop.reconcile.observe_traffic([session_id])
        assert await shop.world.attempts() == [("coa", "acked")]
        await shop.settle()
        assert len(server.orders) == 1


async def test_a_session_that_reports_on_after_its_acknowledged_end_climbs_and_somebody_is_told_once(
    shop: Shop,
) -> None:
    """Field ask 2: the suspend button does nothing, and nobody is told."""
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        heard = heard_alerts(shop)
        await shop.wall(service_id)
        await shop.settle()
        shop.world.clock.pass_time(seconds=16)
        await shop.world.set(sessions, sessions.c.id == session_id, updated_at=shop.world.clock.now())
        await shop.settle()
        assert await shop.world.attempts() == [("disconnect", "disproved")]
        (alert,) = heard
        assert (alert.username, alert.nas, alert.access) == ("budi", f"pop-{server.port}", "walled")
        assert alert.words == "the end of the session was acknowledged, but it goes on reporting"
        assert [one.session_id for one in await alerts(shop)] == [session_id]
        shop.world.clock.pass_time(seconds=200)
        await shop.settle()
        assert len(server.orders) == 1  # a long pause
        shop.world.clock.pass_time(seconds=101)
        await shop.settle()
        assert len(server.orders) == 2
        assert len(heard) == 1
        await shop.world.log_out(session_id)
        await shop.settle()
        assert await alerts(shop) == []


async def test_the_rung_that_was_reached_survives_a_restart(shop: Shop) -> None:
    async with online(shop, "budi", answer="nak", error_cause=401, disconnect_answer="silent") as (
        server,
        (service_id,),
        _,
    ):
        await shop.throttle(service_id)
        await shop.settle(2)
        assert [order.kind for order in server.orders] == ["coa", "disconnect"]
        shop.restart()
        await shop.reconcile.recover()
        shop.world.clock.pass_time(seconds=11)
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa", "disconnect", "disconnect"]


async def test_silence_is_told_of_after_three_tries_and_heard_again_begins_with_the_first_rung(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), (session_id,)):
        heard = heard_alerts(shop)
        await shop.throttle(service_id)
        for _ in range(3):
            await shop.settle()
            shop.world.clock.pass_time(seconds=30)
        (alert,) = heard
        assert alert.words == f"no answer from pop-{server.port} after 2 tries"
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa", "coa", "coa", "disconnect"]
        server.answer = "ack"
        (row,) = await shop.world.rows(nas)
        await shop.reconcile.nas_heard(row["id"])
        await shop.settle()
        assert server.orders[-1].kind == "coa"
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        assert await alerts(shop) == []


async def test_what_is_lost_again_after_agreement_is_repaired_more_and_more_slowly_and_told(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        heard = heard_alerts(shop)
        await shop.throttle(service_id)
        await shop.settle()
        shop.world.clock.pass_time(seconds=1)
        await shop.reconcile.confirmed([await proof(shop, session_id)])
        sent = []
        for _ in range(40):
            shop.world.clock.pass_time(seconds=5)
            before = len(server.orders)
            await shop.reconcile.disproved([await proof(shop, session_id, "its queue is 20M/20M")])
            await shop.settle()
            if len(server.orders) > before:
                sent.append(server.orders[-1].kind)
                shop.world.clock.pass_time(seconds=1)
                await shop.reconcile.confirmed([await proof(shop, session_id)])
        # 240 seconds of somebody undoing it every 5: at once, and then less and less often
        assert 4 <= len(sent) <= 9, sent
        (alert,) = heard
        assert alert.words == "its queue is 20M/20M"


async def test_evidence_older_than_the_wish_or_the_order_says_nothing(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        old = await proof(shop, session_id, "its queue is 10M/20M")
        shop.world.clock.pass_time(seconds=1)
        await shop.throttle(service_id)
        await shop.settle()
        assert await shop.reconcile.disproved([old]) == 0
        assert await shop.reconcile.confirmed([old]) == 0
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        between = replace(old, at=shop.world.clock.now() - timedelta(milliseconds=1))
        assert await shop.reconcile.disproved([between]) == 0
        assert await shop.reconcile.disproved([await proof(shop, session_id)]) == 1
        assert await shop.reconcile.disproved([await proof(shop, session_id)]) == 0  # it is on its way
        assert len(server.orders) == 1


async def test_a_person_who_changed_the_router_is_found_out_and_it_is_put_right(shop: Shop) -> None:
    async with online(shop, "budi") as (server, _, (session_id,)):
        shop.world.clock.pass_time(seconds=600)
        await shop.reconcile.disproved([await proof(shop, session_id, "its queue is 50M/50M")])
        await shop.settle()
        (order,) = server.orders
        assert (order.kind, order.rate) == ("coa", "10M/20M")
        shop.world.clock.pass_time(seconds=1)
        await shop.reconcile.confirmed([await proof(shop, session_id)])
        assert await shop.world.seen(session_id) == (Access.ACTIVE, "api")
        assert await shop.world.pending() == []


async def test_a_nas_that_can_not_be_asked_is_told_of_at_once(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        heard = heard_alerts(shop)
        await shop.world.set(nas, nas.c.name == f"pop-{server.port}", coa_port=0)
        await shop.wall(service_id)
        await shop.settle(2)
        (alert,) = heard
        assert (alert.action, alert.session_id) == (None, session_id)
        assert "no CoA port" in alert.words
        assert await shop.world.rows(enforcement_attempts) == []


async def test_a_nas_that_lies_after_a_quiet_hour_is_caught_all_the_same(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        minute = timedelta(seconds=60)
        shop.world.clock.pass_time(seconds=60)
        start = shop.world.clock.now()
        shop.world.clock.pass_time(seconds=60)
        await shop.world.measure(session_id, start, start + minute, 5_000)
        assert await shop.reconcile.observe_traffic([session_id]) == 1
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "traffic")
        shop.world.clock.pass_time(seconds=120)
        await shop.world.measure(session_id, start + 2 * minute, start + 3 * minute, FULL_SPEED * 60)
        assert await shop.reconcile.observe_traffic([session_id]) == 0
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa", "coa"]
