"""What should have come about and has not is told once, and so is when it has; on both databases."""

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas, pending_orders, services
from netbilld.adapters.secretbox import SecretBox
from netbilld.cli.commands import enforce_command
from netbilld.cli.context import Context
from netbilld.cli.main import Parser
from netbilld.services.follow_effects import FollowEffects
from netbilld.services.order_book import AttemptEnd, NewAttempt, PendingOrder
from netbilld.services.raise_alerts import AlertKind, AlertPolicy, RaiseAlerts, Trouble
from tests.enforcement_world import NOW, World

POLICY = AlertPolicy(done_seconds=60, return_seconds=180, silent_seconds=30)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


class Desk:
    """One service online on one NAS, and whoever hears of alerts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alerts = RaiseAlerts(world.database, world.clock, POLICY)
        self.told: list[tuple[str, bool, str]] = []
        self.alerts.on_alert = self._hear

    def _hear(self, trouble: Trouble, at: datetime, raised: bool) -> None:
        assert at == self.world.clock.now()
        self.told.append((trouble.kind.value, raised, trouble.text))

    async def open(self, **status: str) -> "Desk":
        self.service_id = await self.world.add_service("budi", **status)
        await self.world.entitle().run(None, "start", NOW)
        self.nas_id = await self.world.add_nas("pop1", "192.0.2.1", 3799)
        self.session_id = await self.world.log_in(self.nas_id, self.service_id, "budi")
        return self

    async def become(self, status: str, cause: str) -> None:
        await self.world.set(services, services.c.id == self.service_id, status=status)
        await self.world.entitle().run([self.service_id], cause, self.world.clock.now())

    async def pend(self, attempts: int, error: str | None = None, alerted_at: datetime | None = None) -> None:
        due = await self.world.due(self.service_id)
        now = self.world.clock.now()
        order = PendingOrder(
            self.session_id, self.service_id, due["profile_key"], attempts, now, last_error=error, alerted_at=alerted_at
        )
        async with self.world.database.write() as work:
            await work.enforcement.save_pending([order])

    async def send(self, outcome: str) -> None:
        due, now = await self.world.due(self.service_id), self.world.clock.now()
        new = NewAttempt(
            self.session_id, self.service_id, self.nas_id, "disconnect", due["access"], due["reason"],
            due["profile_key"], due["since_at"], now,
        )  # fmt: skip
        async with self.world.database.write() as work:
            (attempt_id,) = await work.enforcement.begin_attempts([new])
            await work.enforcement.end_attempts([AttemptEnd(attempt_id, outcome, now, detail="no answer from pop1")])

    async def look(self, after_seconds: float = 0) -> list[str]:
        self.world.clock.pass_time(seconds=after_seconds)
        self.told = []
        await self.alerts.look()
        return [f"{'+' if raised else '-'}{kind}" for kind, raised, _text in self.told]


async def test_an_order_that_is_only_waiting_or_under_way_is_no_alert(world: World) -> None:
    desk = await Desk(world).open()
    await desk.become("suspended", "subscriber.suspend")
    assert await desk.look() == []
    await desk.pend(0)
    assert await desk.look(600) == []
    await desk.pend(1)
    assert await desk.look(1) == []


async def test_a_session_that_stays_out_is_told_once_and_cleared_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    desk = await Desk(world).open()
    await desk.become("suspended", "subscriber.suspend")
    await desk.pend(3, "refused: session not found")
    assert await desk.look(59) == []
    with caplog.at_level(logging.INFO, "netbilld.enforcement"):
        assert await desk.look(1) == ["+not_done"]
    assert "'budi' on NAS pop1: what is due is not done: walled: refused: session not found" in caplog.text
    assert await desk.look(600) == []
    assert desk.alerts.now_open[AlertKind.NOT_DONE] == 1
    again = Desk(world)  # another process knows it already
    assert await again.look() == []
    async with world.database.write() as work:
        await work.enforcement.drop_pending([desk.session_id])
    assert await again.look() == ["-not_done"]
    assert await again.look() == []
    async with world.database.read() as work:
        (alert,) = await work.alerts.newest(10)
        assert await work.alerts.open() == []
    assert (alert.trouble.username, alert.trouble.nas) == ("budi", "pop1")
    assert alert.cleared_at is not None
    assert (alert.cleared_at - alert.raised_at).total_seconds() == 600


async def test_the_end_of_the_ladder_waits_for_no_time(world: World) -> None:
    desk = await Desk(world).open()
    await desk.become("suspended", "subscriber.suspend")
    await desk.pend(1, "every order was tried", NOW)
    assert await desk.look(1) == ["+not_done"]


async def test_a_nas_that_answers_nothing_is_named_with_whom_it_keeps_waiting(world: World) -> None:
    desk = await Desk(world).open()
    await desk.become("suspended", "subscriber.suspend")
    await desk.pend(1, "no answer from pop1")
    await desk.send("timed_out")
    assert await desk.look(29) == []
    await desk.send("timed_out")
    assert await desk.look(1) == ["+no_orders"]
    assert desk.told[0][2] == "NAS pop1: takes no orders: no answer from pop1"
    assert await desk.look(30) == ["+not_done"]  # one try is enough to tell by, where the NAS takes none
    await desk.send("acked")
    assert await desk.look(1) == ["-no_orders", "-not_done"]


async def test_a_restored_service_that_does_not_come_back_is_told_after_its_time(world: World) -> None:
    desk = await Desk(world).open(status="suspended")
    await desk.become("active", "payment.add")
    await desk.send("acked")
    world.clock.pass_time(seconds=1)
    await world.log_out(desk.session_id)
    follow = FollowEffects(world.database, world.clock)
    await follow.look()
    assert await desk.look(179) == []
    assert await desk.look(1) == ["+not_back"]
    assert "'budi' on NAS pop1: has not come back after its restoration" in desk.told[0][2]
    world.clock.pass_time(seconds=30)
    await world.log_in(desk.nas_id, desk.service_id, "budi")
    await follow.look()
    assert await desk.look() == ["-not_back"]


async def test_a_removed_nas_leaves_no_alert_of_its_own(world: World) -> None:
    desk = await Desk(world).open()
    await desk.become("suspended", "subscriber.suspend")
    await desk.pend(2)
    await desk.send("timed_out")
    await desk.send("timed_out")
    assert await desk.look(31) == ["+no_orders"]
    await world.set(nas, nas.c.id == desk.nas_id, removed_at=world.clock.now())
    await world.set(pending_orders, pending_orders.c.session_id == desk.session_id, attempts=0)
    assert await desk.look() == ["-no_orders"]


async def test_the_command_line_tells_history_effects_and_alerts(
    world: World, tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NETBILLD_CONFIG", raising=False)
    config = tmp_path / "netbilld.toml"
    config.write_text(f'data_dir = "{tmp_path}"\ndatabase_url = "{migrated_url}"\ntimezone = "Asia/Jakarta"\n')

    async def said(*words: str) -> str:
        parser = Parser()
        enforce_command.configure(parser)
        options = parser.parse_args([*words, "--config", str(config)])
        await enforce_command.run(options, Context(config=config, json_wanted=getattr(options, "json", False)))
        return capsys.readouterr().out

    assert json.loads(await said("alerts", "--json")) == []
    desk = await Desk(world).open()
    world.clock.pass_time(seconds=10)
    await desk.become("suspended", "subscriber.suspend")
    await desk.pend(3, "refused")
    await desk.send("acked")
    await desk.look(60)
    (alert,) = json.loads(await said("alerts", "--json"))
    assert (alert["kind"], alert["username"], alert["nas"], alert["cleared_at"]) == ("not_done", "budi", "pop1", None)
    assert "what is due is not done" in await said("alerts")
    newest, *_ = json.loads(await said("history", "BUDI", "--json"))
    assert (newest["access"], newest["cause"], newest["ending"]) == ("walled", "command", None)
    assert [step["step"] for step in newest["steps"]] == ["due", "sent", "acked"]
    await world.log_out(desk.session_id)
    async with world.database.write() as work:
        await work.enforcement.settle([desk.session_id], world.clock.now())
    await FollowEffects(world.database, world.clock).look()
    newest, *_ = json.loads(await said("history", "budi", "--json"))
    assert (newest["ending"], newest["seen_seconds"]) == ("seen", 60.0)
    assert "+60.00 s" in await said("history", "budi")
    hours = str((datetime.now(NOW.tzinfo) - NOW) / timedelta(hours=1) + 1)
    monkeypatch.setattr(enforce_command, "MOST_HOURS", 10**6)
    figures = json.loads(await said("effects", "--hours", hours, "--json"))
    assert figures["endings"] == {"seen": 1}
    (by_cause,) = figures["by_cause"]
    assert (by_cause["cause"], by_cause["seen"]["p95"], figures["by_nas"][0]["nas"]) == ("command", 60.0, "pop1")
    assert "60.00" in await said("effects", "--hours", hours)
