"""Due and seen brought together over real sockets and both databases, with NAS that misbehave on demand."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from netbilld.adapters.database.tables import nas, services, sessions
from netbilld.enforcement.profile import Access
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.services.manage_nas import ManageNas
from tests.coa_server import CoaServer
from tests.enforcement_shop import Shop, online, shop
from tests.enforcement_world import PERIOD_START
from tests.peers import free_udp_port

__all__ = ["shop"]
GB = 10**9
STAFF = Actor("siti@example.org", "192.0.2.7")


async def test_a_crossed_allowance_becomes_a_coa_and_is_seen_as_acknowledged(shop: Shop) -> None:
    """BANG-2.2b: from usage to the order."""
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        (order,) = server.orders
        assert (order.kind, order.username, order.rate) == ("coa", "budi", "1M/2M")
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        assert await shop.world.attempts() == [("coa", "acked")]
        assert await shop.world.pending() == []
        shop.world.clock.pass_time(seconds=31)
        await shop.settle(2)
        assert len(server.received) == 1


async def test_isolir_disconnects_and_the_next_log_in_is_seen_inside_the_walls(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.wall(service_id)
        await shop.settle()
        assert [order.kind for order in server.orders] == ["disconnect"]
        assert await shop.world.attempts() == [("disconnect", "acked")]
        assert len(await shop.world.pending()) == 1  # an answer is not the end of a session
        await shop.world.log_out(session_id)
        nas_id = (await shop.world.rows(nas))[0]["id"]
        again = await shop.world.log_in(nas_id, service_id, "budi")
        shop.reconcile.nudge([service_id])
        await shop.settle()
        assert await shop.world.pending() == []
        assert await shop.world.attempts() == [("disconnect", "verified")]
        assert await shop.world.seen(again) == (Access.WALLED, "login")
        assert len(server.orders) == 1


async def test_a_payment_brings_the_walled_session_down_so_that_it_comes_back_free(shop: Shop) -> None:
    async with online(shop, "siti") as (server, (service_id,), _):
        invoice_id = await shop.wall(service_id)
        await shop.settle()
        await shop.world.log_out(1)
        nas_id = (await shop.world.rows(nas))[0]["id"]
        walled = await shop.world.log_in(nas_id, service_id, "siti")
        shop.reconcile.nudge([service_id])
        await shop.settle()
        await shop.world.pay(invoice_id)
        await shop.decide("payment.add")
        await shop.settle()
        assert [order.kind for order in server.orders] == ["disconnect", "disconnect"]
        assert [row["session_id"] for row in await shop.world.pending()] == [walled]


async def test_a_disconnect_that_was_acknowledged_but_never_stopped_is_asked_again_and_then_found_gone(
    shop: Shop,
) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.wall(service_id)
        await shop.settle()
        shop.world.clock.pass_time(seconds=14)
        await shop.settle()
        assert len(server.orders) == 1
        server.answer = "nak"
        shop.world.clock.pass_time(seconds=2)
        await shop.settle()
        assert len(server.orders) == 2
        (row,) = await shop.world.rows(sessions)
        assert (row["state"], row["terminate_cause"]) == ("stale", "lost")
        assert await shop.world.pending() == []
        assert (await shop.world.attempts())[-1] == ("disconnect", "verified")
        assert session_id == row["id"]


async def test_a_refused_coa_is_followed_at_once_by_a_disconnect(shop: Shop) -> None:
    async with online(shop, "budi", answer="nak", error_cause=401, disconnect_answer="ack") as (
        server,
        (service_id,),
        _,
    ):
        await shop.throttle(service_id)
        await shop.settle(2)
        assert [order.kind for order in server.orders] == ["coa", "disconnect"]
        assert await shop.world.attempts() == [("coa", "nacked"), ("disconnect", "acked")]


async def test_a_nas_short_of_resources_is_asked_the_same_again_later(shop: Shop) -> None:
    async with online(shop, "budi", answer="nak", error_cause=506) as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle(2)
        assert [order.kind for order in server.orders] == ["coa"]
        (pending,) = await shop.world.pending()
        assert "506 resources unavailable" in pending["last_error"]
        server.answer = "ack"
        shop.world.clock.pass_time(seconds=5)
        await shop.settle()
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")


async def test_silence_is_retried_with_growing_pauses_until_the_nas_is_back(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle(2)
        assert len(server.orders) == 1
        assert await shop.world.seen(session_id) == (Access.ACTIVE, "unsure")
        shop.world.clock.pass_time(seconds=5)
        await shop.settle(2)
        shop.world.clock.pass_time(seconds=5)
        await shop.settle()
        assert len(server.orders) == 2  # the second pause is twice the first
        (pending,) = await shop.world.pending()
        assert (pending["attempts"], pending["last_error"]) == (2, f"no answer from pop-{server.port} after 2 tries")
        server.answer = "ack"
        shop.world.clock.pass_time(seconds=5)
        await shop.settle()
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        assert await shop.world.attempts() == [("coa", "timed_out"), ("coa", "timed_out"), ("coa", "acked")]
        shop.world.clock.pass_time(seconds=600)
        await shop.settle(2)
        assert len(server.orders) == 3


async def test_an_order_that_may_have_taken_effect_is_taken_back_when_the_wish_is_withdrawn(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        await shop.world.forget_usage(service_id)
        await shop.decide()
        server.answer = "ack"
        await shop.settle()
        assert [order.rate for order in server.orders] == ["1M/2M", "10M/20M"]
        assert await shop.world.seen(session_id) == (Access.ACTIVE, "ack")


async def test_an_answer_with_the_wrong_authenticator_counts_as_none(shop: Shop) -> None:
    async with online(shop, "budi", answer="wrong_secret") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        (pending,) = await shop.world.pending()
        assert pending["last_error"] == f"pop-{server.port} answers with another secret"
        assert (await shop.world.seen(session_id))[1] == "unsure"


async def test_a_newer_wish_waits_for_no_pause_and_replaces_the_older_one(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), _):
        await shop.throttle(service_id)
        await shop.settle()
        server.answer = "ack"
        await shop.wall(service_id)
        await shop.settle()
        assert [order.kind for order in server.orders] == ["coa", "disconnect"]
        (pending,) = await shop.world.pending()
        assert (pending["attempts"], pending["last_error"]) == (1, None)


async def test_a_restart_between_order_and_answer_loses_nothing_and_repeats_once(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        under_way = asyncio.ensure_future(shop.reconcile.run_once())
        await until(lambda: bool(server.received))
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        assert await shop.world.attempts() == [("coa", "sent")]
        server.answer = "ack"
        shop.restart()
        await shop.reconcile.recover()
        await shop.settle(2)
        assert len(server.orders) == 2
        assert await shop.world.attempts() == [("coa", "failed"), ("coa", "acked")]
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        shop.restart()
        await shop.reconcile.recover()
        await shop.settle(2)
        assert len(server.orders) == 2


async def test_a_restart_keeps_the_pause_of_an_order_that_waits(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), _):
        await shop.throttle(service_id)
        await shop.settle()
        server.answer = "ack"
        shop.restart()
        await shop.reconcile.recover()
        await shop.settle()
        assert len(server.orders) == 1
        shop.world.clock.pass_time(seconds=5)
        await shop.settle()
        assert len(server.orders) == 2


async def test_a_dead_nas_delays_nobody_elses_subscribers(shop: Shop) -> None:
    names = [f"u{number}" for number in range(20)]
    async with (
        online(shop, *names, answer="silent") as (dead, dead_services, _),
        online(shop, "budi", "siti", host="127.0.0.2") as (alive, alive_services, alive_sessions),
    ):
        for service_id in dead_services + alive_services:
            await shop.world.use(service_id, GB)
        await shop.decide()
        running = asyncio.ensure_future(shop.reconcile.run_once())
        await until(lambda: len(alive.orders) == 2)
        assert not running.done()  # the dead one's tries are still being waited for
        assert len(dead.orders) <= 16
        await running
        for session_id in alive_sessions:
            assert await shop.world.seen(session_id) == (Access.THROTTLED, "ack")
        dead.answer = "ack"
        shop.world.clock.pass_time(seconds=6)
        await shop.settle(3)
        assert {order.username for order in dead.orders} == set(names)
        assert await shop.world.pending() == []


async def test_a_nas_that_answers_again_gets_all_that_waits_for_it_at_once(shop: Shop) -> None:
    async with online(shop, "a", "b", "c", answer="silent") as (server, service_ids, _):
        for service_id in service_ids:
            await shop.world.use(service_id, GB)
        await shop.decide()
        await shop.settle()
        shop.world.clock.pass_time(seconds=5)
        await shop.settle()  # a second try: the next one is ten seconds off
        server.answer = "ack"
        shop.world.clock.pass_time(seconds=1)
        (nas_row,) = await shop.world.rows(nas)
        await shop.reconcile.nas_heard(nas_row["id"])
        await shop.settle()
        assert await shop.world.pending() == []


async def test_orders_for_one_service_do_not_overlap(shop: Shop) -> None:
    async with online(shop, "budi", answer="silent") as (server, (service_id,), _):
        (nas_row,) = await shop.world.rows(nas)
        await shop.world.log_in(nas_row["id"], service_id, "budi")
        await shop.throttle(service_id)
        running = asyncio.ensure_future(shop.reconcile.run_once())
        await until(lambda: bool(server.received))
        assert len({order.attributes[44][0] for order in server.orders}) == 1
        server.answer = "ack"
        await running
        assert len({order.attributes[44][0] for order in server.orders}) == 2


async def test_a_session_that_staff_want_ended_is_ended_whatever_it_is_due(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        await shop.world.set(sessions, sessions.c.id == session_id, disconnect_requested_at=shop.world.clock.now())
        shop.reconcile.nudge([service_id])
        await shop.settle()
        assert [order.kind for order in server.orders] == ["disconnect"]
        await shop.world.log_out(session_id)
        await shop.settle()
        assert await shop.world.pending() == []


async def test_a_session_of_nobody_can_be_ended_too(shop: Shop) -> None:
    async with online(shop, "budi") as (server, _, _):
        (nas_row,) = await shop.world.rows(nas)
        stray = await shop.world.log_in(nas_row["id"], None, "stray", disconnect_requested_at=shop.world.clock.now())
        shop.reconcile.nudge(session_ids=[stray])
        await shop.settle()
        assert [order.username for order in server.orders] == ["stray"]


async def test_a_blocked_service_is_cut_and_stays_out(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), _):
        await shop.world.set(services, services.c.id == service_id, status="ended", ended_at=shop.world.clock.now())
        await shop.decide("subscriber.terminate")
        await shop.settle()
        assert [order.kind for order in server.orders] == ["disconnect"]


async def test_a_nas_without_a_coa_port_is_said_once_and_tried_when_it_has_one(shop: Shop) -> None:
    async with CoaServer() as server:
        nas_id = await shop.world.add_nas("pop1", server.host, 0)
        service_id = await shop.world.add_service("budi")
        await shop.decide("start")
        await shop.world.log_in(nas_id, service_id, "budi")
        await shop.throttle(service_id)
        await shop.settle(2)
        (pending,) = await shop.world.pending()
        assert pending["attempts"] == 0
        assert "no CoA port" in pending["last_error"]
        await shop.world.set(nas, nas.c.id == nas_id, coa_port=server.port)
        await shop.reconcile.nas_heard(nas_id)
        await shop.settle()
        assert await shop.world.attempts() == [("coa", "acked")]
        assert await shop.world.pending() == []


async def test_a_nas_that_keeps_no_class_is_not_sent_in_circles(shop: Shop) -> None:
    async with CoaServer() as server:
        nas_id = await shop.world.add_nas("pop1", server.host, server.port)
        service_id = await shop.world.add_service("budi")
        await shop.wall(service_id)
        shop.world.clock.pass_time(seconds=60)
        session_id = await shop.world.log_in(nas_id, service_id, "budi", with_class=False)
        shop.reconcile.nudge([service_id])
        await shop.settle(2)
        assert server.received == []
        assert await shop.world.seen(session_id) == (Access.WALLED, "login")


async def test_traffic_under_the_new_rate_upgrades_the_evidence(shop: Shop) -> None:
    async with online(shop, "budi") as (_, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        acked_at = shop.world.clock.now()
        minute = timedelta(seconds=60)
        await shop.world.measure(session_id, acked_at - timedelta(seconds=1), acked_at + minute, 1_000)
        assert await shop.reconcile.observe_traffic([session_id]) == 0
        too_fast = 2_000_000 * 60 // 8 * 12 // 10
        await shop.world.measure(session_id, acked_at + minute, acked_at + 2 * minute, too_fast)
        assert await shop.reconcile.observe_traffic([session_id]) == 0
        await shop.world.measure(session_id, acked_at + 2 * minute, acked_at + 3 * minute, 1_000_000)
        assert await shop.reconcile.observe_traffic([session_id]) == 1
        assert await shop.world.seen(session_id) == (Access.THROTTLED, "traffic")
        assert await shop.world.attempts() == [("coa", "verified")]
        assert await shop.reconcile.observe_traffic([session_id]) == 0


async def test_a_session_that_ended_before_its_order_left_is_let_go(shop: Shop) -> None:
    async with online(shop, "budi", "siti", answer="silent") as (server, service_ids, session_ids):
        # both must wait for each other's turn: silence leaves room for one order at a time
        for service_id in service_ids:
            await shop.world.use(service_id, GB)
        await shop.decide()
        await shop.settle()
        for session_id in session_ids:
            await shop.world.log_out(session_id)
        server.received.clear()
        shop.world.clock.pass_time(seconds=60)
        await shop.settle(2)
        assert server.received == []
        assert await shop.world.pending() == []


async def test_the_running_loop_answers_a_nudge_at_once_and_comes_back_for_what_waits(shop: Shop) -> None:
    async with online(shop, "budi") as (server, (service_id,), (session_id,)):
        loop = asyncio.ensure_future(shop.reconcile.run())
        try:
            await shop.throttle(service_id)
            await until(lambda: bool(server.received))
            await until_seen(shop, session_id, (Access.THROTTLED, "ack"))
            server.answer = "silent"
            await shop.world.forget_usage(service_id)
            await shop.decide()
            await until(lambda: len(server.orders) == 2)
            server.answer = "ack"
            shop.world.clock.pass_time(seconds=6)
            shop.reconcile.nudge()
            await until_seen(shop, session_id, (Access.ACTIVE, "ack"))
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)


async def test_a_hundred_services_are_throttled_and_restored_with_one_order_each(shop: Shop) -> None:
    names = [f"u{number}" for number in range(100)]
    async with online(shop, *names) as (server, service_ids, _):
        for service_id in service_ids:
            await shop.world.use(service_id, GB)
        await shop.decide()
        await shop.settle()
        assert len(server.orders) == 100
        for service_id in service_ids:
            await shop.world.forget_usage(service_id)
        await shop.decide()
        await shop.settle(2)
        assert len(server.orders) == 200
        assert await shop.world.pending() == []


async def test_a_nas_where_nothing_listens_is_named(shop: Shop) -> None:
    nas_id = await shop.world.add_nas("pop9", "127.0.0.1", port := free_udp_port())
    service_id = await shop.world.add_service("budi")
    await shop.decide("start")
    await shop.world.log_in(nas_id, service_id, "budi")
    await shop.throttle(service_id)
    await shop.settle()
    (pending,) = await shop.world.pending()
    assert pending["last_error"] == f"nothing listens on pop9 UDP port {port}"
    async with shop.world.database.read() as work:
        (line,) = await work.enforcement.status("budi")
    assert (line.desired, line.observed, line.evidence, line.agrees) == ("throttled", "active", "unsure", False)
    assert (line.attempts, line.since.date()) == (1, PERIOD_START + timedelta(days=7))


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


async def until_seen(shop: Shop, session_id: int, wanted: tuple[Access, str]) -> None:
    deadline = time.monotonic() + 20
    while await shop.world.seen(session_id) != wanted:
        assert time.monotonic() < deadline, f"waited in vain for {wanted}"
        await asyncio.sleep(0.01)


async def test_orders_for_a_nas_that_is_removed_are_said_to_be_and_hang_nothing(shop: Shop) -> None:
    """Issue 5, bad input: a NAS removed while orders are pending."""
    async with online(shop, "budi", answer="silent") as (server, (service_id,), (session_id,)):
        await shop.throttle(service_id)
        await shop.settle()
        sent = len(server.received)
        assert sent
        manage = ManageNas(shop.world.database, shop.world.box)
        with pytest.raises(RefusedError, match="has 1 open sessions, and 1 orders wait for it"):
            await manage.remove(f"pop-{server.port}", STAFF, shop.world.clock.now())
        assert await manage.remove(f"pop-{server.port}", STAFF, shop.world.clock.now(), force=True) == 1
        (row,) = await shop.world.rows(nas)
        await shop.reconcile.nas_heard(row["id"])  # as the daemon does after a change of a NAS
        await shop.settle(2)
        (pending,) = await shop.world.pending()
        assert (pending["session_id"], pending["last_error"]) == (session_id, "the NAS was removed")
        assert len(server.received) == sent
    async with online(shop, "siti") as (other, (second,), _):
        await shop.throttle(second)
        await shop.settle()
        assert [order.username for order in other.orders] == ["siti"]
