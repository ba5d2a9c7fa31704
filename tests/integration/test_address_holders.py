"""Who held this address at that time."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import insert, text

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.model.errors import InvalidInputError
from netbilld.model.moments import parse_moment, parse_network
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import add_nas


def session(number: int, started: float, stopped: float | None, **what: Any) -> dict[str, Any]:
    hour = timedelta(hours=1)
    return {
        "id": number, "nas_id": NAS, "username": f"user{number}", "acct_session_id": str(number),
        "acct_session_key": str(number), "state": "live" if stopped is None else "closed",
        "framed_ip": None, "ipv6_prefix": None, "delegated_prefix": None,
        "started_at": T0 + started * hour, "updated_at": T0 + (stopped or started) * hour,
        "stopped_at": None if stopped is None else T0 + stopped * hour,
        "session_seconds": 1, "upload_octets": 0, "download_octets": 0, "counter_upload_octets": 0,
        "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0, **what,
    }  # fmt: skip


@pytest.fixture
async def years(database: Database) -> Database:
    await add_nas(database)
    rows = [
        session(1, 0, 5, framed_ip="10.0.0.7"),
        session(2, 6, 9, framed_ip="10.0.0.7"),
        session(3, 10, None, framed_ip="10.0.0.7", delegated_prefix="2001:db8:7::/56"),
        session(4, 0, 20, framed_ip="10.0.0.70", ipv6_prefix="2001:db8:8:1::/64"),
        session(5, 0, 20, ipv6_prefix="2001:db8::5"),
    ]
    async with database.write() as work:
        await work.connection.execute(insert(sessions), rows)
    return database


@pytest.mark.parametrize(
    ("address", "hours", "held"),
    [
        ("10.0.0.7", 3, [1]),
        ("10.0.0.7", 5, [1]),
        ("10.0.0.7", 5.5, []),
        ("10.0.0.7", 8, [2]),
        ("10.0.0.7", 999, [3]),
        ("10.0.0.7", None, [3, 2, 1]),
        ("2001:db8:7:100::1", 11, []),
        ("2001:db8:7:12::1", 11, [3]),
        ("2001:DB8:7:0012::/64", 11, [3]),
        ("2001:db8:7::/48", 11, []),
        ("2001:db8:8:1:aaaa::9", 1, [4]),
        ("2001:db8::5", 1, [5]),
        ("10.0.0.9", None, []),
    ],
)
async def test_who_held_an_address_at_a_time_is_found(
    years: Database, address: str, hours: float | None, held: list[int]
) -> None:
    at = None if hours is None else T0 + hours * timedelta(hours=1)
    async with years.read() as work:
        lines = await work.sessions.that_held(parse_network(address), at, 9)
        shown = await work.readmodels.sessions_that_held(parse_network(address), at, 9)
    assert [line.id for line in lines] == held
    assert [line.id for line in shown] == held


async def test_an_address_is_looked_up_by_index_whatever_it_is(years: Database) -> None:
    plan = "EXPLAIN QUERY PLAN " if years.is_sqlite else "EXPLAIN "
    async with years.write() as work:
        if not years.is_sqlite:
            await work.connection.execute(text("SET LOCAL enable_seqscan = off"))
        for column, index in (
            ("framed_ip", "ix_sessions_framed_ip"),
            ("ipv6_prefix", "ix_sessions_ipv6_prefix"),
            ("delegated_prefix", "ix_sessions_delegated"),
        ):
            asked = f"SELECT id FROM sessions WHERE {column} IN ('a', 'b') AND started_at <= '2026-01-01 00:00:00'"  # noqa: S608
            lines = [" ".join(map(str, row)) for row in await work.connection.execute(text(plan + asked))]
            assert any(index in line for line in lines), lines


def test_moments_are_local_unless_they_say_otherwise() -> None:
    assert parse_moment("--at", "2026-03-10 08:00", "Asia/Jakarta") == parse_moment(
        "--at", "2026-03-10T01:00:00+00:00", "Asia/Jakarta"
    )
    assert parse_network("10.0.0.7") == ip_network("10.0.0.7/32")
    with pytest.raises(InvalidInputError, match="no moment"):
        parse_moment("--at", "yesterday", "Asia/Jakarta")
    with pytest.raises(InvalidInputError, match="no address"):
        parse_network("10.0.0")
