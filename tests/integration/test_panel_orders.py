"""What pages say of alerts, of how long effects took, of a NAS's orders, and of how a service came to be what it is."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.nas_lane import NasOrders
from tests.panel_fixture import Browser, PanelWorld, client_of, plain
from tests.panel_seed import seed


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_an_alert_is_on_the_overview_the_list_of_nas_and_its_own_page_until_it_is_mended(
    world: PanelWorld, browser: Browser
) -> None:
    await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    said = {
        "/": ("2 peringatan: yang seharusnya belum terlaksana", "nur.hidayat@rumahnet: Belum sebagaimana mestinya"),
        "/nas": ("2 peringatan",),
        "/nas/cilengkrang-1": (
            "Tidak menerima perintah",
            "Tidak menjawab perintah",
            "tidak ada jawaban dari 192.0.2.2:3799",
        ),
        "/enforcement": ("Tidak menerima perintah", "Isolir: tidak ada jawaban dari 192.0.2.2:3799"),
    }
    for path, texts in said.items():
        shown = plain(await browser.page(path))
        for text in texts:
            assert text in shown, (path, text)
    async with world.database.write() as work:
        await work.connection.execute(update(tables.alerts).values(cleared_at=world.clock.now()))
    async with client_of(world.app()) as client:  # its parts are read anew
        fresh = Browser(client)
        await fresh.sign_in("admin@rumahnet.example")
        for path in ("/", "/nas", "/nas/cilengkrang-1"):
            assert "peringatan" not in plain(await fresh.page(path)), path
        assert "Tidak ada peringatan" in plain(await fresh.page("/enforcement"))


async def test_how_long_effects_took_is_told_by_cause_and_by_nas(world: PanelWorld, browser: Browser) -> None:
    await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    shown = plain(await browser.page("/enforcement"))
    for text in ("Berapa lama sampai terlaksana", "pembayaran", "terlihat, sejak log-in baru", "0,18 s", "cibiru-1"):
        assert text in shown, text


async def test_a_nas_s_page_has_its_queue_its_failures_and_its_drift(world: PanelWorld) -> None:
    await seed(world)
    async with world.database.read() as work:
        nas_id = await work.readmodels.nas_id("cilengkrang-1")
    assert nas_id is not None
    queue = NasOrders(1, 2, silent=False, window_seconds=12.0, pace_percent=50)

    async def lane(asked: UUID) -> NasOrders | None:
        return queue if asked == nas_id else None

    async with client_of(world.app(lane=lane)) as client:
        browser = Browser(client)
        await browser.sign_in("admin@rumahnet.example")
        shown = plain(await browser.page("/nas/cilengkrang-1"))
        for text in ("semua terkirim dalam 12", "diperlambat ke 50 %", "Tanpa jawaban", "1 ×"):
            assert text in shown, text
        liar = plain(await browser.page("/nas/cibiru-1"))
        for text in ("Dipulihkan", "acknowledged, but the queue still has 20M/10M", "eko.prasetyo@rumahnet"):
            assert text in liar, text
        lie = liar[liar.index("Ternyata tidak berlaku") :][:60]
        assert "+3,00" in plain(lie), lie  # when it was seen, not when it was answered
        async with client.get("/live/nas/cibiru-1") as answer:
            assert (await answer.content.readline()).decode().strip() == "event: orders"
        async with client.get("/live/nas/nobody") as answer:
            assert answer.status == 404


async def test_a_subscriber_s_page_tells_each_change_with_the_words_of_its_nas(
    world: PanelWorld, browser: Browser
) -> None:
    people = await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    paid = plain(await browser.page(f"/subscribers/{people[0].number}"))
    for text in ("pembayaran", "sesi hilang", "kembali", "terbukti", "saat login"):
        assert text in paid, text
    lied_to = plain(await browser.page(f"/subscribers/{people[4].number}"))
    for text in ("ternyata tidak", "sesi berakhir", "acknowledged, but the queue still has 20M/10M"):
        assert text in lied_to, text
