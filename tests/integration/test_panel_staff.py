"""Who works here: added, given rights and taken out again on pages; and what nobody does to themselves."""

import re
from collections.abc import AsyncIterator

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff
from tests.panel_fixture import PASSWORD, Browser, PanelWorld, client_of

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    """Give the browser of an admin."""
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


async def member(world: PanelWorld, email: str) -> Staff:
    async with world.database.read() as work:
        found = await work.staff.by_email(email)
    assert found is not None
    return found


async def once(browser: Browser) -> str:
    found = re.search(r'name="once" value="([^"]+)"', await browser.page("/staff/add"))
    assert found is not None
    return found[1]


async def add(browser: Browser, email: str, **form: str) -> tuple[int, str]:
    fields = {"email": email, "role": "collector", "name": "Budi", "once": await once(browser)} | form
    answer = await browser.send("/staff", fields)
    return answer.status, await answer.text()


def password_on(page: str) -> str:
    found = re.search(r'class="one-time mono">([^<]+)<', page)
    assert found is not None
    return found[1]


async def test_somebody_is_added_with_a_password_that_is_shown_once_and_must_be_changed(
    world: PanelWorld, browser: Browser
) -> None:
    """ICON-14: everybody has an account of their own."""
    status, page = await add(browser, "budi@rumahnet.example", phone="0812-3456-7890", areas="jabar/bandung\n\ndiy")
    assert status == 200
    password = password_on(page)
    budi = await member(world, "budi@rumahnet.example")
    assert (budi.role, budi.phone, budi.areas) == (Role.COLLECTOR, "+6281234567890", ("jabar/bandung", "diy"))
    assert budi.must_change_password
    for path in ("/staff", f"/staff/{budi.id}", "/audit"):
        assert password not in await browser.page(path)
    async with client_of(world.app()) as client:
        own = Browser(client)
        assert (await own.sign_in("budi@rumahnet.example", password)).status == 303
        assert (await client.get("/subscribers", allow_redirects=False)).headers["Location"] == "/profile"


async def test_two_clicks_add_one_person(world: PanelWorld, browser: Browser) -> None:
    form = {"email": "budi@rumahnet.example", "role": "cashier", "once": await once(browser)}
    first = await browser.send("/staff", form)
    again = await browser.send("/staff", form)
    budi = await member(world, "budi@rumahnet.example")
    assert (first.status, again.status) == (200, 303)
    assert again.headers["Location"] == f"/staff/{budi.id}?done=staff-known"
    async with world.database.read() as work:
        assert await work.staff.count() == 2


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"email": "admin@rumahnet.example"}, "Email itu sudah dipakai orang lain."),
        ({"phone": "123"}, "Itu bukan nomor telepon."),
        ({"areas": "/"}, "Tulis tiap wilayah di baris sendiri"),
        ({"role": "admin", "areas": "jabar"}, "Admin utama melihat semuanya."),
        ({"email": "bukan alamat"}, "Itu bukan alamat email."),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    world: PanelWorld, browser: Browser, form: dict[str, str], says: str
) -> None:
    typed = {"email": "budi@rumahnet.example", "name": "Nama Ketik"} | form
    status, page = await add(browser, typed.pop("email"), **typed)
    assert status == 422
    assert says in page
    assert 'value="Nama Ketik"' in page
    async with world.database.read() as work:
        assert await work.staff.count() == 1


async def test_scripts_in_a_name_and_an_area_are_text(world: PanelWorld, browser: Browser) -> None:
    await add(browser, "budi@rumahnet.example", name=SCRIPT, areas=SCRIPT)
    budi = await member(world, "budi@rumahnet.example")
    for path in ("/staff", f"/staff/{budi.id}", "/audit"):
        page = await browser.page(path)
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


