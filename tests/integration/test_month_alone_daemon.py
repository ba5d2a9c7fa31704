"""A month of the daemon, as it is composed, whose clock a test moves on: its own schedule does everything."""

import asyncio
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from netbilld.adapters.clock import NodeClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, outbox
from netbilld.billing.invoice import InvoiceStatus
from netbilld.daemon import bookkeeping, compose, dunning, messaging, run, schedule, tasks
from netbilld.daemon.bookkeeping import Bookkeeping
from netbilld.daemon.run import Daemon
from netbilld.daemon.settings import Settings
from netbilld.model.actor import Actor
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.run_dunning import RunDunning
from tests.integration.dunning_world import DunningWorld, instant
from tests.integration.money_world import ZONE, Person, plan_file
from tests.mail_server import MailServer, mail_server
from tests.peers import free_tcp_port, free_udp_port
from tests.typed_commands import typed_commands

pytestmark = pytest.mark.slow
JAN, LAST = date(2026, 1, 1), date(2026, 2, 11)
BANK = Actor("bank", "api")
QUICK_SECONDS = 0.02  # from one look at the clock to the next


class Calendar(NodeClock):
    """The clock of everything that is composed; only a test moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.at = instant(JAN, time(0, 1))

    def own(self) -> datetime:
        return self.at


class Rounds:
    """What the daemon has done by itself, each by the time that its clock showed when it began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Calendar) -> None:
        self._monkeypatch, self._clock = monkeypatch, clock
        self._began: dict[str, list[datetime]] = defaultdict(list)

    def watch(self, name: str, owner: type, method: str) -> None:
        """Note each time that a method has been run to its end."""
        original = getattr(owner, method)

        async def watched(*args: Any, **options: Any) -> Any:
            began = self._clock.at
            outcome = await original(*args, **options)
            self._began[name].append(began)
            return outcome

        self._monkeypatch.setattr(owner, method, watched)

    async def done(self, *names: str) -> None:
        """Wait until each of these has been begun at the time that it is now, and ended."""
        for name in names:
            async with asyncio.timeout(60):
                while not (self._began[name] and self._began[name][-1] >= self._clock.at):
                    await asyncio.sleep(QUICK_SECONDS / 2)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loops that look at the clock do so at once."""
    original = tasks.every

    def quick(seconds: float, step: Any, wake: asyncio.Event | None = None) -> Any:
        return original(min(seconds, QUICK_SECONDS), step, wake)

    for module in (run, dunning):
        monkeypatch.setattr(module, "every", quick)
    for owner, name in (
        (schedule, "LONGEST_SLEEP_SECONDS"),
        (dunning, "LOOK_SECONDS"),
        (bookkeeping, "SETTLE_SECONDS"),
        (messaging, "LOOK_SECONDS"),
    ):
        monkeypatch.setattr(owner, name, QUICK_SECONDS)


def test_a_month_runs_in_the_daemon_from_bills_to_closed_books_and_nobody_clicks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MDI-10: generate, send, remind, collect, close; KAMIL-4: the bill run fires at the set time."""
    typed_commands(tmp_path, monkeypatch, capsys)
    for name, value in {
        "RADIUS__HOST": "127.0.0.1",
        "RADIUS__AUTH_PORT": free_udp_port(),
        "RADIUS__ACCT_PORT": free_udp_port(),
        "PANEL__PORT": free_tcp_port(),
        "PORTAL__HOST": "127.0.0.1",
        "PORTAL__PORT": free_tcp_port(),
        "BILLING__CLOSE_AFTER_DAYS": 5,
        "SMTP__HOST": "127.0.0.1",
        "SMTP__SECURITY": "none",
        "SMTP__SENDER": "tagihan@isp.test",
        "MESSAGES__PER_MINUTE": 6000,
    }.items():
        monkeypatch.setenv(f"NETBILLD_{name}", str(value))
    hurry(monkeypatch)
    asyncio.run(month(monkeypatch))


