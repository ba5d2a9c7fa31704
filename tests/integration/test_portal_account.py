"""Signing in to the portal, and what a subscriber sees of their own and of nobody else's."""

import re
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.errors import StoreUnavailableError
from tests.portal_client import browser, csrf_of, read, sign_in, signed_in
from tests.portal_world import ADDRESS, NOW, PER_USE, SITE, Person, World

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


async def rich(world: World, username: str, number: str) -> tuple[Person, UUID, UUID]:
    """Return a subscriber with an invoice and a payment."""
    person = await world.person(username, name=f"Pemilik {username}")
    await world.due(person, Access.ACTIVE, "ok")
    invoice_id = await world.invoice(person, number, date(2026, 11, 25), text=f"baris {number}")
    return person, invoice_id, await world.payment(person, 200_000, invoice_id=invoice_id, reference=f"REF {number}")


@pytest.mark.parametrize("by", ["username", "upper", "number", "spaces"])
async def test_a_user_name_or_a_subscriber_number_signs_in(world: World, by: str) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    name = {"username": "budi@desa", "upper": "BUDI@Desa", "number": person.number, "spaces": f" {person.number} "}[by]
    async with world.portal() as url, browser() as client:
        status, page = await sign_in(client, url, name, person.password)
        assert (status, "Pemilik budi@desa" in page) == (200, True)