async def test_other_rights_hold_at_once(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff(Role.ACCOUNTING)
    async with client_of(world.app()) as client:
        own = Browser(client)
        await own.sign_in(email)
        await own.page("/subscribers")
        found = await member(world, email)
        form = {"name": found.name, "email": email, "role": "cashier", "areas": "jabar/bandung", "phone": ""}
        assert (await browser.send(f"/staff/{found.id}", form)).status == 303
        assert (await client.get("/subscribers", allow_redirects=False)).headers["Location"].startswith("/signin")
    found = await member(world, email)
    assert (found.role, found.areas) == (Role.CASHIER, ("jabar/bandung",))
    async with world.database.read() as work:
        line = (await work.audit.about("staff", found.id))[0]
    assert line.actor == "admin@rumahnet.example"
    assert line.details["fields"] == {"areas": [[], ["jabar/bandung"]], "role": ["accounting", "cashier"]}


async def test_a_form_that_another_admin_has_overtaken_says_who_and_loses_nothing(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff(Role.CASHIER)
    found = await member(world, email)
    opened = re.search(r'name="seen" value="(\d+)"', await browser.page(f"/staff/{found.id}"))
    assert opened is not None
    second = await world.staff(email="second@rumahnet.example")
    async with client_of(world.app()) as client:
        other = Browser(client)
        await other.sign_in(second)
        changed = {"name": "Kasir Dua", "email": email, "role": "service", "areas": "", "phone": ""}
        assert (await other.send(f"/staff/{found.id}", changed)).status == 303
    form = {"name": "Kasir Satu", "email": email, "role": "cashier", "areas": "", "phone": "", "seen": opened[1]}
    stale = await browser.send(f"/staff/{found.id}", form)
    page = await stale.text()
    assert stale.status == 409
    assert "second@rumahnet.example" in page
    assert "cashier → service" in page
    assert 'value="Kasir Satu"' in page
    assert (await member(world, email)).name == "Kasir Dua"
    again = re.search(r'name="seen" value="(\d+)"', page)
    assert again is not None
    assert (await browser.send(f"/staff/{found.id}", form | {"seen": again[1]})).status == 303
    assert (await member(world, email)).name == "Kasir Satu"


@pytest.mark.parametrize("form", [{"role": "readonly"}, {"areas": "jabar"}])
async def test_nobody_changes_what_they_may_do_themselves(
    world: PanelWorld, browser: Browser, form: dict[str, str]
) -> None:
    """ICON-9: one's role can't be changed by oneself, by no form whatever."""
    await world.staff(email="other@rumahnet.example")
    own = await member(world, "admin@rumahnet.example")
    sent = {"name": own.name, "email": own.email} | form
    answer = await browser.send(f"/staff/{own.id}", sent)
    assert answer.status == 422
    assert (await browser.send(f"/staff/{own.id}/deactivate")).status == 422
    assert (await browser.send(f"/staff/{own.id}/password")).status == 422
    await browser.send("/profile", {"name": "Ani", "email": own.email, "role": "readonly", "areas": "jabar"})
    after = await member(world, own.email)
    assert (after.role, after.areas, after.active) == (Role.ADMIN, (), True)


async def test_the_last_admin_stays(world: PanelWorld, browser: Browser) -> None:
    second = await world.staff(email="second@rumahnet.example")
    own, other = await member(world, "admin@rumahnet.example"), await member(world, second)
    assert (await browser.send(f"/staff/{other.id}/deactivate")).status == 303
    async with client_of(world.app()) as client:  # who is out can't take the last one out either
        assert (await Browser(client).sign_in(second)).status == 401
    refused = await browser.send(f"/staff/{own.id}/deactivate")
    assert refused.status == 422
    assert (await member(world, own.email)).active


async def test_somebody_deactivated_is_out_at_once_and_comes_back_when_activated(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff(Role.CASHIER)
    found = await member(world, email)
    async with client_of(world.app()) as client:
        own = Browser(client)
        await own.sign_in(email)
        assert (await browser.send(f"/staff/{found.id}/deactivate")).status == 303
        assert (await client.get("/", allow_redirects=False)).status == 303
        assert (await own.sign_in(email)).status == 401
        assert (await browser.send(f"/staff/{found.id}/activate")).status == 303
        assert (await own.sign_in(email)).status == 303


async def test_a_forgotten_password_is_made_new_and_shown_once(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff(Role.CASHIER)
    found = await member(world, email)
    answer = await browser.send(f"/staff/{found.id}/password")
    password = password_on(await answer.text())
    async with client_of(world.app()) as client:
        own = Browser(client)
        assert (await own.sign_in(email)).status == 401
        assert (await own.sign_in(email, password)).status == 303
    assert password not in await browser.page(f"/staff/{found.id}")
    assert (await member(world, email)).must_change_password


async def test_who_makes_a_password_for_somebody_is_told_that_their_passkeys_sign_in_all_the_same(
    world: PanelWorld, browser: Browser
) -> None:
    told = "Passkey mereka tetap bisa dipakai"
    for role, since_at in ((Role.CASHIER, None), (Role.TECHNICAL, world.clock.now())):
        found = await member(world, await world.staff(role, passkey_since_at=since_at))
        page = await (await browser.send(f"/staff/{found.id}/password")).text()
        assert (told in page) == (since_at is not None)


async def test_an_admin_ends_one_login_or_all_of_somebody(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff(Role.CASHIER)
    found = await member(world, email)
    async with client_of(world.app()) as one, client_of(world.app()) as two:
        for client in (one, two):
            await Browser(client).sign_in(email, headers={})
        page = await browser.page(f"/staff/{found.id}")
        keys = re.findall(r'name="login" value="([0-9a-f]{16})"', page)
        assert len(keys) == 2
        assert (await browser.send(f"/staff/{found.id}/logins", {"login": keys[0]})).status == 303
        open_ones = [(await client.get("/profile", allow_redirects=False)).status for client in (one, two)]
        assert sorted(open_ones) == [200, 303]
        assert (await browser.send(f"/staff/{found.id}/logins")).status == 303
        assert (await one.get("/profile", allow_redirects=False)).status == 303
        assert (await two.get("/profile", allow_redirects=False)).status == 303
    assert await browser.page("/staff")  # one's own stays


async def test_ones_own_logins_are_shown_and_ended_and_nobody_elses(world: PanelWorld, browser: Browser) -> None:
    """ICON-8: one's own only."""
    cashier = await world.staff(Role.CASHIER)
    firefox = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
    async with client_of(world.app()) as one, client_of(world.app()) as two, client_of(world.app()) as other:
        await Browser(other).sign_in(cashier)
        token = await Browser(two).token("/signin")
        form = {"csrf": token, "email": "admin@rumahnet.example", "password": PASSWORD}
        assert (await two.post("/signin", data=form, headers=firefox, allow_redirects=False)).status == 303
        await Browser(one).sign_in("admin@rumahnet.example")
        page = await browser.page("/profile")
        assert "Firefox, Linux" in page
        keys = re.findall(r'name="login" value="([0-9a-f]{16})"', page)
        assert len(keys) == 2  # but for the one that asks
        theirs = re.findall(
            r'name="login" value="([0-9a-f]{16})"', await browser.page(f"/staff/{(await member(world, cashier)).id}")
        )
        for tried in (theirs[0], "%", "_" * 16, "zz"):
            await browser.send("/profile/logins", {"login": tried})
        assert (await other.get("/profile", allow_redirects=False)).status == 200
        assert (await one.get("/profile", allow_redirects=False)).status == 200
        assert (await browser.send("/profile/logins", {"login": keys[0]})).status == 303
        left = [(await client.get("/profile", allow_redirects=False)).status for client in (one, two)]
        assert sorted(left) == [200, 303]
        assert (await browser.send("/profile/logins")).status == 303
        left = [(await client.get("/profile", allow_redirects=False)).status for client in (one, two)]
        assert left == [303, 303]
    await browser.page("/profile")


async def test_one_login_at_a_time_where_that_is_the_policy(world: PanelWorld) -> None:
    """ICON-14: a shared account is of no use where a new log-in ends the one before."""
    email = await world.staff(Role.CASHIER)
    app = world.app(security=world.security(one_login=True))
    async with client_of(app) as one, client_of(world.app(security=world.security(one_login=True))) as two:
        await Browser(one).sign_in(email)
        assert (await one.get("/profile", allow_redirects=False)).status == 200
        await Browser(two).sign_in(email)
        assert (await one.get("/profile", allow_redirects=False)).status == 303
        assert (await two.get("/profile", allow_redirects=False)).status == 200
    async with world.database.read() as work:
        line = (await work.audit.about("staff", (await member(world, email)).id))[0]
    assert (line.action, line.details["ended"]) == ("staff.sign_in", 1)


async def test_everybody_changes_their_own_telephone(world: PanelWorld) -> None:
    """ICON-9: name, phone and e-mail persist."""
    email = await world.staff(Role.CASHIER)
    async with client_of(world.app()) as client:
        own = Browser(client)
        await own.sign_in(email)
        wrong = await own.send("/profile", {"name": "Kasir", "email": email, "phone": "12"})
        assert wrong.status == 422
        assert 'value="12"' in await wrong.text()
        assert (await own.send("/profile", {"name": "Kasir", "email": email, "phone": "0812 3456 7890"})).status == 303
        assert "+6281234567890" in await own.page("/profile")


async def test_what_each_role_may_is_on_a_page(browser: Browser) -> None:
    """BANG-2.7e: main admin, technical staff and accounting ship as presets, and others beside them."""
    page = await browser.page("/staff/roles")
    for title in ("Admin utama", "Teknisi", "Keuangan", "Kasir", "Kolektor"):
        assert title in page
    async with browser.client.get(f"/staff/{'0' * 8}-0000-0000-0000-{'0' * 12}") as answer:
        assert answer.status == 404
