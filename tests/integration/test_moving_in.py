"""A provider who moves in: from a router that knows its subscribers itself to log-ins by RADIUS, nobody cut off."""

import time
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_accounts import RouterosAccounts
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.actor import Actor
from netbilld.model.api_address import parse_api_address
from netbilld.services.switch_local_accounts import Switching, SwitchLocalAccounts
from tests.enforcement_town import Town, town
from tests.routeros.fake_router import FakeRouter

STAFF = Actor("siti@example.org", "192.0.2.7")


async def turn_off(t: Town, router: FakeRouter, undo: list[str]) -> Switching:
    address = parse_api_address(router.url)
    assert address is not None
    connection = RouterosConnection(address, timeout_seconds=5, monotonic=time.monotonic, jitter=lambda: 0.5)
    try:
        switching = SwitchLocalAccounts(t.world.database, t.world.box, RouterosAccounts(connection))
        return await switching.disable("pop1", 50, STAFF, t.clock.now(), undo=undo.extend)
    finally:
        connection.close()


@pytest.mark.slow
async def test_from_local_secrets_to_log_ins_by_radius(database: Database, box: SecretBox, tmp_path: Path) -> None:
    async with town(database, box, tmp_path) as t:
        side = await t.add_router(1)
        await t.add_home("budi", side, 1)
        side.router.store["/ppp/secret"].add({"name": "budi", "password": "rahasia"})
        await t.decide("subscriber.add")
        await t.redial()
        await t.pass_time(60)
        (local,) = await t.world.rows(sessions)
        assert (local["is_local"], local["service_id"]) == (True, t.owed["budi"].service_id)
        assert local["upload_octets"] + local["download_octets"] == t.owed["budi"].used_octets > 0

        # what is due there can't be brought about, and the session is not cut again and again
        await t.owe("budi")
        for _ in range(3):
            await t.pass_time(60)
        assert side.orders.asked == []
        (pending,) = await t.world.pending()
        assert "an account of its own" in pending["last_error"]
        assert [row["id"] for row in await t.world.rows(sessions)] == [local["id"]]

        undo: list[str] = []
        assert [one.name for one in (await turn_off(t, side.router, undo)).done] == ["budi"]
        assert undo == ['/ppp secret enable [find name="budi"]']
        await t.pass_time(60)
        assert side.line("budi") is not None, "whoever is online stays so"
        async with database.write() as work:
            await work.sessions.request_disconnect(local["id"], "siti", t.clock.now())
        t.reconcile.nudge(session_ids=[local["id"]])
        await t.pass_time(10)
        before, after = await t.world.rows(sessions)
        assert before["stopped_at"] is not None
        assert (after["is_local"], await t.world.seen(after["id"])) == (False, (Access.WALLED, "login"))
        assert t.differences() == {}
        assert await t.world.pending() == []
