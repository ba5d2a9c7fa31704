"""The subscriber's own pages in a real browser: without JavaScript at 360 px, alike on a desk, installable, at a hotspot."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.services.login_codes import opened_context
from tests.chromium import DESK, SMALL, faults, sign_in_at_home, tab
from tests.loopback import served
from tests.portal_own_world import QUOTA, TOP_UP, add_person, add_plan, bill, pay, plan_file
from tests.portal_world import NOW, Person, World

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PAGES: Final = (
    "/akun",
    "/akun/tagihan",
    "/akun/tagihan/{invoice}",
    "/akun/tagihan/{invoice}/baris/1",
    "/akun/pembayaran",
    "/akun/pemakaian",
    "/akun/sesi",
    "/akun/paket",
    "/akun/paket/HOME50",
    "/akun/profil",
)
STRANGERS: Final = ("/masuk", "/masuk/kode", "/luring", "/v", "/hotspot")
ON_SITE: Final[Mapping[str, str]] = {"X-Forwarded-For": "127.50.5.9"}  # of the router of the hotspot
NO_ICON: Final = ("status of 404",)  # has the router of a hotspot
NO_ROUTER: Final = ("status of 400",)  # has led somebody to /hotspot


@pytest_asyncio.fixture(loop_scope="module")
async def world(database: Database, box: SecretBox) -> World:
    made = World(database, box)
    for text in (
        plan_file("HOME20", 200_000, more=QUOTA + TOP_UP),
        plan_file("HOME50", 350_000),
        plan_file("HOME10", 9000),
    ):
        await add_plan(made, text)
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def person(world: World) -> Person:
    made = await add_person(world, "budi@desa", "HOME20", email="budi@example.net", phone="081234567890")
    await bill(world, date(2026, 11, 5))
    await pay(world, made, 50_000, date(2026, 11, 8), "BCA 77")
    await world.due(made, Access.ACTIVE, "ok")
    for days in range(20):
        await world.used_hour(made, NOW - timedelta(days=days), 3 * 10**9, 10**9)
    return made


async def sign_in(page: Page, url: str, person: Person) -> None:
    await sign_in_at_home(page, url, person.number, person.password)


async def fits(page: Page) -> None:
    assert await faults(page, axe=False) == []


async def paths(world: World, person: Person) -> list[str]:
    async with world.database.read() as work:
        [invoice] = await work.portal.invoices(person.subscriber_id, limit=5)
    return [path.format(invoice=invoice.invoice_id) for path in PAGES]


async def code_of(world: World) -> str:
    async with world.database.read() as work:
        query = select(tables.outbox.c.context).where(tables.outbox.c.kind == "login_code")
        context = (await work.connection.execute(query)).scalars().all()[-1]
    return str(opened_context(world.box, context)["code"])


async def test_all_main_actions_work_without_javascript_at_360_px(
    world: World, person: Person, chromium: Browser
) -> None:
    """KAMIL-2: the web app is the customer's, narrow and without a script."""
    async with world.portal() as url, tab(chromium, SMALL, java_script_enabled=False) as page:
        await page.goto(url + "/masuk")
        await page.get_by_role("link", name="Kirim kode saja").click()
        await page.fill("#name", "0812-3456-7890")
        await page.get_by_role("button", name="Kirim kode").click()
        await fits(page)
        await page.fill("#code", await code_of(world))
        await page.get_by_role("button", name="Masuk").click()
        await expect(page.locator(".hero .figure")).to_have_text("Rp150.000")
        await fits(page)
        await page.get_by_role("link", name=re.compile("Buka tagihan")).click()
        await page.get_by_role("link", name=re.compile("Paket HOME20")).first.click()
        await expect(page.locator("main")).to_contain_text("Dihitung ulang: sama")
        await fits(page)
        await page.get_by_role("link", name=re.compile("Tagihan INV")).click()
        await page.fill("#ask_text", "Kok Rp200.000?")
        await page.get_by_role("button", name="Kirim").click()
        await expect(page.get_by_role("status")).to_contain_text("Terkirim")
        nav = page.get_by_role("navigation")
        await nav.get_by_role("link", name="Pemakaian").click()
        await page.fill("#day", "2026-11-20")
        await page.get_by_role("button", name="Tampilkan").click()
        await expect(page.locator("h2").last).to_contain_text("20 November 2026")
        await fits(page)
        await nav.get_by_role("link", name="Paket").click()
        await fits(page)
        await page.get_by_role("button", name="Rp15.000").click()
        await expect(page.get_by_role("status")).to_contain_text("Sudah dibeli")
        await page.fill("#from", "2026-11-25")
        await page.fill("#days", "5")
        await page.get_by_role("button", name="Ambil cuti").click()
        await expect(page.locator("#pause")).to_contain_text("internet kembali 30 November 2026")
        await page.get_by_role("button", name="Akhiri atau batalkan cuti").click()
        await page.get_by_role("link", name=re.compile("Paket HOME50")).click()
        await expect(page.locator("main")).to_contain_text("Rp151.667")
        await fits(page)
        await page.get_by_role("button", name="Ganti ke Paket HOME50").click()
        await expect(page.locator(".hero h1")).to_have_text("Paket HOME50")
        await nav.get_by_role("link", name="Profil").click()
        await fits(page)
        await page.fill("#phone", "0812-9999-8888")
        await page.fill("#email", "b@example.net")
        await page.get_by_role("button", name="Simpan").first.click()
        proof = page.get_by_label("Kata sandi internet atau kode sekali pakai")
        await expect(page.get_by_role("alert")).to_contain_text("isi kata sandi")  # what was typed stays
        await proof.fill(person.password)
        await page.get_by_role("button", name="Simpan").first.click()
        await expect(page.get_by_role("status")).to_contain_text("Profil disimpan")
        await page.get_by_label("Kabari saya soal penawaran").check()
        await page.get_by_role("button", name="Simpan").last.click()
        await expect(page.get_by_label("Kabari saya soal penawaran")).to_be_checked()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Unduh sebagai ZIP").click()
        assert (await download.value).suggested_filename == f"{person.number}.zip"
        await page.get_by_role("button", name="Minta penghapusan").click()
        await expect(page.locator("#deletion")).to_contain_text("sudah kami terima")
        await page.get_by_role("button", name="Keluar").click()
        await page.goto(url + "/akun")
        await expect(page.locator("#password")).to_be_visible()


