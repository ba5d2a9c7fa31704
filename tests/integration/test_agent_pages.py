"""The pages of agents on the portal's port: their own log-in, two clicks, forged forms, and nobody else's things."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.panel.portal.agent_parts import AgentParts
from netbilld.services.sign_in_agent import SignInAgent
from tests.agent_town import SECRET, Town
from tests.panel_fixture import PASSWORDS
from tests.portal_client import browser, csrf_of
from tests.portal_world import World
from tests.voucher_world import ANI, T0

pytestmark = pytest.mark.slow


@asynccontextmanager
async def pages(town: Town) -> AsyncIterator[str]:
    """Serve the portal with its agents."""
    sign_in = SignInAgent(town.database, PASSWORDS, entropy, timedelta(hours=12))
    world = World(town.database, town.box, now=T0)
    async with world.portal(agents=AgentParts(town.database, town.agents, town.selling, sign_in)) as url:
        yield url


async def signed_in(client: ClientSession, url: str, name: str = "sari") -> str:
    async with client.get(url + "/agen/masuk") as answer:
        csrf = csrf_of(await answer.text())
    data = {"csrf": csrf, "name": name, "password": SECRET}
    async with client.post(url + "/agen/masuk", data=data) as answer:
        assert answer.status == 200
        return await answer.text()


def once_of(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
async def town(database: Database, box: SecretBox) -> Town:
    made = Town(database, box)
    await made.begin()
    return made


async def test_an_agent_sells_once_however_often_the_form_is_sent(town: Town) -> None:
    await town.agents.deposit("sari", 20_000, actor=ANI, now=T0)
    number = await town.for_agents()
    async with pages(town) as url, browser() as client:
        page = await signed_in(client, url)
        form = {"csrf": csrf_of(page), "once": once_of(page), "batch": str(number), "count": "2"}
        shown = []
        for _ in range(2):
            async with client.post(url + "/agen/voucher", data=form) as answer:
                shown.append((str(answer.url), await answer.text()))
        assert shown[0][0] == shown[1][0]
        assert len(re.findall('<b class="code">', shown[0][1])) == 2
        assert await town.balance("agent:sari") == 12_000
        again = {**form, "once": once_of(page)[::-1], "count": "4"}
        async with client.post(url + "/agen/voucher", data=again) as answer:
            refused = await answer.text()
            assert answer.status == 422
        assert "Deposit tidak cukup" in refused
        assert 'value="4"' in refused  # what was typed is still there
        changed = {**form, "count": "1"}  # "back" in the browser, another number: said, and the form can be sent again
        async with client.post(url + "/agen/voucher", data=changed) as answer:
            page = await answer.text()
            assert answer.status == 422
        assert "sudah pernah dikirim" in page
        assert once_of(page) != form["once"]
        for wrong in ({"count": "0"}, {"count": "x"}, {"batch": "999"}, {"batch": "1; drop"}, {"once": ""}):
            async with client.post(url + "/agen/voucher", data={**again, **wrong}) as answer:
                assert answer.status == 422
        async with browser() as other:
            await signed_in(other, url, "joko")
            async with other.get(shown[0][0]) as answer:
                assert answer.status == 404


async def test_an_agent_takes_money_of_their_own_subscribers_alone(town: Town) -> None:
    await town.agents.deposit("sari", 100_000, actor=ANI, now=T0)
    async with pages(town) as url, browser() as client:
        page = await signed_in(client, url)
        assert town.numbers["budi"] in page
        assert town.numbers["tono"] not in page
        form = {"csrf": csrf_of(page), "once": once_of(page), "amount": "50000"}
        async with client.post(url + "/agen/isi", data={**form, "number": town.numbers["tono"]}) as answer:
            assert answer.status == 422
        async with client.post(url + "/agen/isi", data={**form, "number": town.numbers["budi"]}) as answer:
            receipt = str(answer.url)
            assert "50.000" in await answer.text()
        async with client.get(url + "/agen/mutasi") as answer:
            statement = await answer.text()
        assert "Komisi<br>" in statement
        async with browser() as other:
            await signed_in(other, url, "joko")
            async with other.get(receipt) as answer:
                assert answer.status == 404


async def test_forms_from_elsewhere_and_cookies_of_another_realm_do_nothing(town: Town) -> None:
    await town.agents.deposit("sari", 20_000, actor=ANI, now=T0)
    number = await town.for_agents()
    async with pages(town) as url, browser() as client:
        page = await signed_in(client, url)
        form = {"csrf": csrf_of(page), "once": once_of(page), "batch": str(number), "count": "1"}
        async with client.post(url + "/agen/voucher", data=form, headers={"Origin": "http://evil.example"}) as answer:
            assert answer.status == 403
        async with client.post(url + "/agen/voucher", data={**form, "csrf": "x"}) as answer:
            assert answer.status == 403
        async with client.get(url + "/akun") as answer:
            assert answer.url.path == "/masuk"  # an agent is no subscriber
        async with client.post(url + "/agen/keluar", data={"csrf": form["csrf"]}) as answer:
            assert answer.url.path == "/agen/masuk"
        async with client.get(url + "/agen") as answer:
            assert answer.url.path == "/agen/masuk"
    assert await town.balance("agent:sari") == 20_000
