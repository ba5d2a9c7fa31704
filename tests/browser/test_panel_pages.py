"""The staff panel in a real browser: at a desk and on a phone, with a mouse, without JavaScript."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.chromium import DESK, PHONE, TURNS, overflow, sign_in, sweep, tab
from tests.furnished import opened_copy
from tests.panel_fixture import PASSWORD, PanelWorld
from tests.panel_seed import seed

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PAGES: Final = (
    "/",
    "/subscribers",
    "/sessions",
    "/enforcement",
    "/plans",
    "/plans/HOME20",
    "/nas",
    "/nas/cibiru-1",
    "/nas/cibiru-1/doctor",
    "/usage",
    "/usage?span=week&period=last_month&direction=up&nas=cibiru-1",
    "/usage?span=year",
    "/nas/cibiru-1?span=month",
    "/sessions/held",
    "/sessions/held?address=10.20.0.5",
    "/sessions/held?address=x",
    "/pools",
    "/pools?q=10.20.0.5",
    "/pools/add",
    "/nodes",
    "/logins",
    "/logins?q=nobody",
    "/explain",
    "/explain?q=joko.susilo%40rumahnet",
    "/explain?q=joko.susilo",
    "/tokens",
    "/tokens/add",
    "/webhooks",
    "/webhooks/add",
    "/api/v1/docs",
    "/profile",
    "/subscribers?access=walled",
    "/subscribers?q=nobody-is-called-this",
)
# one subscriber for each thing a page can say: slowed down, walled off, unpaid, on pay per use, suspended
SUBSCRIBERS: Final = ("Eko Prasetyo", "Agus Wijaya", "Joko Susilo", "Dewi Lestari", "Umar Faruq", "Vina Melati")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """An evening of a small ISP."""
    place = tmp_path_factory.mktemp("evening")
    async with opened_copy(sqlite_template, place) as database:
        await seed(PanelWorld(database, SecretBox(bytes(range(32)))))
    return place / sqlite_template.name


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


async def open_subscriber(page: Page, url: str, text: str) -> None:
    await page.goto(f"{url}/subscribers?q={text}")
    await page.locator("td.lead a").first.click()
    await expect(page.locator(".facts")).to_be_visible()


async def open_pool(page: Page, url: str, name: str) -> None:
    await page.goto(url + "/pools")
    await page.locator("td.lead a").filter(has_text=name).click()
    await expect(page.locator("h1")).to_contain_text(name)


async def rows(world: PanelWorld, table: Any) -> int:
    async with world.database.read() as work:
        return int(await work.connection.scalar(select(func.count()).select_from(table)) or 0)


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_a_wrong_password_is_refused_and_the_right_one_opens_figures_and_a_chart(
    url: str, chromium: Browser, width: int
) -> None:
    async with tab(chromium, width) as page:
        await page.goto(url)
        await page.fill("[name=email]", "admin@rumahnet.example")
        await page.fill("[name=password]", "salah")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("Email atau kata sandi tidak benar.")
        await expect(page.locator("[name=email]")).to_have_value("admin@rumahnet.example")
        await page.fill("[name=password]", PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator(".tile").filter(has_text="Online sekarang").locator("dd")).to_contain_text("21")
        await expect(page.locator(".tile").filter(has_text="Lewat jatuh tempo").locator("dd")).to_contain_text(
            "550.000"
        )
        await expect(page.locator("#throughput canvas")).to_be_visible()
        drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(x => x)"
        assert await page.locator("#throughput canvas").evaluate(drawn)


async def test_search_finds_a_subscriber_by_whatever_is_known(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with world.database.read() as work:
        found = await work.subscribers.by_credential_name("budi.santoso@rumahnet")
        assert found is not None
        phone, number = str(found.subscriber.phone), found.subscriber.number
        query = select(tables.sessions.c.mac).where(tables.sessions.c.service_id == found.service.id)
        mac = str(await work.connection.scalar(query))
    everything = ("budi santo", number, phone, "budi.santoso@rumahnet", mac)
    for width, known in ((DESK, everything), (PHONE, (mac,))):
        async with tab(chromium, width) as page:
            await sign_in(page, url)
            for text in known:
                await page.fill("#find", text)
                await page.press("#find", "Enter")
                if text == "budi santo":  # what names nobody exactly is a list
                    await expect(page.locator("td.lead a")).to_have_count(1)
                    await page.locator("td.lead a").click()
                await expect(page.locator("h1")).to_have_text("Budi Santoso")


async def test_suspend_with_a_reason_and_resume(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium, PHONE) as page:
        await sign_in(page, url)
        await open_subscriber(page, url, "fitri")
        await page.get_by_role("button", name="Isolir", exact=True).click()
        assert await page.locator("#manage [name=reason]:invalid").count() == 1  # nothing is sent without a reason
        await page.fill("#manage [name=reason]", "Modem dipinjam")
        await page.get_by_role("button", name="Isolir", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("Diisolir")
        await expect(page.locator(".service")).to_contain_text("Modem dipinjam")
        await page.get_by_role("button", name="Buka isolir").click()
        await expect(page.get_by_role("status")).to_be_visible()
        await expect(page.locator(".story")).to_contain_text("Modem dipinjam")
        await expect(page.locator(".story")).to_contain_text("admin@rumahnet.example")
    assert world.nudges == 2


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_a_double_click_records_one_payment(world: PanelWorld, url: str, chromium: Browser, width: int) -> None:
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        await open_subscriber(page, url, "joko")
        await page.locator(".actions").get_by_role("link", name="Catat pembayaran").click()
        await expect(page.locator("[name=amount]")).to_be_in_viewport()
        await expect(page.locator("[name=amount]")).to_have_value("275000")
        await page.locator("#payment").get_by_role("button").dblclick()
        await expect(page.get_by_role("status")).to_have_text("Pembayaran dicatat.")
        await expect(page.locator(".pair dd").first).to_have_text("Rp0")
    assert await rows(world, tables.payments) == 1


async def test_a_session_is_ended_after_asking_once(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium) as page:
        asked: list[str] = []

        async def answer(dialog: Any) -> None:
            asked.append(dialog.message)
            await (dialog.accept() if len(asked) > 1 else dialog.dismiss())

        page.on("dialog", answer)
        await sign_in(page, url)
        await page.goto(url + "/sessions?q=budi")
        button = page.get_by_role("button", name="Putuskan")
        await button.click()  # and says no
        assert world.nudges == 0
        await button.click()
        await expect(page.get_by_role("status")).to_be_visible()
        await page.goto(url + "/sessions?q=budi")
        await expect(page.locator("td.act")).to_have_text("sedang diputus …")
        await expect(button).to_have_count(0)
    assert len(asked) == 2
    assert "budi.santoso" in asked[0]
    async with world.database.read() as work:
        query = select(tables.sessions.c.username).where(tables.sessions.c.disconnect_requested_at.is_not(None))
        assert list(await work.connection.scalars(query)) == ["budi.santoso@rumahnet"]


async def test_log_in_attempts_move_are_paged_and_explained(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium) as page:
        await sign_in(page, url)
        await page.goto(url + "/logins")
        await expect(page.locator("table.logins tbody tr")).to_have_count(50)
        await page.evaluate("window.stayed = true")
        await page.get_by_role("link", name="Lebih lama").click()
        await expect(page.locator("table.logins tbody tr")).to_have_count(10)
        assert "before=" in page.url
        assert await page.evaluate("window.stayed"), "the page was loaded anew"
        await page.get_by_role("link", name="Terbaru").click()
        await expect(page.locator("table.logins tbody tr")).to_have_count(50)
        now = datetime.now(UTC)
        await world.put(
            tables.auth_attempts, at=now, username="tamu", username_key="tamu", method="pap", result="reject",
            reason="unknown_user", latency_us=90,
        )  # fmt: skip
        await expect(page.locator("table.logins tbody tr").first).to_contain_text("tamu")
        await page.get_by_role("link", name="Kenapa?").first.click()
        await expect(page.locator(".answer")).to_contain_text("Tidak ada pelanggan dengan nama login tamu")


async def test_figures_move_without_a_reload(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium) as page:
        await sign_in(page, url)
        tile = page.locator(".tile").filter(has_text="Online sekarang").locator("dd")
        await expect(tile).to_contain_text("21")
        await page.goto(url + "/sessions")
        await page.evaluate("window.stays = true")
        line = page.locator("tr").filter(has_text="budi.santoso@rumahnet")
        await expect(line).to_be_visible()
        async with world.database.write() as work:
            await work.connection.execute(
                update(tables.sessions)
                .where(tables.sessions.c.username == "budi.santoso@rumahnet")
                .values(download_bps=17_300_000, download_octets=77_000_000_000)
            )
        await expect(line).to_contain_text("17,3 Mbps")
        await expect(line).to_contain_text("77 GB")
        assert await page.evaluate("window.stays")


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_every_place_is_reached_from_the_menu(url: str, chromium: Browser, width: int) -> None:
    places = ("subscribers", "sessions", "usage", "logins", "enforcement", "plans", "nas", "pools", "nodes")
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        for place in places:
            link = page.locator(f'.places a[href="/{place}"]:visible')
            if not await link.count():  # behind "More", which is closed on every new page
                await page.locator(".places summary").click()
            await link.click(trial=True)
            await expect(link).to_be_in_viewport(ratio=1)
            await link.click()
            await expect(page).to_have_url(f"{url}/{place}")
            await expect(page.locator(".places [aria-current]:visible")).to_have_count(1)
            assert await overflow(page) == 0


async def test_the_language_is_switched_in_the_menu(url: str, chromium: Browser) -> None:
    async with tab(chromium, PHONE) as page:
        await sign_in(page, url)
        await page.goto(url + "/plans")
        for name, lang, heading in (("English", "en", "Plans"), ("Indonesia", "id", "Paket")):
            await page.locator(".menu summary").click()
            await page.get_by_role("button", name=name).click()
            await expect(page.locator("h1")).to_have_text(heading)
            await expect(page.locator("html")).to_have_attribute("lang", lang)
            assert page.url == url + "/plans"


async def test_sign_in_suspend_and_payment_need_no_javascript(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium, PHONE, java_script_enabled=False) as page:
        await sign_in(page, url)
        await open_subscriber(page, url, "joko")
        await page.locator("#payment").get_by_role("button").click()
        await expect(page.get_by_role("status")).to_have_text("Pembayaran dicatat.")
        await page.fill("#manage [name=reason]", "Pindah rumah")
        await page.get_by_role("button", name="Isolir", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("Diisolir")
        await page.get_by_role("button", name="Buka isolir").click()
        await expect(page.get_by_role("button", name="Isolir", exact=True)).to_be_visible()
    assert await rows(world, tables.payments) == 1


async def test_a_pool_is_added_and_an_address_released_with_the_keyboard_alone(
    world: PanelWorld, url: str, chromium: Browser
) -> None:
    async with tab(chromium) as page:
        await sign_in(page, url)
        await page.goto(url + "/pools")
        await page.get_by_role("link", name="Tambah pool").press("Enter")
        await expect(page.locator("[name=name]")).to_be_focused()
        await page.keyboard.type("tamu")
        await page.keyboard.press("Tab")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_label("Prefix delegasi")).to_be_checked()
        await page.keyboard.press("Tab")
        await page.keyboard.type("2001:db8:8000::/44")  # the pool lan has it
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("bertumpuk dengan pool “lan” (2001:db8:8000::/40)")
        await expect(page.get_by_label("Prefix delegasi")).to_be_checked()
        await page.locator("[name=network]").fill("2001:db8:9000::/44")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Pool ditambahkan")
        await open_pool(page, url, "toko")
        await page.locator("[href$='address=10.30.0.3']").press("Enter")
        await page.get_by_role("button", name="Lepas alamat ini").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Dilepas")
        line = page.locator("table.leases tr").filter(has_text="10.30.0.3")
        await expect(line.locator(".status")).to_have_text("Bebas")
        await page.goto(url + "/pools")
        await expect(page.locator("table.pools tr").filter(has_text="toko")).to_contain_text("75 %")
    assert world.nudges == 2


async def test_pools_need_no_javascript_and_are_reached_on_a_phone(
    world: PanelWorld, url: str, chromium: Browser
) -> None:
    """KAMIL-14: what the desk can do, the phone can, though the bottom menu has no room for it."""
    async with tab(chromium, PHONE, java_script_enabled=False) as page:
        await sign_in(page, url)
        await page.locator(".places .rest summary").click()
        await page.locator(".places .rest").get_by_role("link", name="NAS").click()
        await page.get_by_role("navigation", name="Jaringan").get_by_role("link", name="Pool alamat").click()
        await page.fill("#q", "10.20.0.5")
        await page.get_by_role("button", name="Siapa pemakainya?").click()
        await expect(page.locator(".found")).to_contain_text("agus.wijaya@rumahnet")
        await open_pool(page, url, "rumah")
        await page.fill("[name=excluded]", "10.20.0.0-10.20.0.2")
        await page.get_by_role("button", name="Simpan").click()
        await expect(page.get_by_role("status")).to_have_text("Pool disimpan.")
        await page.get_by_role("link", name="Hapus …").click()
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Hapus pool").click()
        await expect(page.get_by_role("status")).to_have_text("Pool dihapus.")
        await expect(page.locator("table.pools tbody tr")).to_have_count(2)
    assert await rows(world, tables.address_leases) == 12


async def test_the_list_of_pools_moves_without_a_reload(world: PanelWorld, url: str, chromium: Browser) -> None:
    async with tab(chromium) as page:
        await sign_in(page, url)
        await page.goto(url + "/pools")
        line = page.locator("table.pools tr").filter(has_text="toko")
        await expect(line).to_contain_text("Penuh")
        await page.evaluate("window.stays = true")
        async with world.database.write() as work:
            await work.connection.execute(
                update(tables.address_leases)
                .where(tables.address_leases.c.address == "10.30.0.3")
                .values(released_at=datetime.now(UTC))
            )
        await expect(line).to_contain_text("Tersedia")
        assert await page.evaluate("window.stays")


async def own_pages(world: PanelWorld) -> list[str]:
    """Return the pages of the subscribers and pools that there is most to say about."""
    async with world.database.read() as work:
        query = select(tables.subscribers.c.name, tables.subscribers.c.number)
        numbers = {row.name: row.number for row in await work.connection.execute(query)}
        query = select(tables.address_pools.c.name, tables.address_pools.c.id)
        pools = {row.name: row.id for row in await work.connection.execute(query)}
    return [
        *(f"/subscribers/{numbers[of]}" for of in SUBSCRIBERS),
        *(f"/pools/{pools[of]}{more}" for of in ("rumah", "lan", "toko") for more in ("", "/remove")),
        f"/pools/{pools['toko']}/release?address=10.30.0.0",
    ]


@pytest.mark.parametrize(("width", "scheme", "turn"), TURNS)
async def test_no_page_is_wider_than_its_window_or_shuts_anybody_out(
    world: PanelWorld, url: str, chromium: Browser, width: int, scheme: str, turn: int
) -> None:
    """In Indonesian, whose words are the longer ones."""
    async with tab(chromium, width, color_scheme=scheme) as page:
        wrong = await sweep(page, url, ["/signin"], 0)
        await sign_in(page, url)
        wrong += await sweep(page, url, (*PAGES, *await own_pages(world)), turn)
    assert wrong == []
