"""Signing in by telephone and by one-time code: who has the code gets in, and nobody learns who is a subscriber."""

import re
from datetime import timedelta
from os import urandom
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.message_templates import MessageTemplates
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.messaging import templates_of
from netbilld.daemon.settings import Settings
from netbilld.ports.outbox import MessageKind
from netbilld.services.login_codes import CodeAsked, LoginCodes, opened_context
from netbilld.services.sign_in import LockedOut
from tests.portal_client import browser, csrf_of, read, sign_in
from tests.portal_world import Person, World


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


async def budi(world: World, **told: Any) -> Person:
    return await world.person("budi@desa", **{"phone": "+6281234567890", "email": "budi@example.net", **told})


async def messages(world: World) -> list[Any]:
    async with world.database.read() as work:
        return list((await work.connection.execute(select(tables.outbox).order_by(tables.outbox.c.id))).all())


async def newest_code(world: World, box: SecretBox) -> str:
    row = (await messages(world))[-1]
    assert row.kind == MessageKind.LOGIN_CODE.value
    return str(opened_context(box, row.context)["code"])


async def ask(client: ClientSession, url: str, name: str) -> tuple[int, str]:
    token = csrf_of(await read(client, url + "/masuk/kode"))
    async with client.post(url + "/masuk/kode", data={"csrf": token, "name": name}) as answer:
        return answer.status, (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")


async def check(client: ClientSession, url: str, name: str, code: str) -> tuple[int, str]:
    token = csrf_of(await read(client, url + "/masuk/kode"))
    data = {"csrf": token, "name": name, "code": code}
    async with client.post(url + "/masuk/kode/periksa", data=data) as answer:
        return answer.status, (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")


def bare(page: str) -> str:
    """Return a page without what names the request."""
    return re.sub(r'name="csrf" value="[^"]+"|name="name" value="[^"]*"', "", page)


@pytest.mark.parametrize("written", ["081234567890", "0812-3456-7890", "+62 812 3456 7890", "6281234567890"])
async def test_a_telephone_signs_in_however_it_is_written(world: World, written: str) -> None:
    person = await budi(world)
    async with world.portal() as url, browser() as client:
        status, page = await sign_in(client, url, written, person.password)
    assert status == 200
    assert person.number in page


async def test_of_people_with_one_telephone_the_password_says_which(world: World) -> None:
    await budi(world)
    siti = await world.person("siti@desa", name="Siti Aminah", phone="+6281234567890", password="lain-lagi-8")
    async with world.portal() as url, browser() as client:
        status, page = await sign_in(client, url, "081234567890", siti.password)
    assert status == 200
    assert "Siti Aminah" in page


@pytest.mark.parametrize("by", ["username", "number", "phone"])
async def test_who_has_the_code_signs_in_once(world: World, box: SecretBox, by: str) -> None:
    person = await budi(world)
    name = {"username": "BUDI@desa", "number": person.number, "phone": "0812 3456 7890"}[by]
    async with world.portal() as url:
        async with browser() as client:
            assert (await ask(client, url, name))[0] == 200
            code = await newest_code(world, box)
            assert re.fullmatch(r"\d{6}", code)
            status, page = await check(client, url, name, f" {code[:3]} {code[3:]} ")
            assert (status, person.number in page) == (200, True)
        async with browser() as other:
            assert (await check(other, url, name, code))[0] == 422


async def test_a_code_is_good_for_five_minutes_and_kept_in_no_row(world: World, box: SecretBox) -> None:
    await budi(world)
    async with world.portal() as url, browser() as client:
        await ask(client, url, "budi@desa")
        code = await newest_code(world, box)
        async with world.database.read() as work:
            kept = (await work.connection.execute(select(tables.login_codes))).one()
        assert code not in "".join(map(str, kept))
        assert code not in str((await messages(world))[-1].context)
        world.now += timedelta(minutes=5)
        assert (await check(client, url, "budi@desa", code))[0] == 422


async def test_the_message_says_the_code_to_its_reader_and_not_to_staff(world: World, box: SecretBox) -> None:
    await budi(world)
    async with world.portal() as url, browser() as client:
        await ask(client, url, "budi@desa")
    told = (await messages(world))[-1].context
    beside = {
        "name": "Budi",
        "subscriber_no": "100001",
        "business_name": "Desa Net",
        "portal_url": None,
        "currency": "IDR",
    }

    def text(templates: MessageTemplates) -> str:
        return " ".join(templates.render(MessageKind.LOGIN_CODE, "id", told | beside))

    code = await newest_code(world, box)
    assert code in text(templates_of(Settings(), box))
    assert code not in text(templates_of(Settings()))


async def test_a_stranger_a_subscriber_and_one_without_an_address_read_the_same(world: World) -> None:
    """No hint whether an account exists: pages, pauses and refusals are alike."""
    await budi(world)
    await world.person("siti@desa", phone=None)  # neither telephone nor e-mail
    names = ("budi@desa", "siti@desa", "tidak@ada", "081200000000")
    asked, again, wrong = set(), set(), set()
    async with world.portal() as url:
        for name in names:
            async with browser() as client:
                status, page = await ask(client, url, name)
                asked.add((status, bare(page)))
                status, page = await ask(client, url, name)
                again.add((status, bare(page)))
                status, page = await check(client, url, name, "000000")
                wrong.add((status, bare(page)))
    assert [len(one) for one in (asked, again, wrong)] == [1, 1, 1]
    assert next(iter(again))[0] == 429
    assert next(iter(wrong))[0] == 422
    assert [one.subscriber_id for one in await messages(world)] == [(await messages(world))[0].subscriber_id]
    async with world.database.read() as work:
        kept = (await work.connection.execute(select(tables.login_codes.c.key))).all()
    assert len(kept) == len(names)


async def test_another_code_has_to_wait_longer_each_time(world: World, box: SecretBox) -> None:
    await budi(world)
    codes = LoginCodes(world.database, box, urandom, timedelta(hours=1))
    waits = []
    for at in range(7):
        source = f"127.9.4.{at}"
        assert isinstance(await codes.ask("budi@desa", source, world.now), CodeAsked)
        again = await codes.ask("budi@desa", source, world.now)
        assert isinstance(again, LockedOut)
        waits.append((again.until_at - world.now).total_seconds() / 60)
        world.now = again.until_at
    assert waits == [1, 1, 2, 4, 8, 15, 15]


async def test_five_wrong_tries_use_a_code_up_whoever_asks(world: World, box: SecretBox) -> None:
    person = await budi(world)
    async with world.portal() as url:
        async with browser() as client:
            await ask(client, url, "budi@desa")
        code = await newest_code(world, box)
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        for at, name in enumerate(("budi@desa", person.number, "081234567890", "BUDI@DESA", person.number)):
            async with browser(f"127.9.1.{at + 1}") as client:
                assert (await check(client, url, name, wrong))[0] == 422
        async with browser("127.9.2.1") as client:
            assert (await check(client, url, "081234567890", code))[0] == 422


async def test_guessing_on_and_on_is_locked_out_by_name_and_by_source(world: World) -> None:
    await budi(world)
    async with world.portal() as url:
        async with browser("127.9.3.1") as client:
            await ask(client, url, "budi@desa")
            statuses = [(await check(client, url, "budi@desa", f"{at:06d}"))[0] for at in range(12)]
        assert statuses[-1] == 429
        async with browser("127.9.3.2") as client:
            statuses = [(await check(client, url, f"nama{at}", "123456"))[0] for at in range(30)]
        assert statuses[-1] == 429


async def test_a_telephone_of_several_subscribers_is_sent_nothing(world: World) -> None:
    await budi(world)
    await world.person("siti@desa", phone="+6281234567890", email="siti@example.net")
    async with world.portal() as url, browser() as client:
        assert (await ask(client, url, "081234567890"))[0] == 200
    assert await messages(world) == []


async def test_asked_for_under_another_name_within_the_pause_the_first_code_stays_good(
    world: World, box: SecretBox
) -> None:
    person = await budi(world)
    async with world.portal() as url, browser() as client:
        await ask(client, url, "budi@desa")
        code = await newest_code(world, box)
        await ask(client, url, person.number)
        assert len(await messages(world)) == 1
        assert (await check(client, url, "081234567890", code))[0] == 200


async def test_a_newer_code_takes_the_place_of_the_one_before(world: World, box: SecretBox) -> None:
    await budi(world)
    async with world.portal() as url, browser() as client:
        await ask(client, url, "budi@desa")
        first = await newest_code(world, box)
        world.now += timedelta(seconds=61)
        await ask(client, url, "budi@desa")
        second = await newest_code(world, box)
        assert [one.state for one in await messages(world)] == ["withdrawn", "queued"]
        if first != second:
            assert (await check(client, url, "budi@desa", first))[0] == 422
        assert (await check(client, url, "budi@desa", second))[0] == 200


async def test_forms_for_codes_are_taken_from_our_own_pages_only(world: World) -> None:
    await budi(world)
    async with world.portal() as url, browser() as client:
        token = csrf_of(await read(client, url + "/masuk/kode"))
        for path, data in (("/masuk/kode", {"name": "budi@desa"}), ("/masuk/kode/periksa", {"name": "x", "code": "1"})):
            for sent, headers in (
                ({}, {}),
                ({"csrf": "x" * len(token)}, {}),
                ({"csrf": token}, {"Origin": "http://evil.example"}),
                ({"csrf": token}, {"Sec-Fetch-Site": "cross-site"}),
            ):
                async with client.post(url + path, data={**data, **sent}, headers=headers) as answer:
                    assert answer.status == 403
    assert await messages(world) == []


async def test_garbage_for_a_code_or_a_name_is_only_wrong(world: World) -> None:
    await budi(world)
    async with world.portal() as url, browser() as client:
        for name in ("budi@desa", "' OR 1=1 --", "a" * 300, "１２３"):
            for code in ("", "' OR 1=1", "１２３４５６", "9" * 500):
                assert (await check(client, url, name, code))[0] in {422, 429}, (name, code)
                world.now += timedelta(hours=2)
        assert (await ask(client, url, "   "))[0] == 422


async def test_one_sign_in_sees_all_services_and_only_those_of_the_subscriber(world: World) -> None:
    first = await budi(world)
    second = await world.person("toko@desa", of=first, password="lain-lagi-8", plan_name="Toko")
    other = await world.person("siti@desa")
    async with world.portal() as url, browser() as client:
        status, page = await sign_in(client, url, first.username, first.password)
        assert status == 200
        assert "toko@desa" in page
        assert "siti@desa" not in page
        token = csrf_of(page)
        async with client.post(
            url + "/akun/layanan", data={"csrf": token, "service": str(second.service_id)}
        ) as answer:
            assert answer.status == 200
            assert "toko@desa · no." in (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")
        for guess in (str(other.service_id), str(first.subscriber_id), "x", ""):
            async with client.post(url + "/akun/layanan", data={"csrf": token, "service": guess}) as answer:
                assert answer.status == 404
        async with client.post(url + "/akun/layanan", data={"service": str(first.service_id)}) as answer:
            assert answer.status == 403
