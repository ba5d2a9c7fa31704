import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from netbilld.accounting.fold import SessionFold
from netbilld.accounting.session import Session
from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.metered_sessions import MeteredSessions
from netbilld.adapters.database.sessions import SessionStore
from netbilld.adapters.database.tables import nas, observed, sessions, usage_hours, usage_periods, usage_slices
from netbilld.model.errors import NetbilldError
from netbilld.radius import attributes as a
from netbilld.radius.grant import Grant
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import add_nas, metering, prepared
from tests.integration.money_world import PER_USE, plan_file

GIB4 = 2**32


class KilledError(BaseException):
    """Nothing handles a kill -9."""


def _killed_before(method: Callable[..., Awaitable[Any]], kill: Callable[[], None]) -> Callable[..., Awaitable[Any]]:
    async def killed(*values: Any) -> Any:
        kill()
        return await method(*values)

    return killed


async def test_a_session_is_metered_to_its_service_hour_and_billing_period(database: Database, tmp_path: Path) -> None:
    """MAIN PATH: journal → session → slices → hours → period, exact above 4 GiB (INCA-1)."""
    async with metering(database, tmp_path) as m:
        (budi,) = await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 1800, up=GIB4 + 5, down=3 * GIB4)
        await m.hear("interim", 5400, up=GIB4 + 7, down=3 * GIB4 + 100)
        await m.hear("stop", 6000, up=GIB4 + 9, down=3 * GIB4 + 101, cause=1)
        (batch,) = await m.run()
        assert (batch.applied, batch.touched_service_ids, batch.behind) == (4, frozenset((budi.service_id,)), False)
        assert batch.new_session_ids == batch.ended_session_ids == (1,)
        truth = (GIB4 + 9, 3 * GIB4 + 101)
        assert set((await m.sums()).values()) == {truth}
        (session,) = await m.rows(sessions)
        assert (session.service_id, session.state, session.terminate_cause) == (
            budi.service_id,
            "closed",
            "User-Request",
        )
        assert [(s.upload_octets, s.estimated) for s in await m.rows(usage_slices)] == [
            (GIB4 + 5, False),
            (1, True),
            (1, True),
            (2, False),
        ]
        hours = await m.rows(usage_hours)
        assert [h.hour_at for h in hours] == [
            datetime(2026, 3, 10, 3, tzinfo=UTC),
            datetime(2026, 3, 10, 4, tzinfo=UTC),
        ]
        (period,) = await m.rows(usage_periods)
        assert (period.start_on, period.end_on) == (date(2026, 3, 1), date(2026, 4, 1))