async def test_unknown_names_and_wrong_passwords_get_the_same_answer(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    pages = set()
    async with world.portal() as url:
        for name, password in (
            ("budi@desa", "salah"),
            (person.number, "salah"),
            ("tidak@ada", "rahasia123"),
            ("999999", "rahasia123"),
            ("budi@desa", "RAHASIA123"),
            ("budi@desa", "nobody has this password"),
            ("tidak@ada", "nobody has this password"),
        ):
            async with browser() as client:
                status, page = await sign_in(client, url, name, password)
                assert status == 422
                assert "csrf" in page
                pages.add(re.sub(r'name="csrf" value="[^"]+"|id="name" name="name" value="[^"]*"', "", page))
    assert len(pages) == 1


async def test_strange_input_is_refused_and_breaks_nothing(world: World) -> None:
    await rich(world, "budi@desa", "INV-1")
    names = ("budi@desa", "", "\0", "%00", "' OR 1=1 --", "１２３", "a" * 5000)
    passwords = ("", "\0", "\ufffd", "a" * 5000)
    async with world.portal() as url, browser() as client:
        for name in names:
            for password in passwords:
                assert (await sign_in(client, url, name, password))[0] == 422, (name, password)
                world.now += timedelta(hours=2)  # nothing is locked out by now


async def test_a_body_that_is_too_large_or_not_a_form_is_refused(world: World) -> None:
    async with world.portal() as url, browser() as client:
        for kind, body, wanted in (
            ("application/x-www-form-urlencoded", b"name=" + b"a" * 40_000, {413}),
            ("application/x-www-form-urlencoded; charset=bogus", b"name=a", {400}),
            ("application/x-www-form-urlencoded; charset=utf-16", b"name=a", {400}),
            ("application/x-www-form-urlencoded", b"name=%ff%fe&password=%ff", {403}),
            ("application/x-www-form-urlencoded", b"\xff\xfe=1", {400}),
            ("multipart/form-data; boundary=x", b"--x\r\nnonsense", {400}),
            ("application/json", b"{}", {400}),
        ):
            async with client.post(url + "/masuk", data=body, headers={"Content-Type": kind}) as answer:
                assert answer.status in wanted, kind


async def test_a_name_is_locked_out_after_repeated_failures_and_opens_again(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url, browser() as client:
        statuses = [(await sign_in(client, url, "Budi@desa", "salah"))[0] for _ in range(8)]
        assert statuses[:5] == [422] * 5
        assert statuses[-1] == 429
        status, page = await sign_in(client, url, "budi@desa", person.password)
        assert status == 429
        assert "Terlalu banyak percobaan" in page
        world.now += timedelta(minutes=16)
        assert (await sign_in(client, url, "budi@desa", person.password))[0] == 200


async def test_an_address_is_locked_out_whatever_names_it_tries(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url:
        async with browser("127.8.8.8") as client:
            statuses = [(await sign_in(client, url, f"nama{at}", "salah"))[0] for at in range(30)]
            assert statuses[0] == 422
            assert statuses[-1] == 429
            forged = {"X-Forwarded-For": "203.0.113.9"}
        async with browser("127.8.8.8", forged) as client:
            assert (await sign_in(client, url, "budi@desa", person.password))[0] == 429
        async with browser("127.8.8.9") as client:
            assert (await sign_in(client, url, "budi@desa", person.password))[0] == 200


async def test_signing_in_needs_the_forms_token_and_our_own_origin(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    data = {"name": person.username, "password": person.password}
    async with world.portal() as url, browser() as client:
        token = csrf_of(await read(client, url + "/masuk"))
        for sent, headers in (
            ({}, {}),
            ({"csrf": "x" * len(token)}, {}),
            ({"csrf": token}, {"Origin": "http://evil.example"}),
            ({"csrf": token}, {"Origin": "null"}),
            ({"csrf": token}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf": token}, {"Sec-Fetch-Site": "same-site"}),
        ):
            async with client.post(url + "/masuk", data={**data, **sent}, headers=headers) as answer:
                assert answer.status == 403
        await read(client, url + "/akun", 303)
        async with client.post(url + "/masuk", data={**data, "csrf": token}, headers={"Origin": url}) as answer:
            assert answer.status == 200
    async with world.portal() as url, browser(cookies=False) as client:
        assert (await sign_in(client, url, person.username, person.password))[0] == 403


async def test_signing_out_needs_the_log_ins_token_and_ends_it_in_the_store(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url, signed_in(url, person) as client:
        token = csrf_of(await read(client, url + "/akun"))
        for data in ({}, {"csrf": "x"}):
            async with client.post(url + "/keluar", data=data) as answer:
                assert answer.status == 403
        async with client.get(url + "/keluar", allow_redirects=False) as answer:
            assert answer.status == 405
        cookies = {cookie.key: cookie.value for cookie in client.cookie_jar}
        await read(client, url + "/akun")
        async with client.post(url + "/keluar", data={"csrf": token}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
        await read(client, url + "/akun", 303)
        async with browser(cookies=False) as thief:
            header = "; ".join(f"{name}={value}" for name, value in cookies.items())
            async with thief.get(url + "/akun", headers={"Cookie": header}, allow_redirects=False) as answer:
                assert answer.status == 303


async def test_a_log_in_ends_after_its_lifetime_and_a_planted_cookie_is_worth_nothing(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal(lifetime=timedelta(hours=2)) as url, signed_in(url, person) as client:
        before = {cookie.value for cookie in client.cookie_jar if cookie.key == "netbilld_portal"}
        async with world.database.read() as work:
            kept = await work.connection.scalar(select(tables.logins.c.token_hash))
        assert kept not in before
        world.now += timedelta(hours=2, seconds=1)
        await read(client, url + "/akun", 303)
        assert (await sign_in(client, url, person.username, person.password))[0] == 200
        after = {cookie.value for cookie in client.cookie_jar if cookie.key == "netbilld_portal"}
        assert before.isdisjoint(after)


async def test_a_staff_log_in_is_worth_nothing_at_the_portal(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url, signed_in(url, person) as client:
        async with world.database.write() as work:
            await work.connection.execute(tables.logins.update().values(realm="panel"))
        await read(client, url + "/akun", 303)


async def test_the_cookie_is_kept_from_scripts_and_other_sites(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url, browser() as client:
        token = csrf_of(await read(client, url + "/masuk"))
        data = {"csrf": token, "name": person.username, "password": person.password}
        async with client.post(url + "/masuk", data=data, allow_redirects=False) as answer:
            cookie = next(line for line in answer.headers.getall("Set-Cookie") if line.startswith("netbilld_portal="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


async def test_signing_in_goes_on_to_our_own_pages_only(world: World) -> None:
    person, *_ = await rich(world, "budi@desa", "INV-1")
    async with world.portal() as url:
        for wanted, leads_to in (
            ("/isolir", "/isolir"),
            ("//evil.example", "/akun"),
            ("https://evil.example", "/akun"),
        ):
            async with browser() as client:
                token = csrf_of(await read(client, url + "/masuk"))
                data = {
                    "csrf": token,
                    "name": person.username,
                    "password": person.password,
                    "goes_on_to": wanted,
                }
                async with client.post(url + "/masuk", data=data, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (303, leads_to)


async def test_a_guessed_id_is_as_little_there_as_one_that_never_was(world: World) -> None:
    """MDI-1: every id of another subscriber, and any made-up one, gets 404 and leaks nothing."""
    budi, invoice_id, payment_id = await rich(world, "budi@desa", "INV-BUDI")
    siti, others_invoice, others_payment = await rich(world, "siti@desa", "INV-SITI")
    draft = await world.invoice(budi, "DRAF", date(2026, 12, 1), status="draft")
    async with world.portal() as url, signed_in(url, budi) as client:
        assert "INV-BUDI" in await read(client, f"{url}/akun/tagihan/{invoice_id}")
        assert "REF INV-BUDI" in await read(client, f"{url}/akun/pembayaran/{payment_id}")
        guesses = [
            *(str(guess) for guess in (others_invoice, others_payment, draft, siti.service_id, siti.subscriber_id)),
            *(str(guess) for guess in (UUID(int=0), uuid4(), uuid4(), uuid4())),
            f"{others_invoice}".upper(),
            f"{{{others_invoice}}}",
            others_invoice.hex,
            "1",
            "INV-SITI",
            "%2e%2e%2f",
            "' OR 1=1 --",
            "\u0130",
        ]
        for kind in ("tagihan", "pembayaran"):
            for guess in guesses:
                page = await read(client, f"{url}/akun/{kind}/{guess}", 404)
                assert not [word for word in ("SITI", "siti", "Rp") if word in page.split("<main", 1)[1]]
        assert "INV-BUDI" not in await read(client, f"{url}/akun/pembayaran/{invoice_id}", 404)
        await read(client, f"{url}/akun/nonsense", 404)
        everything = "".join(
            [await read(client, url + page) for page in ("/akun", "/akun/tagihan", "/akun/pembayaran", "/akun/sesi")]
        )
    assert "SITI" not in everything
    assert "siti@desa" not in everything


async def test_without_signing_in_no_account_page_opens_even_to_a_recognised_address(world: World) -> None:
    person, invoice_id, payment_id = await rich(world, "budi@desa", "INV-1")
    await world.session(await world.nas("pop1", SITE), person)
    pages = (
        "/akun",
        "/akun/tagihan",
        "/akun/pembayaran",
        "/akun/sesi",
        f"/akun/tagihan/{invoice_id}",
        f"/akun/pembayaran/{payment_id}",
    )
    async with world.portal() as url, browser(ADDRESS) as client:
        for page in pages:
            async with client.get(url + page, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/masuk")


async def test_one_who_signs_in_behind_anothers_connection_sees_their_own_account(world: World) -> None:
    budi, *_ = await rich(world, "budi@desa", "INV-BUDI")
    siti, *_ = await rich(world, "siti@desa", "INV-SITI")
    await world.session(await world.nas("pop1", SITE), siti)
    async with world.portal() as url, signed_in(url, budi, ADDRESS) as client, client.get(url + "/") as answer:
        assert answer.url.path == "/akun"
        page = await answer.text()
    assert "budi@desa" in page
    assert "siti" not in page


async def test_script_in_every_text_field_is_inert(world: World) -> None:
    person = await world.person(f"budi{SCRIPT}", name=SCRIPT, plan_name=SCRIPT)
    await world.due(person, Access.WALLED, "overdue")
    invoice_id = await world.invoice(person, f"INV{SCRIPT}"[:40], date(2026, 11, 1), text=SCRIPT)
    payment_id = await world.payment(person, 1000, invoice_id=invoice_id, reference=SCRIPT)
    nas = await world.nas(SCRIPT, SITE)
    await world.session(nas, person)
    async with world.portal(business_name=SCRIPT) as url:
        async with browser(ADDRESS) as client:
            pages = [await read(client, url + path) for path in ("/", "/isolir", "/masuk", "/capport")]
            status, page = await sign_in(client, url, SCRIPT, SCRIPT, goes_on_to=SCRIPT)
            pages.append(page)
            assert status == 422
        async with browser(ADDRESS) as client:
            assert (await sign_in(client, url, person.number, person.password))[0] == 200
            for path in (
                "/akun",
                "/akun/tagihan",
                "/akun/pembayaran",
                "/akun/sesi",
                f"/akun/tagihan/{invoice_id}",
                f"/akun/pembayaran/{payment_id}",
                "/isolir",
            ):
                async with client.get(url + path) as answer:
                    pages.append(await answer.text())
                    policy = answer.headers["Content-Security-Policy"]
                    assert "default-src 'none'" in policy
                    assert "unsafe" not in policy
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in page.split("<main", 1)[-1].split("alert(2)")[-1][:5]
    assert any("&lt;script&gt;alert(1)" in page for page in pages)


async def test_marks_tell_what_is_near_due_overdue_paid_and_part_paid(world: World) -> None:
    """MDI-2, MDI-3, MDI-4: with a frozen clock exactly the invoices due in 0 to 7 days are near due."""
    person = await world.person("budi@desa")
    await world.due(person, Access.ACTIVE, "ok")
    marks = {
        "INV-A": (date(2026, 11, 21), "issued", 0, "Lewat jatuh tempo 1 hari"),
        "INV-B": (date(2026, 11, 22), "issued", 0, "Segera jatuh tempo · jatuh tempo hari ini"),
        "INV-C": (date(2026, 11, 29), "part_paid", 50_000, "Segera jatuh tempo · 7 hari lagi"),
        "INV-D": (date(2026, 11, 30), "issued", 0, "Belum lunas"),
        "INV-E": (date(2026, 10, 1), "paid", 200_000, None),
        "INV-F": (date(2026, 10, 2), "credited", 0, None),
    }
    for number, (due_on, status, paid_minor, _) in marks.items():
        await world.invoice(person, number, due_on, status=status, paid_minor=paid_minor)
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun/tagihan")
    rows = {number: row for row in page.split("<li>")[1:] for number in marks if number in row}
    for number, (_, _, _, words) in marks.items():
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", rows[number]))
        if words is None:
            assert "atuh tempo 1 hari" not in text
            assert "Segera" not in text
        else:
            assert words in text
    assert "Rp750.000" in page  # what is owed: three whole ones and the rest of the fourth


async def test_the_front_page_shows_how_much_and_until_when(world: World) -> None:
    """INCA-9, INCA-11: one number, the due date and the days left."""
    person = await world.person("budi@desa")
    await world.due(person, Access.ACTIVE, "ok")
    await world.invoice(person, "INV-1", date(2026, 11, 25))
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url, browser(ADDRESS) as client:
        page = await read(client, url + "/")
    assert page.count('class="figure') == 1
    assert re.search(r'class="figure">Rp200\.000<', page)
    assert "Bayar paling lambat 25 November 2026 · 3 hari lagi" in page


async def test_an_invoice_opens_to_its_lines_and_a_payment_to_its_invoices(world: World) -> None:
    """INCA-10, MDI-5: where the amount came from, and where a payment went."""
    person = await world.person("budi@desa")
    invoice_id = await world.invoice(person, "INV-1", date(2026, 11, 25))
    payment_id = await world.payment(person, 250_000, reference="BCA 77")
    await world.put(
        tables.allocations, invoice_id=invoice_id, payment_id=payment_id, amount_minor=200_000, at=world.now
    )
    await world.settle(invoice_id)
    async with world.portal() as url, signed_in(url, person) as client:
        invoice = await read(client, f"{url}/akun/tagihan/{invoice_id}")
        payment = await read(client, f"{url}/akun/pembayaran/{payment_id}")
    assert "Paket Rumah 20 Mbps" in invoice
    assert f"/akun/pembayaran/{payment_id}" in invoice
    assert "BCA 77" in payment
    assert f"/akun/tagihan/{invoice_id}" in payment
    assert "Rp50.000" in payment  # the rest went to the wallet


async def test_usage_is_drawn_by_local_day(world: World) -> None:
    person = await world.person("budi@desa")
    await world.due(person, Access.ACTIVE, "ok")
    late_evening = NOW.replace(hour=16, minute=0)  # 23.00 in Jakarta, of the day before once a day is taken off
    await world.used_hour(person, late_evening - timedelta(days=1), 3_000_000_000, 500_000_000)
    await world.used_hour(person, late_evening - timedelta(hours=23), 1_000_000_000, 0)  # 00.00, today
    await world.used_hour(person, late_evening - timedelta(days=40), 9_000_000_000, 0)  # too long ago
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun")
    assert "4,5 GB dalam 30 hari" in page
    assert '<tr><th scope="row">21 Nov</th><td>3 GB</td><td>500 MB</td></tr>' in page
    assert '<tr><th scope="row">22 Nov</th><td>1 GB</td><td>0 B</td></tr>' in page


async def test_the_fair_use_page_says_why_and_until_when(world: World) -> None:
    person = await world.person("budi@desa")
    await world.due(person, Access.THROTTLED, "fair_use")
    await world.used(person, 301 * 10**9)
    await world.session(await world.nas("pop1", SITE), person, seen=Access.THROTTLED)
    async with world.portal() as url, browser(ADDRESS) as client:
        page = await read(client, url + "/")
    assert "Pemakaian Anda sudah melewati batas wajar (FUP) 300 GB, jadi kecepatan sementara 2 Mbps." in page
    assert "Kecepatan penuh kembali sendiri pada 5 Desember 2026 pukul 00.00." in page
    assert re.search(r'class="figure warn">2 Mbps<', page)


async def test_usage_of_an_earlier_period_counts_for_nothing(world: World) -> None:
    person = await world.person("budi@desa")
    await world.due(person, Access.ACTIVE, "ok")
    await world.used(person, 290 * 10**9, start_on=date(2026, 10, 5))
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url, browser(ADDRESS) as client:
        assert re.search(r'class="figure">300 GB<', await read(client, url + "/"))


async def test_a_wallet_is_shown_with_what_it_buys(world: World) -> None:
    person = await world.person("budi@desa", plan=PER_USE)
    await world.due(person, Access.ACTIVE, "ok")
    await world.wallet(person, 45_000)
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url, browser(ADDRESS) as client:
        page = await read(client, url + "/")
    assert re.search(r'class="figure">Rp45\.000<', page)
    assert "Cukup untuk sekitar 15 GB" in page


async def test_english_comes_by_link_or_by_what_the_browser_asks_for(world: World) -> None:
    async with world.portal() as url:
        async with browser() as client:
            assert "Kata sandi internet" in await read(client, url + "/")
            async with client.get(url + "/bahasa/en?ke=/masuk") as answer:
                assert answer.url.path == "/masuk"
                assert "Internet password" in await answer.text()
            await read(client, url + "/bahasa/xx", 404)
        async with browser(headers={"Accept-Language": "en-US,en;q=0.9"}) as client:
            assert '<html lang="en">' in await read(client, url + "/")


async def test_pages_are_light_and_need_nothing_from_elsewhere(world: World) -> None:
    person = await world.person("budi@desa")
    await world.due(person, Access.WALLED, "overdue")
    await world.invoice(person, "INV-1", date(2026, 11, 1))
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url, browser(ADDRESS) as client:
        for path in ("/", "/isolir"):
            page = await read(client, url + path)
            links = re.findall(r'(?:href|src|action)="([^"]+)"', page)
            assert all(link.startswith("/") or link == "data:," for link in links)
            size = len(page.encode())
            for link in links:
                if link.startswith("/static/"):
                    async with client.get(url + link) as answer:
                        assert "immutable" in answer.headers["Cache-Control"]
                        size += len(await answer.read())
            assert size < 30_000


class Away:
    """A database that does not answer."""

    def read(self) -> Any:
        raise StoreUnavailableError("the database does not answer: connection refused at 10.0.0.5")

    write = read


async def test_a_portal_whose_database_is_away_says_so_and_nothing_more(box: SecretBox) -> None:
    """MDI-12: the page stays up, without a word of what is inside."""
    world = World(cast("Database", Away()), box)
    async with world.portal() as url, browser(ADDRESS) as client:
        for path in ("/", "/isolir", "/capport"):
            page = await read(client, url + path, 503)
            assert "Silakan coba lagi" in page
            assert "10.0.0.5" not in page
        async with client.get(url + "/", headers={"Host": "captive.apple.com"}, allow_redirects=False) as answer:
            assert answer.status == 302
