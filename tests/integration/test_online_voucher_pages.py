"""The hotspot's page where a voucher is bought: without scripts, with a page that grew old, and by who means ill."""

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from aiohttp import ClientSession

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.online_kiosk import OnlineKiosk, a_router, online_kiosk
from tests.portal_client import browser

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)]
FORM = re.compile(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)


@pytest.fixture
async def kiosk(database: Database, box: SecretBox) -> AsyncIterator[OnlineKiosk]:
    async with online_kiosk(database, box) as made, made.world.portal(pay=made.pay) as portal:
        made.fake.hook = f"{portal}/hook/midtrans"
        yield made


def forms_of(page: str) -> dict[str, dict[str, str]]:
    """Return the hidden fields and first choices of a page's forms, by where they go."""
    found = {}
    for action, inside in FORM.findall(page):
        fields = re.findall(r'name="([^"]+)" value="([^"]*)"', inside)
        found[action] = dict(reversed(fields))
    return found


async def open_page(client: ClientSession, portal: str, router_url: str) -> str:
    async with client.get(router_url + "/") as answer:
        fields = forms_of(await answer.text())[f"{portal}/hotspot"]
    fields = {name: value.replace("&amp;", "&") for name, value in fields.items()}
    async with client.post(f"{portal}/hotspot", data=fields) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_visitor_buys_without_scripts_and_is_let_in_although_the_page_grew_old(kiosk: OnlineKiosk) -> None:
    await kiosk.offer(name="Wi-Fi <b>Pantai</b>")
    portal = kiosk.fake.hook.removesuffix("/hook/midtrans")
    async with a_router(kiosk, portal) as router, browser("127.0.0.1") as client:
        page = await open_page(client, portal, router.url)
        assert "<b>Pantai</b>" not in page
        fields = forms_of(page)["/hotspot/beli"]
        async with client.post(f"{portal}/hotspot/beli", data={**fields, "way": "midtrans:qris"}) as answer:
            assert answer.status == 200
            place, page = str(answer.url), await answer.text()
        assert "QRIS" in page
        ref = place.rpartition("/")[2].partition(".")[0]
        await kiosk.paid(ref)
        await kiosk.node.load()
        router.forget_challenge()  # somebody else opened the page meanwhile
        async with client.get(place) as answer:
            assert str(answer.url).endswith("/masuk")
            assert f"form-action {router.url};" in answer.headers["Content-Security-Policy"]
            sent = forms_of(await answer.text())[f"{router.url}/login"]
        async with client.post(f"{router.url}/login", data=sent) as answer:
            again = forms_of(await answer.text())[f"{portal}/hotspot"]  # refused: its log-in page once more
        assert again["error"]
        async with client.post(f"{portal}/hotspot", data=again) as answer:
            sent = forms_of(await answer.text())[f"{router.url}/login"]
        async with client.post(f"{router.url}/login", data=sent) as answer:
            page = await answer.text()
        assert router.online
        assert router.tries == 2
        back = re.search(r"url=([^\"]+)\"", page)
        assert back is not None
        assert back[1].startswith(place)
        async with client.get(unescape(back[1])) as answer:
            assert "Internet Anda aktif" in await answer.text()


async def test_a_code_that_the_router_refuses_is_not_sent_for_ever(kiosk: OnlineKiosk) -> None:
    await kiosk.offer()
    portal = kiosk.fake.hook.removesuffix("/hook/midtrans")
    async with a_router(kiosk, portal) as router, browser("127.0.0.1") as client:
        page = await open_page(client, portal, router.url)
        fields = {**forms_of(page)["/hotspot/beli"], "way": "midtrans:qris"}
        async with client.post(f"{portal}/hotspot/beli", data=fields) as answer:
            place = str(answer.url)
        kiosk.fake.pay(place.rpartition("/")[2].partition(".")[0])
        await kiosk.fake.tell(place.rpartition("/")[2].partition(".")[0])
        while await kiosk.follow.run():  # and the router's RADIUS server has not heard of it
            pass
        async with client.get(place) as answer:
            sent = forms_of(await answer.text())[f"{router.url}/login"]
        for _ in range(2):
            async with client.post(f"{router.url}/login", data=sent) as answer:
                again = forms_of(await answer.text())[f"{portal}/hotspot"]
            async with client.post(f"{portal}/hotspot", data=again) as answer:
                page = await answer.text()
            sent = forms_of(page).get(f"{router.url}/login", {})
        assert sent == {}
        assert "tidak cocok" in page
        assert re.search(r'name="code" value="[A-Z0-9 ]{8,}"', page)  # typed already


async def test_hostile_orders_are_refused(kiosk: OnlineKiosk) -> None:
    await kiosk.offer()
    portal = kiosk.fake.hook.removesuffix("/hook/midtrans")
    async with a_router(kiosk, portal) as router, browser("127.0.0.1") as client:
        page = await open_page(client, portal, router.url)
        fields = {**forms_of(page)["/hotspot/beli"], "way": "midtrans:qris"}
        for changed, status in (
            ({"link-login-only": "http://evil.example/login"}, 400),
            ({"once": ""}, 400),
            ({"once": "x" * 100}, 400),
            ({"number": "99"}, 422),
            ({"number": "1e9"}, 422),
            ({"number": "²"}, 422),
            ({"way": "midtrans:va_bca"}, 422),
            ({"way": "tripay:qris"}, 422),
        ):
            async with client.post(f"{portal}/hotspot/beli", data={**fields, **changed}) as answer:
                assert answer.status == status, changed
        async with client.post(
            f"{portal}/hotspot/beli", data=fields, headers={"Origin": "http://evil.example"}
        ) as answer:
            assert answer.status == 403
        for path in (
            "/beli/VC-AAAAAAAAAAAA.AAAAAAAAAAAAAAAA",
            "/beli/VC-AAAAAAAAAAAA.AAAAAAAAAAAAAAAA/masuk",
            "/beli/x",
        ):
            async with client.get(portal + path, allow_redirects=False) as answer:
                assert answer.status == 404
        evil = {**fields, "link-orig": "javascript:alert(1)"}
        async with client.post(f"{portal}/hotspot/beli", data=evil) as answer:
            place = str(answer.url)
        await kiosk.paid(place.rpartition("/")[2].partition(".")[0])
        async with client.get(place + "?coba=1") as answer:
            assert "javascript:" not in await answer.text()