async def test_killed_between_any_two_statements_and_run_again_nothing_is_lost_or_doubled(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with metering(database, tmp_path) as m:
        (budi,) = await prepared(m, "budi", plan=PER_USE)
        truth = (7 * GIB4 + 11, 9 * GIB4 + 13)
        await m.hear("start", grant=Grant(budi.service_id, "active", "abcdef12"))
        await m.hear("interim", 300, up=GIB4, down=GIB4)
        await m.hear("start", 310, session_id="other", user="siti", mac=None, ip=None)
        await m.hear("interim", 4000, up=truth[0], down=truth[1])
        survived = 0
        for fatal in range(1, 200):
            count = 0

            def kill(*_: object, fatal: int = fatal) -> None:
                nonlocal count
                count += 1
                if count == fatal:
                    raise KilledError

            engine = database.engine.sync_engine
            event.listen(engine, "before_cursor_execute", kill)
            event.listen(engine, "commit", kill)
            try:
                with monkeypatch.context() as patched:
                    for name in ("fetch", "execute", "append"):
                        patched.setattr(Driver, name, _killed_before(getattr(Driver, name), kill))
                    batch = await m.new_meter().run_batch()
            except KilledError:
                survived += 1
                continue
            finally:
                event.remove(engine, "before_cursor_execute", kill)
                event.remove(engine, "commit", kill)
            assert batch.applied == 4
            break
        assert survived > 15
        assert (await m.new_meter().run_batch()).applied == 0
        sums = await m.sums()
        assert {sums["slices"], sums["hours"], sums["periods"]} == {truth}
        total_minor = ((truth[0] + truth[1]) * 3000 * 2 + 10**9) // (2 * 10**9)
        (period,) = await m.rows(usage_periods)
        assert period.charged_minor == total_minor
        assert await m.world.balance(budi) == (-total_minor, 0)
        assert len(await m.rows(observed)) == 1
        await m.world.assert_books_hold()


async def test_a_crash_after_the_commit_repeats_nothing(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 300, up=5, down=6)
        first = m.meter
        await first.run_batch()
        await m.hear("interim", 600, up=50, down=60)
        assert (await m.new_meter().run_batch()).applied == 1
        # another has applied it meanwhile: the first one sees that and does nothing
        assert (await first.run_batch()).applied == 0
        assert (await first.run_batch()).behind is False
        assert set((await m.sums()).values()) == {(50, 60)}


async def test_usage_is_charged_as_half_up_of_the_total_less_what_was_charged(
    database: Database, tmp_path: Path
) -> None:
    """Contract rule 2: never rounded slice by slice."""
    async with metering(database, tmp_path, batch_records=1) as m:
        (budi,) = await prepared(m, "budi", plan=PER_USE)
        await m.world.pay(budi, 10_000, date(2026, 3, 10))
        await m.hear("start")
        for number in range(1, 8):  # each a third of a rupiah and a little
            await m.hear("interim", 60 * number, up=0, down=120_000 * number)
        await m.run()
        total_minor = 3  # 840,000 octets at 3,000 a GB are 2.52
        assert await m.world.balance(budi) == (10_000 - total_minor, 0)
        (period,) = await m.rows(usage_periods)
        (hour,) = await m.rows(usage_hours)
        assert period.charged_minor == hour.charged_minor == total_minor
        await m.world.assert_books_hold()


async def test_a_delta_over_the_billing_day_is_counted_in_both_periods(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await add_nas(database)
        await m.world.plan(plan_file())
        await m.world.person("budi", activated_on=date(2026, 3, 1), billing_day=11)
        edge = (datetime(2026, 3, 10, 17, tzinfo=UTC) - T0).total_seconds()  # 00:00 on the 11th in Jakarta
        await m.hear("start", edge - 600, seconds=None)
        await m.hear("interim", edge + 300, up=90, down=901, seconds=900)
        await m.run()
        assert [(p.start_on, p.upload_octets, p.download_octets) for p in await m.rows(usage_periods)] == [
            (date(2026, 2, 11), 60, 600),
            (date(2026, 3, 11), 30, 301),
        ]


async def test_a_name_that_is_nobodys_is_metered_without_a_service(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m)
        await m.hear("start", user="hantu")
        await m.hear("interim", 300, user="hantu", up=5, down=6)
        (batch,) = await m.run()
        assert batch.touched_service_ids == frozenset()
        sums = await m.sums()
        assert (sums["slices"], sums["hours"]) == ((5, 6), (0, 0))
        hantu = await m.world.person("hantu", activated_on=date(2026, 3, 1))
        await m.hear("interim", 600, user="HANTU", up=15, down=26)
        (batch,) = await m.run()
        assert batch.touched_service_ids == {hantu.service_id}
        assert (await m.sums())["hours"] == (10, 20)


async def test_the_class_tells_what_was_given_only_where_the_user_name_agrees(
    database: Database, tmp_path: Path
) -> None:
    """mikrotik §7.10."""
    async with metering(database, tmp_path) as m:
        budi, siti = await prepared(m, "budi", "siti")
        await m.hear("start", grant=Grant(budi.service_id, "throttled", "abcdef12"))
        await m.hear(
            "start",
            1,
            session_id="b",
            user="siti",
            mac=None,
            ip=None,
            grant=Grant(budi.service_id, "active", "abcdef12"),
        )
        await m.hear("start", 2, session_id="c", user="siti", mac=None, ip=None, extra=((a.CLASS, b"theirs"),))
        await m.run()
        (row,) = await m.rows(observed)
        assert (row.session_id, row.service_id, row.access, row.profile_key, row.evidence) == (
            1,
            budi.service_id,
            "throttled",
            "abcdef12",
            "login",
        )
        assert [s.service_id for s in await m.rows(sessions)] == [budi.service_id, siti.service_id, siti.service_id]


async def test_the_class_alone_tells_whose_a_session_is_where_the_name_is_nobodys(
    database: Database, tmp_path: Path
) -> None:
    """Log-ins without their realm, by a DHCP line, or with another name outside a tunnel."""
    async with metering(database, tmp_path) as m:
        (budi,) = await prepared(m, "budi")
        grant = Grant(budi.service_id, "active", "abcdef12")
        await m.hear("start", user="budi@rumah.example", grant=grant)
        await m.hear("interim", 300, user="budi@rumah.example", up=5, down=6, grant=grant)
        nobody = Grant(UUID(int=99), "active", "abcdef12")
        await m.hear("start", 1, session_id="b", user="hantu", mac=None, ip=None, grant=nobody)
        await m.run()
        assert [s.service_id for s in await m.rows(sessions)] == [budi.service_id, None]
        assert (await m.sums())["hours"] == (5, 6)
        assert [row.service_id for row in await m.rows(observed)] == [budi.service_id]


async def test_a_nas_is_noted_as_heard_with_what_it_says_of_itself(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m)
        said = ((a.NAS_IP_ADDRESS, b"\x0a\0\0\1"), (a.NAS_IDENTIFIER, b"MikroTik"))
        await m.hear("start", 7, extra=said)
        await m.run()
        (row,) = await m.rows(nas)
        assert (row.reported_ip, row.identifier, row.last_heard_at) == (
            "10.0.0.1",
            "MikroTik",
            T0 + timedelta(seconds=7),
        )


async def test_records_of_a_nas_that_is_not_in_the_books_are_passed_over(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m)
        await m.hear("start", nas_id=UUID(int=404))
        await m.hear(9, 1)  # a tunnel
        await m.hear("start", 2)
        await m.run()
        assert m.meter.unknown_nas == 1
        assert [s.id for s in await m.rows(sessions)] == [3]
        assert (await m.new_meter().run_batch()).applied == 0


async def test_a_record_our_rules_fail_on_is_parked_and_stops_nobody(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = SessionFold.apply

    def fails(self: SessionFold, record: Any, new_id: int) -> Any:
        if record.username == "siti":
            raise ZeroDivisionError
        return apply(self, record, new_id)

    monkeypatch.setattr(SessionFold, "apply", fails)
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi", "siti")
        await m.hear("start", user="siti", session_id="s")
        await m.hear("stop", 60, up=5, down=6)
        await m.run()
        assert m.meter.parked == 1
        assert (await m.sums())["hours"] == (5, 6)


async def test_a_record_that_fails_is_parked_once_however_often_its_batch_is_taken_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, move = SessionFold.apply, MeteredSessions.move
    given_up = 0

    def fails(self: SessionFold, record: Any, new_id: int) -> Any:
        if record.username == "siti":
            raise ZeroDivisionError
        return apply(self, record, new_id)

    async def outdated(self: MeteredSessions, stepped: Any, advanced: Any) -> bool:
        nonlocal given_up
        given_up += 1
        return given_up > 7 and await move(self, stepped, advanced)

    monkeypatch.setattr(SessionFold, "apply", fails)
    monkeypatch.setattr(MeteredSessions, "move", outdated)
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi", "siti")
        await m.hear("start", user="siti", session_id="s")
        await m.hear("stop", 60, up=5, down=6)
        await m.run()
        assert given_up == 8
        assert m.meter.parked == 1
        assert (await m.sums())["hours"] == (5, 6)


async def test_sessions_of_two_journals_never_share_an_id(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path / "a") as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.run()
    async with metering(database, tmp_path / "b") as m:
        await m.hear("start", 900, session_id="b", mac=None, ip=None)
        await m.run()
        assert [s.id for s in await m.rows(sessions)] == [1, (1 << 40) + 1]


async def test_a_journal_older_than_the_database_is_refused(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m)
        await m.hear("start")
        await m.run()
        identity = m.journal.identity
    for path in tmp_path.glob("*.journal"):
        path.unlink()
    async with metering(database, tmp_path) as m:
        assert m.journal.identity == identity
        with pytest.raises(NetbilldError, match="older than the database"):
            await m.meter.run_batch()


async def test_many_sessions_over_a_bad_network_in_small_batches_add_up_to_the_octet(
    database: Database, tmp_path: Path
) -> None:
    """Field ask 5 through the whole meter: doubled, lost and late reports, gigawords, batches of 7."""
    chance = random.Random(7)
    async with metering(database, tmp_path, batch_records=7) as m:
        people = await prepared(m, *[f"user{n}" for n in range(5)])
        truth = [0, 0]
        arriving: list[tuple[float, int, str, dict[str, Any]]] = []
        for number in range(40):
            who = number % len(people)
            begun = 4000.0 * (number // len(people))
            same: dict[str, Any] = {
                "session_id": f"{number:08x}",
                "user": f"user{who}",
                "mac": f"AA:BB:CC:00:00:0{who}",
                "ip": f"10.0.0.{who}",
            }
            arriving.append((begun, len(arriving), "start", {**same, "seconds": None}))
            up = down = 0
            for step in range(1, 6):
                up += chance.randrange(2 * GIB4)
                down += chance.randrange(3 * GIB4)
                status = "stop" if step == 5 else "interim"
                if status == "interim" and chance.random() < 0.3:
                    continue
                for _ in range(2 if chance.random() < 0.2 else 1):
                    delay = chance.choice([0, 0, 0, 3, 700])
                    told = {**same, "up": up, "down": down, "seconds": step * 300, "delay": delay}
                    arriving.append((begun + step * 300 + delay, len(arriving), status, told))
            truth = [truth[0] + up, truth[1] + down]
        for at, _, status, told in sorted(arriving, key=lambda one: one[:2]):
            await m.hear(status, at, **told)
        await m.run()
        assert set((await m.sums()).values()) == {tuple(truth)}
        rows = await m.rows(sessions)
        assert (len(rows), {row.state for row in rows}) == (40, {"closed"})
        assert rows[0].nas_id == NAS


@pytest.mark.parametrize("name", [b"bu\0di", b"\0", b"\xff\x00\xfe", b"\xed\xa0\x80"])
async def test_a_name_that_no_database_holds_stops_nobodys_metering(
    database: Database, tmp_path: Path, name: bytes
) -> None:
    """PostgreSQL refuses a NUL; one such packet must not end all metering behind it."""
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("interim", 300, session_id=name, user=name, mac=None, ip=None, up=7, down=8, seconds=300)
        await m.hear("interim", 300, up=GIB4, down=GIB4, seconds=300)
        await m.run()
        assert (await m.sums())["slices"] == (GIB4 + 7, GIB4 + 8)
        assert m.meter.parked == 0


async def test_a_record_that_fails_is_parked_and_all_others_are_metered(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        for number in range(1, 6):
            await m.hear("interim", 300, session_id=f"s{number}", mac=None, ip=None, up=number, down=0, seconds=300)
        insert = SessionStore.insert

        async def failing(store: SessionStore, new: Sequence[Session]) -> None:
            if any(session.acct_session_id == "s3" for session in new):
                raise ZeroDivisionError
            await insert(store, new)

        monkeypatch.setattr(SessionStore, "insert", failing)
        await m.run()
        assert (m.meter.applied, m.meter.parked) == (4, 1)
        assert (await m.sums())["slices"] == (1 + 2 + 4 + 5, 0)
        assert "journal record 3" in caplog.text
        assert (await m.new_meter().run_batch()).applied == 0