async def test_the_same_can_be_done_at_a_desk_and_on_a_phone(world: World, person: Person, chromium: Browser) -> None:
    """KAMIL-14: a parity list of every page's links, fields and buttons."""
    found: dict[int, dict[str, list[str]]] = {}
    script = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary')]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().width > 0)
        .map(one => one.tagName + ' ' + (one.getAttribute('href') || one.id || one.name || one.innerText)).sort()"""
    async with world.portal() as url:
        for width in (SMALL, DESK):
            async with tab(chromium, width) as page:
                await sign_in(page, url, person)
                found[width] = {}
                for path in await paths(world, person):
                    await page.goto(url + path)
                    found[width][path] = await page.evaluate(script)
    assert found[SMALL] == found[DESK]
    assert all(len(actions) > 8 for actions in found[SMALL].values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page_of_the_portal(
    world: World, person: Person, chromium: Browser, scheme: str
) -> None:
    wrong: list[str] = []
    async with world.portal() as url, tab(chromium, SMALL, meant=NO_ROUTER, color_scheme=scheme) as page:

        async def judge(path: str) -> None:
            await page.goto(url + path)
            wrong.extend(await faults(page))

        for path in STRANGERS:
            await judge(path)
        await sign_in(page, url, person)
        for path in await paths(world, person):
            await judge(path)
    assert wrong == []


async def test_the_portal_can_be_installed_and_says_so_when_there_is_no_connection(
    world: World, person: Person, chromium: Browser
) -> None:
    """KAMIL-2: an installable web app."""
    async with world.portal() as url, tab(chromium, SMALL, meant=("net::ERR",)) as page:
        await sign_in(page, url, person)
        manifest = await page.evaluate("fetch('/manifest.webmanifest').then(answer => answer.json())")
        assert manifest["display"] == "standalone"
        assert manifest["start_url"] == "/akun"
        for icon in manifest["icons"]:
            size = await page.evaluate(
                "src => new Promise(done => { const i = new Image(); i.onload = () => done(i.width + 'x' + i.height); i.src = src; })",
                icon["src"],
            )
            assert size == icon["sizes"]
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await page.wait_for_function("caches.match('/luring').then(Boolean)")
        kept = await page.evaluate(
            "caches.keys().then(names => Promise.all(names.map(n => caches.open(n).then(c => c.keys()))))"
            ".then(all => all.flat().map(one => new URL(one.url).pathname))"
        )
        assert not [path for path in kept if path.startswith("/akun")]  # nothing of anybody's is kept
        await page.reload()
        await page.wait_for_function("navigator.serviceWorker.controller !== null")
        await page.context.set_offline(offline=True)
        await page.goto(url + "/akun")
        await expect(page.locator("h1")).to_have_text("Tidak ada sambungan")
        await page.context.set_offline(offline=False)
        await page.locator("main a.button").click()
        await expect(page.locator(".hero .figure")).to_have_text("Rp150.000")


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_phone_at_a_hotspot_is_led_through_the_portal_and_back(
    world: World, chromium: Browser, javascript: bool
) -> None:
    came: list[dict[str, str]] = []

    async def login(request: web.Request) -> web.Response:
        came.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(text="<h1>Tersambung</h1>", content_type="text/html")

    router = web.Application()
    router.router.add_post("/login", login)
    await world.nas("pop1", "127.50.0.0/16")
    fields = {
        "link-orig": "http://example.net/",
        "chap-id": r"\371",
        "chap-challenge": r"\357\015\330\013\021\234\145\245\303\253\142\246\133\175\375\316",
    }
    async with (
        served(router, "127.50.0.1") as gate,
        world.portal(trusted_proxies=("127.0.0.1",)) as url,
        tab(chromium, SMALL, meant=NO_ICON, headers=ON_SITE, java_script_enabled=javascript) as page,
    ):
        fields["link-login-only"] = f"{gate}/login"
        hidden = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        await page.set_content(f'<form method="post" action="{url}/hotspot">{hidden}<button>Masuk</button></form>')
        await page.click("button")
        await page.fill("#name", "budi@desa")
        await page.fill("#password", "rahasia123")
        await page.get_by_role("button", name="Masuk").click()
        if not javascript:
            await page.get_by_role("button", name="Lanjutkan").click()
        await expect(page.locator("h1")).to_have_text("Tersambung")
    assert came == [
        {
            "username": "budi@desa",
            "password": "b202e42bc6465945a2210105ded441e0",
            "dst": "http://example.net/",
            "popup": "false",
        }
    ]
