"""Staff's pages of gateways: what waits is decided once, money goes back once, reports are compared."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData
from sqlalchemy import update

from netbilld.adapters.database.tables import gateway_attempts
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.report_layout import LAYOUTS
from netbilld.model.permissions import Role
from netbilld.panel.gateway_parts import GatewayParts
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.settle_gateways import SettleGateways
from tests.fake_gateways import FakeMidtrans
from tests.integration.gateway_world import PRICE, Shop, sqlite_shop_of
from tests.integration.money_world import ZONE
from tests.panel_fixture import Browser, PanelWorld, client_of, plain


@pytest.fixture
async def shop(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, FakeMidtrans()) as made:
        yield made


@pytest.fixture
async def browser(shop: Shop, box: SecretBox) -> AsyncIterator[Browser]:
    world = PanelWorld(shop.database, box)
    parts = GatewayParts(
        store=shop.database,
        names=("midtrans",),
        refundable=frozenset({"midtrans"}),
        follow=shop.follow,
        decide=DecideCallbacks(shop.database, timezone=ZONE),
        refund=shop.refund,
        settle=SettleGateways(shop.database, timezone=ZONE, currency="IDR", method="transfer"),
        layouts=LAYOUTS,
    )
    shop.now = world.clock.now()
    async with client_of(world.app(gateways=parts)) as client:
        made = Browser(client)
        await made.sign_in(await world.staff(Role.ACCOUNTING))
        yield made


async def test_a_payment_shows_what_was_said_and_goes_back_once(shop: Shop, browser: Browser) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    here = f"/gateways/attempts/{attempt.ref}"
    assert attempt.ref in await browser.page("/gateways?state=open")
    assert (await browser.send(f"{here}/ask")).headers["Location"] == f"{here}?done=asked"
    page = plain(await browser.page(f"{here}?done=asked"))
    assert "Lunas" in page
    assert "Rp200.000" in page.replace(" ", "")
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once is not None
    assert (await browser.send(f"{here}/refund", {"once": once[1], "amount": "abc", "why": "x"})).status == 422
    form = {"once": once[1], "amount": "50000", "why": "kelebihan"}
    for _ in range(2):  # two clicks
        assert (await browser.send(f"{here}/refund", form)).status == 303
    assert shop.fake.payments[attempt.ref].refunded == 50_000
    assert await shop.paid() == (50_000, 0, 1)
    answer = await browser.send(f"{here}/refund", {**form, "once": "b" * 32, "amount": "900000"})
    assert answer.status == 422
    assert (await browser.send("/gateways/attempts/100001-AAAAAAAAAAAA/refund", form)).status == 404


async def test_a_payment_that_ran_out_has_a_page(shop: Shop, browser: Browser) -> None:
    """Something was said of it and nothing is booked: its page was a fault."""
    attempt = await shop.attempt()
    shop.fake.becomes(attempt.ref, "expired")
    here = f"/gateways/attempts/{attempt.ref}"
    await browser.send(f"{here}/ask")
    page = plain(await browser.page(here))
    assert "Kedaluwarsa" in page
    assert "Rp0" in page.replace("\xa0", "").replace(" ", "")


async def test_a_refund_whose_answer_was_lost_is_ended_from_its_page(shop: Shop, browser: Browser) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    here = f"/gateways/attempts/{attempt.ref}"
    await browser.send(f"{here}/ask")
    shop.fake.faults = [-1]
    form = {"once": "a" * 32, "amount": "50000", "why": "kelebihan"}
    assert (await browser.send(f"{here}/refund", form)).status == 422
    assert f"{here}/refund/end" in await browser.page(here)
    assert (await browser.send(f"{here}/refund/end", {"what": "guess"})).status == 422
    assert (await browser.send(f"{here}/refund/end", {"what": "ask"})).status == 303
    assert (await browser.send(f"{here}/refund/end", {"what": "not_done"})).status == 422
    assert shop.fake.payments[attempt.ref].refunded == 50_000
    assert await shop.paid() == (50_000, 0, 1)
    assert f"{here}/refund/end" not in await browser.page(here)


async def test_what_waits_is_given_to_its_payer_or_laid_aside_once(shop: Shop, browser: Browser) -> None:
    attempt = await shop.attempt()
    shop.fake.payments[attempt.ref].amount = PRICE - 500
    shop.fake.pay(attempt.ref)
    shop.fake.new("999999-ABCDEFGHIJKL", 5_000, "qris")
    shop.fake.pay("999999-ABCDEFGHIJKL")
    await shop.fake.tell(attempt.ref)
    await shop.fake.tell("999999-ABCDEFGHIJKL")
    await shop.settle()
    first, second = await shop.inbox()
    page = await browser.page("/gateways/inbox")
    assert f'value="{shop.person.number}"' in page  # who it is most likely from
    assert "jumlah berbeda dari yang diminta" in page
    assert (await browser.send(f"/gateways/inbox/{first.id}/give", {"to": "siapa"})).status == 422
    answer = await browser.send(f"/gateways/inbox/{first.id}/give", {"to": shop.person.number})
    assert answer.headers["Location"].startswith("/payments/")
    assert await shop.paid() == (500, 0, 1)
    assert (await browser.send(f"/gateways/inbox/{first.id}/give", {"to": shop.person.number})).status == 422
    assert await shop.paid() == (500, 0, 1)
    await shop.fake.tell(attempt.ref)  # told again: known by what was decided
    await shop.settle()
    assert (await shop.inbox())[-1].verdict == "known_by_hand"
    assert (await browser.send(f"/gateways/inbox/{second.id}/again")).status == 303
    await shop.settle()
    assert (await browser.send(f"/gateways/inbox/{second.id}/aside", {"why": ""})).status == 422
    assert (await browser.send(f"/gateways/inbox/{second.id}/aside", {"why": "toko lain"})).status == 303
    assert [one.state for one in await shop.inbox()] == ["decided", "decided", "done"]
    assert (await browser.send("/gateways/inbox/999999/again")).status == 404


async def test_what_waits_of_nobody_leads_to_its_payment_too(shop: Shop, browser: Browser) -> None:
    """Of a voucher that was bought: whose it is nobody knows, and what was asked for is on record."""
    attempt = await shop.attempt()
    async with shop.database.write() as work:
        await work.connection.execute(update(gateway_attempts).values(subscriber_id=None))
    shop.fake.payments[attempt.ref].amount = PRICE - 500
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    page = await browser.page("/gateways/inbox")
    assert f'href="/gateways/attempts/{attempt.ref}"' in page
    assert (await browser.page(f"/gateways/attempts/{attempt.ref}")).count(attempt.ref)


async def test_a_report_is_compared_and_differences_are_seen_to(shop: Shop, browser: Browser) -> None:
    attempt = await shop.attempt()
    payment = shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()

    async def bring(text: str) -> str:
        data = FormData({"csrf": await browser.token(), "gateway": "midtrans"})
        data.add_field("file", io.BytesIO(text.encode()), filename="laporan.csv", content_type="text/csv")
        async with browser.client.post("/gateways/differences", data=data) as answer:
            return plain(await answer.text())

    head = "ref,transaction,amount,fee,payout,settled_on\n"
    assert "CSV, line 2" in await bring(head + "a,b,1.5,,,\n") or "baris" in await bring(head + "a,b,1.5,,,\n")
    day = shop.now.date().isoformat()
    page = await bring(head + f"{attempt.ref},{payment.name},{PRICE + 7},1000,PO-1,{day}\nx,y,5000,,,\n")
    assert "jumlah berbeda" in page
    assert "dibayar di gateway, tidak ada di pembukuan" in page
    found = re.search(r"/gateways/differences/(\d+)", page)
    assert found is not None
    assert (await browser.send(found[0], {"why": "sudah dicek"})).status == 303
    page = await bring(head + f"{attempt.ref},{payment.name},{PRICE},1000,PO-1,{day}\n")
    assert "1 pencairan dibukukan" in page
    assert await shop.held() == 0
