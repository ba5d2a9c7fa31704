"""What the offices of the town have moved before the demo begins, so that its plots and lists have a past.

Only they: what a home had moved would have used up its little allowance, or its wallet, before the curtain rises.
"""

from datetime import date, datetime, time, timedelta
from math import pi, sin
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.accounting.session import JOURNAL_BITS, Session, SessionState
from netbilld.adapters.database.engine import Database
from netbilld.daemon.settings import Settings
from netbilld.demo.scenario import NAS_NAME, OVERDUE_STAR, Home
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.readmodels import NasSample, Sample

PLAN: Final = "KANTOR50"
_JOURNAL_NUMBER: Final = 4095  # of a journal that never was: its sessions' ids are nobody else's
_HOUR: Final = timedelta(hours=1)
_SAMPLE_EVERY: Final = timedelta(minutes=5)
_BUSY_BPS: Final = 14_000_000  # an office at eleven in the morning of a weekday
_QUIET_BPS: Final = 300_000
_UPLOAD_SHARE: Final = 0.18


def demand_bps(at: datetime, number: int) -> int:
    """Return what office `number` downloads at a local time: a working day with lunch, little at night and weekends."""
    hour = at.hour + at.minute / 60
    working = sin(pi * (hour - 7) / 11) if 7 <= hour <= 18 else 0.0
    lunch = 0.45 if 12 <= hour < 13 else 1.0
    weekend = 0.15 if at.weekday() >= 5 else 1.0
    habit = 0.55 + 0.1 * ((number * 7 + at.day * 3 + at.hour) % 10)
    return int(_QUIET_BPS + _BUSY_BPS * working * lunch * weekend * habit)


async def write_history(settings: Settings, database: Database, homes: list[Home], since: date, now: datetime) -> int:
    """Write sessions, slices and samples of the offices from a day until the last full hour; return how many slices."""
    zone = ZoneInfo(settings.timezone)
    start_at = datetime.combine(since, time(), zone)
    end_at = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    offices = [home for home in homes if home.plan == PLAN and home.username != OVERDUE_STAR]
    moved: list[Moved] = []
    sessions: list[Session] = []
    async with database.write() as work:
        nas = await work.nas.by_name(NAS_NAME)
        assert nas is not None, "it was added above"  # noqa: S101
        for number, home in enumerate(offices):
            found = await work.subscribers.by_credential_name(home.username)
            assert found is not None, "it was added above"  # noqa: S101
            session_id = (_JOURNAL_NUMBER << JOURNAL_BITS) + number
            parts = _hours(session_id, found.service.id, nas.id, number, start_at, end_at)
            moved += parts
            sessions.append(_session(session_id, number, home, parts, nas.id, start_at, end_at))
        await work.sessions.insert(sessions)
        await BookUsage(settings.timezone).handle(work, moved, now)
        at = end_at - timedelta(days=1)
        while at < end_at:
            down_bps = sum(demand_bps(at, number) for number in range(len(offices)))
            up_bps = int(down_bps * _UPLOAD_SHARE)
            await work.throughput.add(Sample(at, up_bps, down_bps, len(offices)))
            await work.throughput.add_of_nas([NasSample(nas.id, at, up_bps, down_bps, len(offices))])
            at += _SAMPLE_EVERY
    return len(moved)


def _hours(
    session_id: int, service_id: UUID, nas_id: UUID, number: int, start_at: datetime, end_at: datetime
) -> list[Moved]:
    parts = []
    at = start_at
    while at < end_at:
        down = demand_bps(at, number) * 3600 // 8
        up = int(down * _UPLOAD_SHARE)
        parts.append(Moved(service_id, session_id, None, "radius", at, at + _HOUR, up, down, nas_id))
        at += _HOUR
    return parts


def _session(
    session_id: int,
    number: int,
    home: Home,
    parts: list[Moved],
    nas_id: UUID,
    start_at: datetime,
    end_at: datetime,
) -> Session:
    up = sum(part.upload_octets for part in parts)
    down = sum(part.download_octets for part in parts)
    return Session(
        id=session_id,
        nas_id=nas_id,
        service_id=parts[0].service_id,
        username=home.username,
        acct_session_id=f"81{number:06x}",
        acct_session_key=f"81{number:06x}",
        state=SessionState.CLOSED,
        framed_ip=f"127.64.200.{number + 1}",
        ipv6_prefix=None,
        delegated_prefix=None,
        mac=home.mac,
        nas_port_id=None,
        nas_source=None,
        started_at=start_at,
        updated_at=end_at,
        stopped_at=end_at,
        terminate_cause="Lost-Carrier",
        session_seconds=int((end_at - start_at).total_seconds()),
        interval_seconds=300,
        upload_octets=up,
        download_octets=down,
        counter_upload_octets=up,
        counter_download_octets=down,
        swapped=False,
        upload_bps=0,
        download_bps=0,
    )
