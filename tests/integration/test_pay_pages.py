"""Pay from the phone, by a link: with JavaScript off, inside the walls, as whoever has the link (BANG-2.4b, INCA-5)."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse, ClientSession

from netbilld.adapters.secretbox import SecretBox
from netbilld.services.pay_links import LinkKind, Target, pay_token, target_of
from tests.builders.documents import STATIC_QRIS
from tests.fake_gateways import FakeMidtrans
from tests.integration.gateway_world import PRICE, Shop, sqlite_shop_of


@pytest.fixture
async def shop(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, FakeMidtrans(), qris=STATIC_QRIS) as made:
        yield made


async def invoice_number(shop: Shop) -> str:
    async with shop.database.read() as work:
        return (await work.invoices.open_of(shop.person.subscriber_id))[0].number or ""


def link(shop: Shop, kind: LinkKind, number: str) -> str:
    return f"{shop.url}/bayar/{quote(pay_token(shop.box, Target(kind, number)), safe='')}"


async def text_of(answer: ClientResponse, status: int = 200) -> str:
    text = await answer.text()
    assert answer.status == status, text[:500]
    return text


async def test_a_bill_is_paid_by_its_link_and_the_page_says_so(shop: Shop) -> None:
    address = link(shop, LinkKind.INVOICE, await invoice_number(shop))
    async with ClientSession() as browser:
        page = await text_of(await browser.get(address))
        assert "Rp200.000" in page
        assert "Bu•••" in page
        assert "Budi" not in page  # whoever found the link learns little
        assert 'value="midtrans:qris"' in page
        answer = await browser.post(address, data={"way": "midtrans:qris"})
        page = await text_of(answer)
        assert "data:image/svg+xml" in page
        assert "http-equiv" in page  # it looks again without JavaScript too
        ref = str(answer.url).rpartition("/")[2]
        assert answer.headers["Referrer-Policy"] == "same-origin"  # the address is what lets one in
        again = await browser.post(address, data={"way": "midtrans:qris"})
        assert str(again.url).endswith(ref)
        shop.fake.pay(ref)
        await shop.fake.tell(ref, times=2)
        await shop.settle()
        page = await text_of(await browser.get(answer.url))
        assert "Sudah diterima" in page
        assert "Lunas" in await text_of(await browser.get(address))
        assert (await browser.post(address, data={"way": "midtrans:qris"})).status == 422
    assert await shop.paid() == (0, 0, 1)


async def test_a_number_to_pay_to_is_shown_and_can_be_copied(shop: Shop) -> None:
    async with ClientSession() as browser:
        address = link(shop, LinkKind.SUBSCRIBER, shop.person.number)
        page = await text_of(await browser.post(address, data={"way": "midtrans:va_bca"}))
        assert "12345678901" in page
        assert 'data-copy="number"' in page
        page = await text_of(await browser.post(address, data={"way": "midtrans:page"}))
        assert f"{shop.fake.url}/snap/v3/redirection/t" in page


async def test_whoever_says_they_have_paid_has_the_gateway_asked(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    async with ClientSession() as browser:
        address = f"{link(shop, LinkKind.SUBSCRIBER, shop.person.number)}/{attempt.ref}"
        await text_of(await browser.post(address, data={"x": "1"}))
        assert await shop.follow.look() == 1
        assert "Sudah diterima" in await text_of(await browser.get(address))


async def test_who_owes_nothing_tops_up_the_wallet(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    address = link(shop, LinkKind.SUBSCRIBER, shop.person.number)
    async with ClientSession() as browser:
        for wrong in ("", "seribu", "-5", "999", "1.5e3", "9" * 19):
            page = await text_of(await browser.post(address, data={"way": "midtrans:qris", "amount": wrong}), 422)
            assert 'role="alert"' in page
        answer = await browser.post(address, data={"way": "midtrans:qris", "amount": "Rp 50.000"})
        ref = str(answer.url).rpartition("/")[2]
    shop.fake.pay(ref)
    await shop.fake.tell(ref)
    await shop.settle()
    assert await shop.paid() == (0, 50_000, 2)


async def test_links_can_t_be_guessed_nor_made_of_another(shop: Shop) -> None:
    token = pay_token(shop.box, Target(LinkKind.SUBSCRIBER, shop.person.number))
    mark = token.rpartition(".")[2]
    attempt = await shop.attempt()
    other = await shop.world.person("tuti", activated_on=shop.now.date())
    theirs = link(shop, LinkKind.SUBSCRIBER, other.number)
    assert target_of(shop.box, token.lower()) == Target(LinkKind.SUBSCRIBER, shop.person.number)
    async with ClientSession() as browser:
        for wrong in (
            f"{shop.url}/bayar/{other.number}.{mark}",
            f"{shop.url}/bayar/{shop.person.number}.{mark[::-1]}",
            f"{shop.url}/bayar/{shop.person.number}.",
            f"{shop.url}/bayar/.{mark}",
            f"{shop.url}/bayar/%00.{mark}",
            f"{shop.url}/bayar/{shop.person.number}%20.{mark}",
            f"{theirs}/{attempt.ref}",
        ):
            assert (await browser.get(wrong)).status in {400, 404}, wrong
        assert (await browser.post(f"{theirs}/{attempt.ref}", data={"x": "1"})).status == 404
        forged = {"Origin": "https://evil.example"}
        assert (await browser.post(theirs, data={"way": "midtrans:qris"}, headers=forged)).status == 403


async def test_a_gateway_that_is_down_is_said_in_the_payers_language(shop: Shop) -> None:
    address = link(shop, LinkKind.SUBSCRIBER, shop.person.number)
    shop.fake.faults = [503]
    async with ClientSession() as browser:
        page = await text_of(await browser.post(address, data={"way": "midtrans:qris"}), 422)
        assert "sedang tidak menjawab" in page
        shop.now += timedelta(minutes=1)
        for _ in range(20):  # somebody who plays with the buttons
            shop.fake.faults = [503]
            shop.now += timedelta(seconds=30)
            page = await text_of(await browser.post(address, data={"way": "midtrans:qris"}), 422)
        assert "Terlalu banyak" in page
    assert len(shop.fake.asked) <= 12


async def test_our_own_qris_code_bears_an_amount_by_which_the_payment_is_known(shop: Shop) -> None:
    address = link(shop, LinkKind.INVOICE, await invoice_number(shop))
    async with ClientSession() as browser:
        answer = await browser.post(address, data={"way": "own:qris"})
        page = await text_of(answer)
        assert str(answer.url).endswith("/qris")
        amounts = [int(found.replace(".", "")) for found in re.findall(r"Rp(200\.\d{3})", page)]
        assert amounts
        assert PRICE < amounts[0] < PRICE + 1000
        assert await text_of(await browser.get(answer.url)) == page  # the same one again
    async with shop.database.read() as work:
        [code] = await work.payment_codes.of_amounts("IDR", amounts[:1])
    assert code.subscriber_id == shop.person.subscriber_id
