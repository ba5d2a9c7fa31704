"""Facts, desired state, directory, status and log on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from netbilld.adapters.database import enforcement_due
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, desired, services, sessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.standing import StandingKind
from netbilld.enforcement.policy import PeriodUsage, ServiceStatus
from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt
from netbilld.services.entitle import Entitle
from netbilld.services.log_attempts import LogAttempts
from netbilld.services.order_book import AttemptEnd, NewAttempt, PendingOrder
from tests.enforcement_world import GARDEN, NOW, PERIOD_START, POLICY, World

GB = 10**9


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


async def test_facts_hold_usage_of_the_current_period_open_invoices_and_wallet(world: World) -> None:
    service_id = await world.add_service("budi", static_ip="10.0.0.9", paid_until_on=date(2025, 4, 9))
    other = await world.add_service("siti")
    await world.use(service_id, 5 * GB)
    await world.use(service_id, 9 * GB, date(2025, 2, 10))
    await world.invoice(service_id, date(2025, 3, 16), total=300_000, paid=100_000)
    await world.invoice(service_id, date(2025, 4, 20))
    await world.wallet(service_id, 12_345)
    async with world.database.read() as work:
        (facts,) = await work.enforcement.facts([service_id], POLICY, NOW)
        everyone = await work.enforcement.facts(await work.enforcement.living_services(), POLICY, NOW)
    assert facts.usage == PeriodUsage(PERIOD_START, 0, 5 * GB)
    assert (facts.standing.kind, facts.standing.overdue_minor) == (StandingKind.OVERDUE, 200_000)
    assert facts.standing.until_at == datetime(2025, 4, 20, 17, 30, tzinfo=UTC)
    assert (facts.wallet_minor, facts.paid_until_on, facts.static_ip) == (12_345, date(2025, 4, 9), "10.0.0.9")
    assert facts.plan.speed.down_bps == 20_000_000
    by_id = {found.service_id: found for found in everyone}
    assert by_id[service_id] == facts
    assert by_id[other].standing.kind is StandingKind.CURRENT
    assert (by_id[other].wallet_minor, by_id[other].usage) == (0, None)


async def test_settled_and_credited_invoices_do_not_count(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.pay(await world.invoice(service_id, date(2025, 3, 1)))
    async with world.database.read() as work:
        (facts,) = await work.enforcement.facts([service_id], POLICY, NOW)
    assert facts.standing.kind is StandingKind.CURRENT


async def test_an_ended_service_without_a_name_is_left_out_of_the_whole_and_found_when_asked_for(world: World) -> None:
    ended = {"status": "ended", "ended_at": NOW}
    nameless, named = await world.add_service(**ended), await world.add_service("budi", **ended)
    async with world.database.read() as work:
        assert await work.enforcement.living_services() == [named]
        (facts,) = await work.enforcement.facts([nameless], POLICY, NOW)
        assert await work.enforcement.facts([uuid4()], POLICY, NOW) == []
    assert facts.status is ServiceStatus.ENDED


async def test_the_whole_is_read_page_by_page_with_all_that_is_found_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforcement_due, "ROWS_A_PAGE", 2)
    names = [f"name{number}" for number in range(5)]
    service_ids = [await world.add_service(name, f"other-{name}") for name in names]
    await world.add_service(status="ended", ended_at=NOW)
    for service_id in service_ids[1::2]:
        await world.use(service_id, GB)
        await world.invoice(service_id, date(2025, 3, 1))
        await world.wallet(service_id, 500)
    async with world.database.read() as work:
        store = work.enforcement
        pages = [page async for page in store.everyone(POLICY, NOW)]
        one_by_one = await store.facts(service_ids, POLICY, NOW)
        sealed = [credential async for page in store.every_access_row() for credential in page]
        wanted = await store.access_rows(service_ids)
    assert [len(page) for page in pages] == [2, 2, 1]
    found = {facts.service_id: facts for page in pages for facts in page}
    assert found == {facts.service_id: facts for facts in one_by_one}
    assert {facts.standing.kind for facts in found.values()} == {StandingKind.CURRENT, StandingKind.OVERDUE}
    assert {credential.credential_id: credential for credential in sealed} == {
        credential.credential_id: credential for credential in wanted
    }


async def test_others_are_told_of_what_has_changed_since_they_read_it_too(world: World) -> None:
    """At the start each process reads for itself; only what one of them may have read too early is told."""
    same, used = await world.add_service("budi"), await world.add_service("siti")
    told: list[UUID] = []
    directory = world.directory()
    entitle = Entitle(world.database, directory, world.box, POLICY, GARDEN, tell=told.extend)
    await entitle.load(NOW)
    view = directory.find(b"budi", NOW)
    await world.use(used, GB)
    assert set(await entitle.run(None, "start", NOW)) == {same, used}
    assert told == [used]
    assert (await world.due(same))["access"] == "active"
    assert (await world.due(used))["access"] == "throttled"
    assert directory.find(b"budi", NOW) is view


async def test_what_is_due_is_stored_once_and_since_when_it_changed(world: World) -> None:
    service_id = await world.add_service("budi")
    entitle = world.entitle()
    assert await entitle.run(None, "start", NOW) == [service_id]
    assert await entitle.run(None, "start", NOW + timedelta(seconds=1)) == []
    assert await entitle.run([service_id], "usage", NOW + timedelta(seconds=1)) == []
    assert await entitle.run([service_id], "session.disconnect", NOW + timedelta(seconds=1)) == [service_id]
    assert (await world.due(service_id))["since_at"] == NOW
    await world.use(service_id, GB)
    later = NOW + timedelta(minutes=5)
    assert await entitle.run([service_id], "usage", later) == [service_id]
    due = await world.due(service_id)
    assert (due["access"], due["reason"], due["cause"], due["since_at"]) == ("throttled", "fair_use", "usage", later)
    assert due["until_at"] == datetime(2025, 4, 9, 17, tzinfo=UTC)


async def test_an_edge_that_moves_is_kept_without_a_new_beginning(world: World) -> None:
    service_id = await world.add_service("budi")
    entitle = world.entitle()
    await entitle.run(None, "start", NOW)
    await world.invoice(service_id, date(2025, 4, 1))
    assert await entitle.run([service_id], "usage", NOW + timedelta(seconds=9)) == []
    due = await world.due(service_id)
    assert (due["since_at"], due["cause"]) == (NOW, "start")
    assert due["until_at"] == datetime(2025, 4, 1, 17, 30, tzinfo=UTC)


async def test_time_alone_resets_the_allowance(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.use(service_id, GB)
    entitle = world.entitle()
    await entitle.run(None, "start", NOW)
    reset_at = datetime(2025, 4, 9, 17, tzinfo=UTC)
    assert await entitle.run_due(reset_at - timedelta(seconds=1)) == []
    assert await entitle.run_due(reset_at) == [service_id]
    assert (await world.due(service_id))["access"] == "active"
    assert await entitle.run_due(reset_at) == []


async def test_overdue_comes_by_the_clock_and_goes_with_the_payment(world: World) -> None:
    """BANG-2.6c, contract rule 8."""
    service_id = await world.add_service("budi")
    invoice_id = await world.invoice(service_id, date(2025, 3, 17))
    entitle = world.entitle()
    await entitle.run(None, "start", NOW)
    assert (await world.due(service_id))["access"] == "active"
    isolir_at = datetime(2025, 3, 17, 17, 30, tzinfo=UTC)
    assert await entitle.run_due(isolir_at) == [service_id]
    assert (await world.due(service_id))["access"] == "walled"
    await world.pay(invoice_id)
    assert await entitle.run([service_id], "payment.add", isolir_at) == [service_id]
    assert (await world.due(service_id))["access"] == "active"


async def test_the_directory_follows_names_passwords_and_removal(world: World) -> None:
    service_id = await world.add_service("Budi", "rumah")
    directory = world.directory()
    entitle = world.entitle(directory)
    await entitle.load(NOW)
    view = directory.find(b"BUDI", NOW)
    assert view is not None
    assert (view.password, view.service_id, view.name) == (b"rahasia", service_id, "Budi")
    await world.set(credentials, credentials.c.name_key == "rumah", name="kantor", name_key="kantor")
    await entitle.run([service_id], "usage", NOW)
    assert directory.find(b"rumah", NOW) is not None  # usage changes no names
    await entitle.run([service_id], "subscriber.set", NOW)
    assert directory.find(b"rumah", NOW) is None
    assert directory.find(b"kantor", NOW) is not None
    async with world.database.write() as work:
        await work.connection.execute(credentials.delete())
        await work.connection.execute(desired.delete())
        await work.connection.execute(services.delete())
    await entitle.run([service_id], "import", NOW)
    assert len(directory) == 0


async def test_status_names_the_service_once_and_prefers_the_session_that_differs(world: World) -> None:
    service_id = await world.add_service("budi", "rumah")
    offline = await world.add_service("siti")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    first = await world.log_in(nas_id, service_id, "budi")
    second = await world.log_in(nas_id, service_id, "budi", with_class=False)
    await world.log_in(nas_id, service_id, "budi")
    async with world.database.write() as work:
        await work.enforcement.save_pending(
            [PendingOrder(second, service_id, "11111111", 3, NOW, last_error="no answer from pop1")]
        )
    async with world.database.write() as work:
        await work.connection.execute(
            credentials.insert().values(
                id=uuid4(), service_id=service_id, kind="mac", name="AA:BB:CC:DD:EE:01", name_key="AA:BB:CC:DD:EE:01",
                created_at=NOW,
            )
        )  # fmt: skip
    async with world.database.read() as work:
        lines = await work.enforcement.status()
        assert await work.enforcement.status("RUMAH") == [lines[0]]
        assert await work.enforcement.status("aabb.ccdd.ee01") == [lines[0]]
        assert await work.enforcement.status("nobody") == []
    assert [(line.username, line.service_id) for line in lines] == [("budi", service_id), ("siti", offline)]
    budi, siti = lines
    assert (budi.desired, budi.observed, budi.evidence, budi.session_id, budi.agrees) == (
        "active",
        None,
        None,
        second,
        False,
    )
    assert (budi.attempts, budi.last_error, budi.since) == (3, "no answer from pop1", NOW)
    assert (siti.observed, siti.session_id, siti.agrees, siti.attempts) == (None, None, True, 0)
    assert first < second


async def test_the_history_tells_due_sent_answered_and_seen(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    session_id = await world.log_in(nas_id, service_id, "budi")
    at = [NOW + timedelta(seconds=number) for number in range(10)]
    new = NewAttempt(session_id, service_id, nas_id, "coa", "throttled", "fair_use", "11111111", at[1], at[2])
    async with world.database.write() as work:
        lost, held = await work.enforcement.begin_attempts([new, replace(new, sent_at=at[5])])
        await work.enforcement.end_attempts(
            [
                AttemptEnd(lost, "timed_out", at[4], detail="no answer"),
                AttemptEnd(held, "verified", at[6], verified_at=at[8]),
            ]
        )
    async with world.database.read() as work:
        changes = await work.history.of_services([service_id], 50)
    assert [(change.access, change.cause, [(step.what, step.at) for step in change.steps]) for change in changes] == [
        (
            "throttled",
            None,
            [
                ("due", at[1]),
                ("sent", at[2]),
                ("timed_out", at[4]),
                ("sent", at[5]),
                ("acked", at[6]),
                ("seen", at[8]),
            ],
        ),
        ("active", "start", [("due", at[0])]),
        ("active", "login", [("seen", at[0])]),
    ]
    steps = changes[0].steps
    assert (steps[5].evidence, steps[2].detail, changes[2].steps[0].evidence) == ("traffic", "no answer", "login")


async def test_attempts_are_logged_in_batches_listed_and_bounded(world: World) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    buffer = AttemptBuffer()
    for number in range(2_500):
        name = b"Budi" if number % 2 else b"\xff\x00\x1b[2J"
        buffer.append(
            LoginAttempt(NOW + timedelta(seconds=number), nas_id, name, None, "pap", "reject", "unknown_user", 120)
        )
    log = LogAttempts(world.database, buffer, keep_rows=1_000)
    assert await log.run() == 2_500
    assert await log.run() == 0
    async with world.database.read() as work:
        newest = await work.auth_log.list(limit=2)
        named = await work.auth_log.list("BUDI", 5_000)
    assert (newest[0].username, newest[0].nas, newest[0].latency_us) == ("Budi", "pop1", 120)
    assert newest[0].at == NOW + timedelta(seconds=2_499)
    assert newest[1].username == "\ufffd\ufffd\x1b[2J"
    assert {attempt.username for attempt in named} == {"Budi"}
    async with world.database.write() as work:
        await work.auth_log.prune(1_000)
        assert len(await work.auth_log.list(limit=5_000)) == 1_000


async def test_a_nas_is_heard_by_whom_it_lets_in_and_not_by_who_is_refused(world: World) -> None:
    """Anyone can send what is refused; a password that fits was sent by one who knows the NAS's secret."""
    first, second = await world.add_nas("pop1", "192.0.2.1", 3799), await world.add_nas("pop2", "192.0.2.2", 3799)
    buffer = AttemptBuffer()
    log = LogAttempts(world.database, buffer, keep_rows=1_000)
    for seconds in (0, 4, 15):
        at = NOW + timedelta(seconds=seconds)
        buffer.append(LoginAttempt(at, first, b"budi", None, "pap", "accept", "ok", 120))
        buffer.append(LoginAttempt(at, second, b"budi", None, "pap", "reject", "wrong_password", 120))
        await log.run()
    async with world.database.read() as work:
        heard = {nas.name: nas.last_heard_at for nas in await work.nas.all()}
    assert heard == {"pop1": NOW + timedelta(seconds=15), "pop2": None}


async def test_what_the_database_refuses_waits_for_the_next_time(world: World) -> None:
    buffer = AttemptBuffer()
    buffer.append(LoginAttempt(NOW, uuid4(), b"budi", None, "pap", "accept", "ok", 1))
    await world.database.close()
    broken = Database(f"sqlite+aiosqlite:///{uuid4()}/missing/netbilld.db")
    with pytest.raises(Exception, match="database"):
        await LogAttempts(broken, buffer, 1_000).run()
    await broken.close()
    assert len(buffer) == 1
    assert await LogAttempts(world.database, buffer, 1_000).run() == 1


async def test_a_session_gone_from_its_nas_is_closed_at_its_last_sign_of_life(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    session_id = await world.log_in(await world.add_nas("pop1", "192.0.2.1", 3799), service_id, "budi")
    await world.set(sessions, sessions.c.id == session_id, updated_at=NOW + timedelta(seconds=42))
    async with world.database.write() as work:
        await work.enforcement.close_as_lost([session_id])
    (row,) = await world.rows(sessions)
    assert (row["state"], row["terminate_cause"], row["stopped_at"]) == ("stale", "lost", NOW + timedelta(seconds=42))
