"""A person is told of every service that its NAS keeps from what is due, also where the NAS says otherwise."""

from netbilld.adapters.database.tables import sessions
from netbilld.services.order_book import Alert
from tests.enforcement_shop import Shop, online, shop

__all__ = ["shop"]


def listen(shop: Shop) -> list[str]:
    told: list[str] = []

    def hear(alerts: object) -> None:
        assert isinstance(alerts, list)
        told.extend(f"{alert.username} on {alert.nas}: {alert.words}" for alert in alerts if isinstance(alert, Alert))

    shop.reconcile.on_alert = hear
    return told


async def test_a_session_that_its_nas_denies_and_goes_on_reporting_is_not_believed_gone_twice(shop: Shop) -> None:
    async with online(shop, "budi", answer="nak", error_cause=503) as (server, (service_id,), (session_id,)):
        told = listen(shop)
        await shop.wall(service_id)
        await shop.settle()
        (row,) = await shop.world.rows(sessions)
        assert row["state"] == "stale", "believed once"
        shop.world.clock.pass_time(seconds=10)
        now = shop.world.clock.now()
        await shop.world.set(sessions, sessions.c.id == session_id, state="live", stopped_at=None, updated_at=now)
        shop.reconcile.nudge([service_id])
        await shop.settle(2)
        (row,) = await shop.world.rows(sessions)
        assert row["state"] == "live"
        assert len(server.orders) == 2
        assert told == [
            f"budi on pop-{server.port}: its NAS says that it has no such session, and goes on reporting it"
        ]
        assert (await shop.world.pending())[0]["alerted_at"] is not None
        await shop.settle(3)
        assert len(server.orders) == 2, "after a long pause only"


async def test_of_every_service_behind_a_silent_nas_somebody_is_told_once(shop: Shop) -> None:
    async with online(shop, "budi", "siti", "agus", "wati", answer="silent") as (server, service_ids, _):
        told = listen(shop)
        for service_id in service_ids:
            await shop.world.use(service_id, 10**9)
        await shop.decide()
        for _ in range(8):
            await shop.settle()
            shop.world.clock.pass_time(seconds=40)
        assert sorted(line.partition(" ")[0] for line in told) == ["agus", "budi", "siti", "wati"]
        server.answer = "ack"
        for _ in range(4):
            await shop.settle()
            shop.world.clock.pass_time(seconds=301)
        assert await shop.world.pending() == []
        assert len(told) == 4
