"""The page on which staff decide about counters that can't be true."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, meter_doubts, meters, sessions, usage_doubts
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from tests.panel_fixture import Browser, PanelWorld, client_of


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    world = PanelWorld(database, box)
    await world.plans()
    person = await world.person("budi")
    nas_id = await world.nas("cilengkrang-1")
    for number in (1, 2):
        session_id = await world.session(nas_id, person)
        await world.put(
            usage_doubts, id=number, session_id=session_id, nas_id=nas_id, service_id=person.service_id,
            start_at=world.clock.now(), end_at=world.clock.now(), seconds=300, upload_octets=5, download_octets=9 * 10**12,
            counter_upload_octets=5, counter_download_octets=9 * 10**12, port_bps=10**9, state="open",
            noted_at=world.clock.now(),
        )  # fmt: skip
    return world


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_staff_bill_or_leave_out_what_cannot_be_true(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff(Role.ACCOUNTING))
    assert "2 laporan tidak mungkin benar" in (await browser.page("/sessions")).replace("\N{NO-BREAK SPACE}", " ")
    text = (await browser.page("/doubts")).replace("\N{NO-BREAK SPACE}", " ")
    for said in ("budi", "cilengkrang-1", "9 TB", "240 G", "1 G", "Menunggu", "Tagihkan"):
        assert said in text, said
    assert (await browser.send("/doubts/1/accept", {})).status == 303
    assert (await browser.send("/doubts/2/reject", {})).status == 303
    assert world.nudges == 2
    assert (await browser.send("/doubts/2/accept", {})).status == 409  # decided already
    assert (await browser.send("/doubts/99/accept", {})).status == 404
    assert "Tidak ada penghitung yang diragukan" in await browser.page("/doubts")
    decided = await browser.page("/doubts?all=1")
    assert "Ditagih" in decided
    assert "Diabaikan" in decided
    async with world.database.read() as work:
        moved = (await work.connection.execute(select(sessions.c.download_octets).order_by(sessions.c.id))).scalars()
        assert [octets - 9_800_000_000 for octets in moved] == [9 * 10**12, 0]
        audit = (
            select(changes.c.action, changes.c.actor).where(changes.c.entity == "usage_doubt").order_by(changes.c.id)
        )
        assert [tuple(row) for row in await work.connection.execute(audit)] == [
            ("usage.accept", "accounting@rumahnet.example"),
            ("usage.reject", "accounting@rumahnet.example"),
        ]


async def test_readings_of_meters_that_wait_are_mentioned(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff(Role.READONLY))
    assert "netbilld meter doubts" not in await browser.page("/doubts")
    person = await world.person("kios")
    now = world.clock.now()
    await world.put(
        meters, id=1, service_id=person.service_id, source="mqtt", key="kios", is_allowed=True, is_swapped=False,
        created_at=now, upload_octets=0, download_octets=0, counter_upload_octets=0, counter_download_octets=0,
        epoch="", past_epochs=[], state="doubted",
    )  # fmt: skip
    for number, state in ((1, "open"), (2, "open"), (3, "rejected")):
        await world.put(
            meter_doubts, id=number, meter_id=1, service_id=person.service_id, source="mqtt", start_at=now, end_at=now,
            upload_octets=0, download_octets=9 * 10**12, fastest_bps=10**9, state=state, noted_at=now,
        )  # fmt: skip
    text = (await browser.page("/doubts")).replace("\N{NO-BREAK SPACE}", " ")
    assert "2 pembacaan meter lebih cepat" in text
    assert "2 pembacaan meter" in (await browser.page("/sessions")).replace("\N{NO-BREAK SPACE}", " ")
    assert "netbilld meter doubts" in text


async def test_who_may_see_usage_sees_doubts_and_only_those_who_may_edit_money_decide(world: PanelWorld) -> None:
    for role, sees, decides in (
        (Role.TECHNICAL, 200, 403),
        (Role.READONLY, 200, 403),
        (Role.CASHIER, 403, 403),
        (Role.ADMIN, 200, 303),
    ):
        async with client_of(world.app()) as client:
            browser = Browser(client)
            await browser.sign_in(await world.staff(role))
            answer = await client.get("/doubts")
            assert answer.status == sees, role
            assert ("/doubts/1/accept" in await answer.text()) == (decides == 303), role
            assert (await browser.send("/doubts/1/reject", {})).status == decides, role
