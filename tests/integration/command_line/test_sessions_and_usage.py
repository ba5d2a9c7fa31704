"""The commands of sessions and usage."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import sessions, usage_doubts, usage_hours, usage_periods
from netbilld.model.periods import local_date, local_midnight, monthly_period
from tests.people_world import SECRET, CommandLine


async def _meter(netbilld: CommandLine, now: datetime) -> None:
    """Store what the meter would have: a live session, one that ended, and two hours of usage."""
    database = Database(sqlite_url(netbilld.directory / "netbilld.db"))
    async with database.write() as work:
        found = await work.subscribers.by_credential_name("budi")
        (nas,) = await work.nas.all()
        assert found is not None
        row: dict[str, Any] = {
            "nas_id": nas.id, "service_id": found.service.id, "username": "Budi", "session_seconds": 61, "framed_ip": "10.9.0.2",
            "started_at": now, "updated_at": now, "upload_octets": 5 * 2**32, "download_octets": 7 * 2**32, "mac": "00:00:5E:00:53:01",
            "counter_upload_octets": 0, "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
        }  # fmt: skip
        live = {
            **row,
            "id": 1,
            "acct_session_id": "80a",
            "acct_session_key": "80a",
            "state": "live",
            "stopped_at": None,
        }
        ended = {
            **row,
            "id": 2,
            "acct_session_id": "80b",
            "acct_session_key": "80b",
            "state": "closed",
            "stopped_at": now,
        }
        for session in (live, ended):
            await work.connection.execute(insert(sessions).values(**session))
        zone = found.service.timezone
        period = monthly_period(now, found.service.billing_day, zone)
        today = local_midnight(local_date(now, zone), zone)
        octets = {"upload_octets": 2**33, "download_octets": 2**34, "charged_minor": 0}
        for hour_at in (today, today + timedelta(hours=1)):
            await work.connection.execute(
                insert(usage_hours).values(service_id=found.service.id, hour_at=hour_at, **octets)
            )
        doubled = {name: 2 * value for name, value in octets.items()}
        await work.connection.execute(
            insert(usage_periods).values(
                service_id=found.service.id, start_on=period.start_on, end_on=period.end_on, **doubled
            )
        )
    await database.close()


@pytest.fixture
def metered(netbilld: CommandLine) -> CommandLine:
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0
    assert netbilld("nas", "add", "R1", "10.0.0.1", "--secret", SECRET) == 0
    asyncio.run(_meter(netbilld, datetime.now().astimezone()))
    return netbilld


def test_session_list_has_the_keys_scripts_rely_on(metered: CommandLine) -> None:
    (live,) = metered.json("session", "list")
    assert list(live) == [
        "id", "username", "service_id", "nas", "acct_session_id", "framed_ip", "mac", "state", "started_at", "updated_at",
        "stopped_at", "terminate_cause", "input_octets", "output_octets", "session_time", "ipv6_prefix", "delegated_prefix",
        "local",
    ]  # fmt: skip
    assert (live["username"], live["nas"], live["acct_session_id"], live["state"]) == ("Budi", "R1", "80a", "live")
    assert (live["input_octets"], live["output_octets"], live["session_time"]) == (5 * 2**32, 7 * 2**32, 61)
    assert live["stopped_at"] is None
    assert {session["id"] for session in metered.json("session", "list", "--all", "--username", "BUDI")} == {1, 2}
    assert metered("session", "list", "--all") == 0
    assert "nobody has the user name" in metered.refused("session", "list", "--username", "ghost")


def test_a_live_session_is_ordered_to_end_and_an_ended_one_is_not(metered: CommandLine) -> None:
    assert metered("session", "disconnect", "1") == 0
    assert "no daemon answers here" in metered.err
    assert "is over" in metered.refused("session", "disconnect", "2")
    assert "no session has the id 3" in metered.refused("session", "disconnect", "3")

    async def asked() -> tuple[str | None, list[str]]:
        database = Database(sqlite_url(metered.directory / "netbilld.db"))
        async with database.read() as work:
            line = await work.sessions.get(1)
            changes = [change.action for change in await work.changes.about("session", 1)]
        await database.close()
        return line.disconnect_requested_by if line else None, changes

    by, actions = asyncio.run(asked())
    assert by
    assert actions == ["session.disconnect"]


def test_usage_show_has_the_keys_scripts_rely_on(metered: CommandLine) -> None:
    shown = metered.json("usage", "show", "BUDI", "--by", "hour")
    assert list(shown) == ["username", "from", "to", "upload_octets", "download_octets", "buckets", "quota"]
    assert (shown["username"], shown["upload_octets"], shown["download_octets"]) == ("budi", 2**34, 2**35)
    assert [list(bucket) for bucket in shown["buckets"]] == [
        ["start", "upload_octets", "download_octets", "charged"]
    ] * 2
    assert shown["quota"]["limit_octets"] == 300 * 10**9
    assert shown["quota"]["used_octets"] == 2**34 + 2**35
    assert datetime.fromisoformat(shown["quota"]["resets_at"]).utcoffset() == timedelta(hours=7)
    metered_on = shown["buckets"][0]["start"][:10]  # the local day, which may have ended meanwhile
    (day,) = metered.json("usage", "show", "budi", "--from", metered_on, "--to", metered_on)["buckets"]
    assert day["upload_octets"] == 2**34
    assert metered.json("usage", "show", "budi", "--to", "2020-01-01")["upload_octets"] == 0
    assert metered("usage", "show", "budi", "--by", "month") == 0
    (most,) = metered.json("usage", "top", "--limit", "3")
    assert (most["username"], most["download_octets"]) == ("budi", 2**35)
    assert "is no day" in metered.refused("usage", "show", "budi", "--from", "yesterday")
    assert "before" in metered.refused("usage", "show", "budi", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "nobody has" in metered.refused("usage", "show", "ghost")


async def _doubt(netbilld: CommandLine, now: datetime) -> None:
    database = Database(sqlite_url(netbilld.directory / "netbilld.db"))
    async with database.write() as work:
        (nas,) = await work.nas.all()
        for number in (1, 2):
            await work.connection.execute(
                insert(usage_doubts).values(
                    id=number, session_id=2, nas_id=nas.id, start_at=now, end_at=now, seconds=300, upload_octets=5,
                    download_octets=9 * 10**12, counter_upload_octets=5, counter_download_octets=9 * 10**12,
                    port_bps=10**9, state="open", noted_at=now,
                )
            )  # fmt: skip
    await database.close()


def test_what_cannot_be_true_is_listed_accepted_and_rejected(metered: CommandLine) -> None:
    assert metered.json("usage", "doubts") == []
    asyncio.run(_doubt(metered, datetime.now().astimezone()))
    listed = metered.json("usage", "doubts")
    assert [(one["id"], one["nas"], one["download_octets"], one["seeming_bps"], one["state"]) for one in listed] == [
        (2, "R1", 9 * 10**12, 240 * 10**9, "open"),
        (1, "R1", 9 * 10**12, 240 * 10**9, "open"),
    ]
    assert metered("usage", "doubts") == 0
    assert "240.0 Gbit/s" in metered.out
    metered("doctor", "--json")
    checks = json.loads(metered.out)["checks"]
    assert [one["detail"] for one in checks if one["name"] == "usage"] == ["2 reports can't be true and are not billed"]
    assert metered("usage", "accept", "1") == 0, metered.err
    assert "9.00 TB down of Budi count now" in metered.out
    assert metered("usage", "reject", "2") == 0, metered.err
    assert metered("usage", "reject", "1") == 1
    assert "accepted already" in metered.err
    assert metered("usage", "accept", "7") == 1
    assert "usage doubts" in metered.err
    assert metered.json("usage", "doubts") == []
    assert [one["state"] for one in metered.json("usage", "doubts", "--all")] == ["rejected", "accepted"]
