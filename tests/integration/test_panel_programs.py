"""Pages about programs: tokens, webhooks and what the API says of itself."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.webhook_client import WebhookClient
from netbilld.daemon.settings import Settings, WebhookSettings
from netbilld.panel.api.operations import OPERATIONS
from netbilld.services.deliver_webhooks import DeliverWebhooks
from netbilld.services.manage_tokens import ManageTokens
from tests.api_world import Program, api_app, client_of
from tests.panel_fixture import Browser, PanelWorld
from tests.webhook_receiver import Receiver, receiver


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld, tmp_path: Path) -> AsyncIterator[Browser]:
    settings = Settings(data_dir=tmp_path, webhooks=WebhookSettings(allow_private=True))
    async with client_of(api_app(world, tmp_path, settings)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


@pytest.fixture
async def bank() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


async def made_token(browser: Browser, **form: str) -> str:
    """Make a token by the form; return it from the page that shows it."""
    asked = {"name": "Bank", "scope": "view_money", "days": "90", "rate": "60"} | form
    answer = await browser.send("/tokens", asked)
    assert answer.status == 200, await answer.text()
    found = re.search(r'class="one-time mono secret">([^<]+)<', await answer.text())
    assert found is not None
    return found[1]


async def test_a_token_is_made_on_a_page_that_shows_it_once_and_revoked_on_another(
    world: PanelWorld, browser: Browser
) -> None:
    """INCA-15: keys with scopes, made by staff."""
    clear = await made_token(browser)
    program = Program(browser.client, clear)
    assert await program.get("/payments") == {"next_cursor": None, "items": []}
    assert (await program.ask("GET", "/plans")).code == "scope_missing"
    [token] = await ManageTokens(world.database, entropy).list()
    assert token.expires_at == world.clock.now() + timedelta(days=90)
    assert token.created_by == "admin@rumahnet.example"
    page = await browser.page("/tokens")
    assert "Bank" in page
    assert clear not in page
    answer = await browser.send(f"/tokens/{token.id}/revoke")
    assert (answer.status, answer.headers["Location"]) == (303, "/tokens?done=token-revoked")
    assert (await program.ask("GET", "/payments")).code == "token_revoked"
    assert (await browser.send(f"/tokens/{uuid4()}/revoke")).status == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": ""}, "Tulis untuk program apa."),
        ({"name": "<script>alert(1)</script>", "scope": ""}, "Pilih yang boleh dilakukan."),
        ({"rate": "0"}, "Tulis angka dari 1 sampai 60000."),
        ({"rate": "١"}, "Tulis angka dari 1 sampai 60000."),
        ({"days": "7"}, "Pilih masa berlakunya."),
        ({"scope": "manage_staff"}, "Pilih yang boleh dilakukan."),
        ({"areas": "/"}, "Tulis wilayah"),
    ],
)
async def test_what_is_wrong_with_a_token_stands_beside_the_field_and_nothing_typed_is_lost(
    browser: Browser, form: dict[str, str], said: str
) -> None:
    asked = {"name": "Bank <b>", "scope": "view_money", "days": "90", "rate": "60"} | form
    answer = await browser.send("/tokens", asked)
    text = await answer.text()
    assert answer.status == 422
    assert said in text
    assert "<script>alert" not in text
    assert "<b>" not in text.split("<form", 2)[-1].split('name="name"')[1].split(">")[0]
    if "name" not in form:
        assert "Bank &lt;b&gt;" in text


async def test_the_same_token_form_twice_makes_one(world: PanelWorld, browser: Browser) -> None:
    await made_token(browser)
    answer = await browser.send("/tokens", {"name": "bank", "scope": "view_money", "days": "90", "rate": "60"})
    assert answer.status == 422
    assert "Sudah ada token dengan nama itu" in await answer.text()
    assert len(await ManageTokens(world.database, entropy).list()) == 1


async def test_a_webhook_is_added_tested_seen_failing_and_sent_again(
    world: PanelWorld, browser: Browser, bank: Receiver
) -> None:
    """INCA-15: outgoing webhooks with a log and a replay button."""
    answer = await browser.send("/webhooks", {"name": "Bank", "url": bank.url, "event": "payment.received"})
    found = re.search(
        r'class="one-time mono secret">([^<]+)<.*?/webhooks/([0-9a-f-]{36})', await answer.text(), re.DOTALL
    )
    assert found is not None
    secret, place = found[1], f"/webhooks/{found[2]}"
    assert secret not in await browser.page(place)
    client = WebhookClient(allow_private=True, timeout_seconds=5)
    deliver = DeliverWebhooks(world.database, world.box, client, world.clock, timedelta(days=30))
    bank.status = 503
    assert (await browser.send(f"{place}/ping")).headers["Location"] == f"{place}?done=webhook-ping"
    await deliver.run()
    page = await browser.page(place)
    assert "answered 503" in page
    assert "Dicoba lagi nanti" in page
    replay = re.search(rf'action="({place}/deliveries/\d+/replay)"', page)
    assert replay is not None
    bank.status = 200
    assert (await browser.send(replay[1])).status == 303
    assert await deliver.run() == 1
    assert "Terkirim" in await browser.page(place)
    assert [one.is_signed_by(secret) for one in bank.told] == [True, True]
    assert bank.told[0].event["id"] == bank.told[1].event["id"]

    await browser.send(f"{place}/switch", {"active": "no"})
    assert "Mati" in await browser.page("/webhooks")
    other = f"/webhooks/{uuid4()}"
    for path in (f"{other}/ping", f"{other}/switch", f"{other}/remove", replay[1].replace(place, other)):
        assert (await browser.send(path)).status == 404, path
    assert (await browser.send(f"{place}/deliveries/999999/replay")).status == 404
    assert "Hapus webhook" in await browser.page(f"{place}/remove")
    assert (await browser.send(f"{place}/remove")).headers["Location"] == "/webhooks?done=webhook-removed"
    assert (await browser.client.get(place)).status == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"url": "javascript:alert(1)"}, "Tulis alamat"),
        ({"name": " "}, "Tulis program apa."),
        ({"event": "x"}, "Pilih kejadian"),
    ],
)
async def test_what_is_wrong_with_a_webhook_stands_beside_the_field(
    browser: Browser, form: dict[str, str], said: str
) -> None:
    asked = {"name": "Bank", "url": "https://example.net/", "event": "payment.received"} | form
    answer = await browser.send("/webhooks", asked)
    assert answer.status == 422
    assert said in await answer.text()


async def test_the_description_is_complete_and_open_to_everybody(world: PanelWorld, tmp_path: Path) -> None:
    async with client_of(api_app(world, tmp_path)) as client:
        page = unescape(await (await client.get("/api/v1/docs")).text())
        for endpoint in OPERATIONS:
            assert f'id="{endpoint.name}"' in page, endpoint.name
            assert endpoint.says in page, endpoint.name
        assert "<script" not in page
        document = await (await client.get("/api/v1/openapi.json")).json()
        assert document["openapi"] == "3.1.0"
        names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
        assert sorted(names) == sorted(endpoint.name for endpoint in OPERATIONS)
