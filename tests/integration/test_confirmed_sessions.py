"""Silent sessions: their NAS is asked before they are given up."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions, usage_slices
from netbilld.ports.ask_nas import AskNas, NasAnswer, Presence
from netbilld.services.confirm_sessions import ConfirmSessions
from netbilld.services.reap_sessions import Reaped, ReapSessions
from netbilld.services.record_reading import RecordReading
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import Metering, metering, prepared

SILENT_AT = T0 + timedelta(hours=2)


class Shows:
    """A NAS that shows of each session, by user name, what it is told to."""

    def __init__(self, **shown: tuple[Presence, int | None]) -> None:
        self.shown = shown
        self.asked: list[list[str]] = []

    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        assert nas_id == NAS
        self.asked.append(sorted(session.username for session in sessions))
        return {
            session.id: NasAnswer(presence, SILENT_AT, "api", octets, octets, 7200)
            for session in sessions
            if session.username in self.shown
            for presence, octets in [self.shown[session.username]]
        }


class Hangs:
    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        del nas_id, sessions
        await asyncio.Event().wait()
        raise AssertionError


class Fails:
    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        raise OSError(f"{nas_id} {len(sessions)}")


async def silent(m: Metering, *names: str) -> None:
    await prepared(m, *names)
    for number, name in enumerate(names):
        who: dict[str, Any] = {
            "user": name,
            "session_id": name,
            "mac": f"AA:BB:CC:00:01:{number:02X}",
            "ip": f"10.0.1.{number + 1}",
        }
        await m.hear("start", **who)
        await m.hear("interim", 300, up=10, down=100, **who)
    await m.run()


def reaper(m: Metering, *ways: AskNas, ask_seconds: float = 5) -> tuple[ReapSessions, ConfirmSessions]:
    confirm = ConfirmSessions(RecordReading(m.journal), ways, ask_seconds)
    return ReapSessions(m.database, SilencePolicy(interim_seconds=300, least_seconds=900), confirm), confirm


async def run(m: Metering, reap: ReapSessions, at: datetime = SILENT_AT) -> Reaped:
    reaped = await reap.run(at, T0)
    await m.journal.drain()
    await m.run()
    return reaped


async def states(m: Metering) -> dict[str, str]:
    return {row.username: row.state for row in await m.rows(sessions)}


async def test_what_its_nas_still_shows_stays_open_and_what_it_does_not_is_closed(
    database: Database, tmp_path: Path
) -> None:
    """Field ask 4: closed with the last known counters, never with invented ones."""
    async with metering(database, tmp_path) as m:
        await silent(m, "there", "mute", "gone", "unknown", "unasked")
        nas = Shows(
            there=(Presence.THERE, 5000),
            mute=(Presence.THERE, None),
            gone=(Presence.GONE, None),
            unknown=(Presence.UNKNOWN, None),
        )
        reap, confirm = reaper(m, nas)
        reaped = await run(m, reap)
        assert await states(m) == {
            "there": "late",
            "mute": "late",
            "gone": "stale",
            "unknown": "stale",
            "unasked": "stale",
        }
        assert (len(reaped.late_session_ids), len(reaped.closed_session_ids)) == (5, 3)
        assert (confirm.there, confirm.gone, confirm.unknown) == (2, 1, 2)
        rows = {row.username: row for row in await m.rows(sessions)}
        assert (rows["there"].upload_octets, rows["there"].updated_at) == (5000, SILENT_AT)
        assert (rows["gone"].upload_octets, rows["gone"].stopped_at) == (10, T0 + timedelta(seconds=300))
        assert sum(s.upload_octets for s in await m.rows(usage_slices)) == 5 * 10 + 4990

        assert nas.asked == [["gone", "mute", "there", "unasked", "unknown"]]
        await run(m, reap, SILENT_AT + timedelta(seconds=10))
        assert len(nas.asked) == 1  # the one that is there and tells nothing is not asked for every ten seconds
        await run(m, reap, SILENT_AT + timedelta(seconds=70))
        assert nas.asked[1:] == [["mute"]]


async def test_a_second_way_is_asked_for_what_the_first_does_not_know(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await silent(m, "budi", "siti")
        first, second = Shows(budi=(Presence.THERE, None)), Shows(siti=(Presence.THERE, None))
        reap, _ = reaper(m, first, second)
        await run(m, reap)
        assert (first.asked, second.asked) == ([["budi", "siti"]], [["siti"]])
        assert await states(m) == {"budi": "late", "siti": "late"}


async def test_a_router_that_hangs_or_fails_keeps_nobody_waiting_and_its_sessions_are_given_up(
    database: Database, tmp_path: Path
) -> None:
    async with metering(database, tmp_path) as m:
        await silent(m, "budi")
        reap, confirm = reaper(m, Hangs(), ask_seconds=0.05)
        async with asyncio.timeout(5):
            await run(m, reap)
        assert await states(m) == {"budi": "stale"}
        await m.hear("interim", 7300, user="budi", session_id="budi", mac="AA:BB:CC:00:01:00", up=11, down=101)
        await m.run()
        assert await states(m) == {"budi": "live"}  # we closed it, it speaks again
        confirm.ways = (Fails(),)
        await run(m, reap, SILENT_AT + timedelta(hours=9))
        assert await states(m) == {"budi": "stale"}
        assert confirm.failed == 1


async def test_one_that_speaks_while_its_nas_is_asked_is_not_closed(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await silent(m, "budi")

        class Speaks:
            async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
                del nas_id
                await m.hear("interim", 7199, user="budi", session_id="budi", mac="AA:BB:CC:00:01:00", up=11, down=101)
                await m.run()
                return {session.id: NasAnswer(Presence.GONE, SILENT_AT, "api") for session in sessions}

        reap, _ = reaper(m, Speaks())
        reaped = await run(m, reap)
        assert reaped.closed_session_ids == ()
        assert await states(m) == {"budi": "live"}
