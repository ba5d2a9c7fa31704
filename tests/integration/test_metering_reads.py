from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.services.reap_sessions import ReapSessions
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import SITI, ZONE, metering, two_people


async def test_sessions_are_listed_open_ones_only_or_with_their_history(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        budi, siti = await two_people(m)
        async with database.read() as work:
            assert [line.username for line in await work.sessions.list_sessions()] == ["siti"]
            everyone = await work.sessions.list_sessions(open_only=False)
            assert [(line.username, line.nas, line.state) for line in everyone] == [
                ("siti", "gerbang", "live"),
                ("budi", "gerbang", "closed"),
            ]
            assert [
                line.id for line in await work.sessions.list_sessions(service_id=budi.service_id, open_only=False)
            ] == [1]
            assert [line.id for line in await work.sessions.list_sessions(username="SITI")] == [4]
            assert await work.sessions.list_sessions(username="budi") == []
            line = await work.sessions.get(4)
            assert line is not None
            assert (line.service_id, line.framed_ip, line.mac, line.download_octets, line.download_bps) == (
                siti.service_id,
                "10.0.0.8",
                "AA:BB:CC:00:00:02",
                9000,
                240,
            )
            assert (line.started_at, line.updated_at, line.stopped_at) == (
                T0 + timedelta(seconds=100),
                T0 + timedelta(seconds=400),
                None,
            )
            assert await work.sessions.get(99) is None
            assert await work.sessions.open_count() == 1
            assert list(await work.sessions.open_of_services([budi.service_id, siti.service_id])) == [siti.service_id]


async def test_an_address_leads_to_open_sessions_with_where_their_nas_lets_requests_come_from(
    database: Database, tmp_path: Path
) -> None:
    async with metering(database, tmp_path) as m:
        _, siti = await two_people(m)
        async with database.read() as work:
            (found,) = await work.sessions.by_framed_ip("10.0.0.8")
            assert (found.service_id, found.portal_sources) == (siti.service_id, ("10.0.0.0/24",))
            assert await work.sessions.by_framed_ip("10.0.0.7") == []


async def test_a_disconnect_can_be_asked_for_an_open_session_only(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await two_people(m)
        async with database.write() as work:
            assert await work.sessions.request_disconnect(4, "ani", T0) is True
            assert await work.sessions.request_disconnect(4, "budi", T0 + timedelta(hours=1)) is True
            assert await work.sessions.request_disconnect(1, "ani", T0) is False
            line = await work.sessions.get(4)
        assert line is not None
        assert (line.disconnect_requested_at, line.disconnect_requested_by) == (T0, "ani")
        await m.hear(
            "interim",
            700,
            up=8,
            down=9001,
            seconds=600,
            **SITI,
        )
        await m.run()
        async with database.read() as work:
            line = await work.sessions.get(4)
        assert line is not None
        assert line.disconnect_requested_at == T0


async def test_usage_is_shown_by_hour_day_month_and_session(database: Database, tmp_path: Path) -> None:
    """Field ask 6: a session that lasts for days shows on each of them."""
    async with metering(database, tmp_path) as m:
        budi, _ = await two_people(m)
        from_at = datetime(2026, 2, 28, 17, tzinfo=UTC)
        month_of = (budi.service_id, date(2026, 3, 1), date(2026, 4, 1))
        async with database.read() as work:
            total = await work.usage.totals(*month_of, ZONE)
            hours = await work.usage.buckets(*month_of, "hour", ZONE)
            days = await work.usage.buckets(*month_of, "day", ZONE)
            (month,) = await work.usage.buckets(*month_of, "month", ZONE)
            (session,) = await work.usage.buckets(*month_of, "session", ZONE)
            period = await work.usage.period_usage(budi.service_id, date(2026, 3, 31))
            assert await work.usage.period_usage(budi.service_id, date(2026, 4, 1)) is None
        assert (total.upload_octets, total.download_octets) == (61, 601)
        assert [(b.start_at, b.download_octets) for b in hours[:2]] == [(T0, 400), (T0 + timedelta(hours=1), 200)]
        assert {b.start_at for b in days} <= {
            datetime(2026, 3, 9, 17, tzinfo=UTC),
            datetime(2026, 3, 10, 17, tzinfo=UTC),
        }
        assert sum(b.download_octets for b in days) == 601
        assert (month.start_at, month.download_octets) == (from_at, 601)
        assert (session.start_at, session.session_id, session.download_octets, session.charged_minor) == (
            T0,
            1,
            601,
            None,
        )
        assert period is not None
        assert (period.start_on, period.download_octets) == (date(2026, 3, 1), 601)


async def test_the_top_is_who_moved_most(database: Database, tmp_path: Path) -> None:
    """INCA-2."""
    async with metering(database, tmp_path) as m:
        budi, siti = await two_people(m)
        async with database.read() as work:
            first_on, end_on = date(2026, 3, 9), date(2026, 3, 13)
            top = await work.usage.top(first_on, end_on, 5)
            first = await work.usage.top(first_on, end_on, 1)
            uploads = await work.usage.top(first_on, end_on, 5, direction="up")
            there = await work.usage.top(first_on, end_on, 5, nas_id=NAS)
            elsewhere = await work.usage.top(first_on, end_on, 5, nas_id=UUID(int=9))
        assert [(t.username, t.subscriber_no, t.download_octets) for t in top] == [
            ("siti", siti.number, 9000),
            ("budi", budi.number, 601),
        ]
        assert first == top[:1]
        assert [t.upload_octets for t in uploads] == sorted((t.upload_octets for t in top), reverse=True)
        assert there == top
        assert elsewhere == []


async def test_silent_sessions_become_late_and_then_are_closed_with_their_last_counters(
    database: Database, tmp_path: Path
) -> None:
    """Field ask 4: a stale session neither locks anybody out nor bills anything."""
    async with metering(database, tmp_path) as m:
        _, siti = await two_people(m)
        reap = ReapSessions(database, SilencePolicy(interim_seconds=300, least_seconds=900))
        heard_at = T0 + timedelta(seconds=400)
        assert (await reap.run(heard_at + timedelta(seconds=200), T0)).late_session_ids == ()
        late = await reap.run(heard_at + timedelta(seconds=500), T0)
        assert (late.late_session_ids, late.closed_session_ids) == ((4,), ())
        assert (await reap.run(heard_at + timedelta(seconds=600), T0)).late_session_ids == ()
        deaf = await reap.run(heard_at + timedelta(hours=9), heard_at + timedelta(hours=9))
        assert deaf.closed_session_ids == ()
        dead = await reap.run(heard_at + timedelta(seconds=1000), T0)
        assert (dead.closed_session_ids, dead.service_ids) == ((4,), frozenset((siti.service_id,)))
        session = (await m.rows(sessions))[1]
        assert (session.state, session.stopped_at, session.terminate_cause, session.download_octets) == (
            "stale",
            heard_at,
            "lost",
            9000,
        )
        await m.hear(
            "interim",
            4000,
            up=8,
            down=9001,
            seconds=3900,
            **SITI,
        )
        (batch,) = await m.run()
        assert batch.touched_service_ids == {siti.service_id}
        session = (await m.rows(sessions))[1]
        assert (session.state, session.stopped_at, session.download_octets) == ("live", None, 9001)