async def month(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Calendar()
    rounds = Rounds(monkeypatch, clock)
    rounds.watch("bill", Daemon, "_bill")
    rounds.watch("renew", Daemon, "_renew")
    rounds.watch("dun", RunDunning, "run")
    rounds.watch("settle", RunDunning, "settle")
    rounds.watch("close", Bookkeeping, "close_months")
    monkeypatch.setattr(compose, "NodeClock", lambda: clock)
    async with mail_server(MailServer()) as server:
        monkeypatch.setenv("NETBILLD_SMTP__PORT", str(server.port))
        settings = Settings()
        database = Database(settings.resolved_database_url)
        world = DunningWorld(database)
        await world.plan(plan_file())
        await world.plan(plan_file("PRA", 100_000, "prepaid"))
        prompt = await world.person("tepat", activated_on=JAN)
        late = await world.person("telat", activated_on=JAN)
        wallet = await world.person("saldo", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 9), billing_day=10)
        for who in (prompt, late, wallet):
            await world.set(who, email=f"{who.username}@example.test")
        daemon = Daemon(await compose.compose(settings, lambda: None))
        serving = asyncio.create_task(daemon.run())
        try:
            paying = {date(2026, 1, 5): (prompt, 200_000), date(2026, 1, 6): (wallet, 150_000)}
            paying[date(2026, 1, 14)] = (late, 200_000)
            await live(world, clock, rounds, paying)
        finally:
            daemon.stop()
            await serving
        await assert_done_by_nobody(world, server, prompt, late, wallet)
        await database.close()


async def live(world: DunningWorld, clock: Calendar, rounds: Rounds, paying: dict[date, tuple[Person, int]]) -> None:
    """Let the days pass; all that is done from outside is what a bank or a gateway tells."""
    payments = ReceivePayment(world.database, timezone=ZONE)
    day = JAN
    while day <= LAST:
        clock.at = instant(day, time(0, 5))
        await rounds.done("bill", "renew")
        clock.at = instant(day, time(0, 30))
        await rounds.done("dun")
        clock.at = instant(day, time(3, 30))
        await rounds.done("close")
        clock.at = instant(day, time(8))
        await rounds.done("dun")
        clock.at = instant(day, time(12))
        if day in paying:
            who, amount = paying[day]
            told = {"method": "transfer", "reference": f"bank-{day}", "received_on": day}
            await payments.run(who.username, amount, actor=BANK, now=clock.at, **told)  # type: ignore[arg-type]
        await rounds.done("settle", "renew")
        await all_sent(world.database)
        day += timedelta(days=1)


async def all_sent(database: Database) -> None:
    async with asyncio.timeout(60):
        while True:
            async with database.read() as work:
                waiting = select(outbox.c.id).where(outbox.c.state.in_(("queued", "sending", "failed"))).limit(1)
                if (await work.connection.execute(waiting)).first() is None:
                    return
            await asyncio.sleep(QUICK_SECONDS)


async def assert_done_by_nobody(
    world: DunningWorld, server: MailServer, prompt: Person, late: Person, wallet: Person
) -> None:
    async with world.database.read() as work:
        listed = await work.invoices.listed()
        closed_until_on = await work.closings.closed_until_on()
        by_whom = select(changes.c.action, changes.c.origin).where(changes.c.at < instant(LAST, time(23))).distinct()
        acted = {(row.action, row.origin) for row in await work.connection.execute(by_whom)}
    january = {(one.subscriber_no, one.issued_on, one.status) for one in listed if one.issued_on.month == 1}
    assert january == {(who.number, JAN, InvoiceStatus.PAID) for who in (prompt, late)}
    assert {(one.subscriber_no, one.issued_on) for one in listed if one.issued_on.month == 2} == {
        (who.number, date(2026, 2, 1)) for who in (prompt, late)
    }
    assert closed_until_on == date(2026, 1, 31)
    assert await world.balance(wallet) == (50_000, 0)
    steps = [step.step for step in await world.steps(late)]
    told = ["reminder -7", "reminder -3", "reminder +0", "warning", "isolir", "reminder +3", "restored"]
    assert steps[: len(told)] == told
    assert "isolir" not in [step.step for step in await world.steps(prompt) if step.on.month == 1]
    subjects = [mail["Subject"] for mail in server.to("telat@example.test")]
    assert len(set(subjects)) >= 5
    assert any("diisolir" in subject for subject in subjects)
    clicked = {action for action, origin in acted if origin not in {"schedule", "api"}}
    assert clicked == {"plan.add"}, "which was before the month"
    assert {"payment.add", "service.renew", "ledger.close"} <= {action for action, _ in acted}
    await world.assert_books_hold()
