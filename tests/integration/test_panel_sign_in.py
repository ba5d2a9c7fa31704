"""Signing in: the right person once, everybody else the same answer."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from yarl import URL

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.panel.security import HEADERS
from netbilld.services.sign_in import FREE_ATTEMPTS_NAME, FREE_ATTEMPTS_SOURCE, token_hash
from tests.clock import StandingClock
from tests.panel_fixture import PASSWORD, Browser, PanelWorld, client_of


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


def _clock(world: PanelWorld) -> StandingClock:
    assert isinstance(world.clock, StandingClock)
    return world.clock


async def test_the_right_password_opens_the_panel_and_a_wrong_one_does_not(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    assert (await browser.sign_in(email, "salah")).status == 401
    assert (await browser.client.get("/", allow_redirects=False)).status == 303
    answer = await browser.sign_in(email.upper())
    assert answer.status == 303
    assert answer.headers["Location"] == "/"
    assert "Ani Rahayu" in await browser.page("/")


async def test_a_refused_sign_in_leaves_a_line_without_what_was_typed(
    world: PanelWorld, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.sign_in(await world.staff(), "sandi-yang-salah")
    await browser.sign_in("sandi-di-kolom-nama@x.y", "x")
    lines = [line.getMessage() for line in caplog.records if line.name == "netbilld.panel"]
    assert lines == ["a sign-in to the panel from 127.0.0.1 was refused: not right"] * 2


async def test_an_unknown_name_a_wrong_password_and_a_deactivated_person_look_alike(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff()
    gone = await world.staff(email="gone@rumahnet.example", active=False)
    pages = []
    for name, password in ((email, "salah"), ("nobody@rumahnet.example", "salah"), (gone, PASSWORD)):
        answer = await browser.sign_in(name, password)
        assert answer.status == 401
        pages.append(re.sub(r'value="[^"]*"', "", await answer.text()))
    assert pages[0] == pages[1] == pages[2]


async def test_a_name_is_locked_after_failures_also_for_the_right_password(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    for _ in range(FREE_ATTEMPTS_NAME):
        assert (await browser.sign_in(email, "salah")).status == 401
    refused = await browser.sign_in(email)
    assert refused.status == 429
    assert "15.03" in (await refused.text()).replace("\N{NO-BREAK SPACE}", " ")
    _clock(world).at += timedelta(seconds=61)
    assert (await browser.sign_in(email)).status == 303


async def test_a_name_nobody_has_is_locked_alike(world: PanelWorld, browser: Browser) -> None:
    await world.staff()
    for _ in range(FREE_ATTEMPTS_NAME):
        await browser.sign_in("nobody@rumahnet.example", "salah")
    assert (await browser.sign_in("nobody@rumahnet.example", "salah")).status == 429


async def test_a_source_is_locked_whatever_names_it_tries(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    for number in range(FREE_ATTEMPTS_SOURCE):
        assert (await browser.sign_in(f"guess{number}@rumahnet.example", "salah")).status == 401
    assert (await browser.sign_in(email)).status == 429


async def test_a_forged_forwarded_address_is_no_new_source(world: PanelWorld, browser: Browser) -> None:
    await world.staff()
    for number in range(FREE_ATTEMPTS_SOURCE):
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        await browser.sign_in(f"guess{number}@rumahnet.example", "salah", headers=headers)
    headers = {"X-Forwarded-For": "198.51.100.250"}
    assert (await browser.sign_in("guess@rumahnet.example", "salah", headers=headers)).status == 429


async def test_a_success_gives_no_new_guesses_at_others(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    for number in range(FREE_ATTEMPTS_SOURCE - 1):
        await browser.sign_in(f"guess{number}@rumahnet.example", "salah")
    assert (await browser.sign_in(email)).status == 303
    await browser.send("/signout")
    assert (await browser.sign_in("guess@rumahnet.example", "salah")).status == 401
    assert (await browser.sign_in("guess@rumahnet.example", "salah")).status == 429


async def test_a_token_planted_before_signing_in_is_worth_nothing(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    browser.client.session.cookie_jar.update_cookies({"netbilld_panel": "planted-token"}, browser.client.make_url("/"))
    answer = await browser.sign_in(email)
    given = answer.cookies["netbilld_panel"]
    assert given.value != "planted-token"
    assert given["httponly"]
    assert given["samesite"] == "Lax"
    async with world.database.read() as work:
        kept = (await work.connection.execute(select(tables.logins))).mappings().all()
    assert [row["token_hash"] for row in kept] == [token_hash(given.value)]
    assert all(given.value not in str(dict(row)) for row in kept)


async def test_signing_in_again_ends_the_login_the_browser_had(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    first = (await browser.sign_in(email)).cookies["netbilld_panel"].value
    token = await browser.token()
    await browser.client.post("/signin", data={"csrf": token, "email": email, "password": PASSWORD})
    async with world.database.read() as work:
        hashes = (await work.connection.execute(select(tables.logins.c.token_hash))).scalars().all()
    assert len(hashes) == 1
    assert token_hash(first) not in hashes


async def test_a_login_ends_with_its_time_and_by_signing_out(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    answer = await browser.sign_in(email)
    token = answer.cookies["netbilld_panel"].value
    await browser.send("/signout")
    browser.client.session.cookie_jar.update_cookies({"netbilld_panel": token}, browser.client.make_url("/"))
    assert (await browser.client.get("/", allow_redirects=False)).status == 303
    await browser.sign_in(email)
    _clock(world).at += timedelta(hours=12, seconds=1)
    assert (await browser.client.get("/", allow_redirects=False)).status == 303


async def test_after_signing_in_one_is_back_where_one_was_and_never_elsewhere(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff()
    asked = await browser.client.get("/sessions?q=budi", allow_redirects=False)
    assert URL(asked.headers["Location"]) == URL("/signin").with_query(next="/sessions?q=budi")
    for wanted, given in (
        ("/sessions?q=budi", "/sessions?q=budi"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ):
        token = await browser.token("/signin") if "netbilld_panel" not in _cookies(browser) else await browser.token()
        data = {"csrf": token, "email": email, "password": PASSWORD, "next": wanted}
        answer = await browser.client.post("/signin", data=data, allow_redirects=False)
        assert answer.headers["Location"] == given
        assert "a" not in answer.cookies


async def test_a_form_sent_after_the_login_has_expired_leads_back_to_its_page(
    world: PanelWorld, browser: Browser
) -> None:
    await browser.sign_in(await world.staff())
    _clock(world).pass_time(hours=13)
    host = str(browser.client.make_url("/")).rstrip("/")
    for page, back in (
        (f"{host}/subscribers/100001?x=1#manage", "/subscribers/100001?x=1"),
        ("https://evil.example/subscribers", "/"),
        (f"{host}//evil.example", "/"),
        ("http://[", "/"),
        ("", "/"),
    ):
        headers = {"Referer": page} if page else {}
        sent = await browser.client.post(
            "/subscribers/100001/payments", data={"amount": "1"}, headers=headers, allow_redirects=False
        )
        assert sent.status == 303
        assert URL(sent.headers["Location"]).query.get("next", "/") == back, page


def _cookies(browser: Browser) -> set[str]:
    return {cookie.key for cookie in browser.client.session.cookie_jar}


async def test_every_answer_carries_the_security_headers(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    for path in ("/", "/nothing", "/healthz", "/static/x/app.css", "/signin", "/data/throughput", "/live/overview"):
        async with browser.client.get(path, allow_redirects=False) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
    for path in ("/", "/profile", "/subscribers"):
        assert (await browser.client.get(path)).headers["Cache-Control"] == "no-store"


async def test_no_page_has_script_or_style_of_its_own(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    for path in ("/", "/subscribers", "/sessions", "/plans", "/nas", "/enforcement", "/profile", "/nothing"):
        text = await (await browser.client.get(path)).text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son\w+=", text), path


async def test_static_files_are_kept_for_a_year_under_their_hash(browser: Browser) -> None:
    text = await browser.page("/signin")
    found = re.search(r'href="(/static/[0-9a-f]{12}/app\.css)"', text)
    assert found is not None
    answer = await browser.client.get(found[1])
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"].startswith("text/css")
    stale = await browser.client.get("/static/000000000000/app.css")
    assert stale.headers["Cache-Control"] == "no-cache"


async def test_a_password_made_by_another_must_be_changed_first(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff(must_change_password=True))
    answer = await browser.client.get("/subscribers", allow_redirects=False)
    assert answer.headers["Location"] == "/profile"
    new = "perahu-bambu-hijau-9"
    answer = await browser.send("/profile/password", {"old": PASSWORD, "new": new, "again": new})
    assert answer.status == 303
    await browser.page("/subscribers")


async def test_ones_own_password_needs_the_old_one_and_ends_other_logins(world: PanelWorld, browser: Browser) -> None:
    """ICON-10: the old password is needed, the new one works, other log-ins end, the audit trail has a line."""
    email = await world.staff()
    await browser.sign_in(email)
    async with client_of(world.app()) as other_client:
        other = Browser(other_client)
        await other.sign_in(email)
        new = "perahu-bambu-hijau-9"
        wrong = await browser.send("/profile/password", {"old": "bukan", "new": new, "again": new})
        assert wrong.status == 422
        assert "Kata sandi lama tidak benar." in await wrong.text()
        differ = await browser.send("/profile/password", {"old": PASSWORD, "new": new, "again": new + "x"})
        assert differ.status == 422
        assert (await browser.send("/profile/password", {"old": PASSWORD, "new": new, "again": new})).status == 303
        await browser.page("/")
        assert (await other_client.get("/", allow_redirects=False)).status == 303
        assert (await other.sign_in(email)).status == 401
        assert (await other.sign_in(email, new)).status == 303
    async with world.database.read() as work:
        lines = (await work.connection.execute(select(tables.changes))).mappings().all()
    assert [(line["actor"], line["details"]["fields"]) for line in lines if line["action"] == "staff.set"] == [
        (email, {"password": "changed"})
    ]


async def test_the_old_password_can_not_be_guessed_on_the_profile(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    form = {"old": "tebakan", "new": "perahu-bambu-hijau-9", "again": "perahu-bambu-hijau-9"}
    for _ in range(FREE_ATTEMPTS_NAME):
        assert "Kata sandi lama" in await (await browser.send("/profile/password", form)).text()
    refused = await browser.send("/profile/password", form | {"old": PASSWORD})
    assert "Terlalu banyak percobaan" in await refused.text()


async def test_ones_profile_shows_ones_own_data_only(world: PanelWorld, browser: Browser) -> None:
    """ICON-8: the page of the person who is signed in, and no other."""
    await world.staff(email="lain@rumahnet.example", name="Orang Lain")
    await browser.sign_in(await world.staff())
    text = await browser.page("/profile")
    assert "admin@rumahnet.example" in text
    assert "Orang Lain" not in text


async def test_ones_own_name_and_e_mail_are_changed_and_ones_role_is_not(world: PanelWorld, browser: Browser) -> None:
    """ICON-8, ICON-9: what is typed persists and is shown; role and rights are not among what one may change."""
    await world.staff(email="lain@rumahnet.example", name="Orang Lain")
    await browser.sign_in(await world.staff(Role.READONLY))
    grab = {"role": "admin", "active": "0", "staff_id": "1", "must_change_password": "1"}
    renamed = await browser.send("/profile", {"name": "Rina", "email": "readonly@rumahnet.example"} | grab)
    assert renamed.headers["Location"] == "/profile?done=profile"
    wanted = {"name": "Rina", "email": "rina@rumahnet.example"}
    for form, said in (
        (wanted, "Kata sandi sekarang tidak benar."),
        (wanted | {"password": "tebakan"}, "Kata sandi sekarang tidak benar."),
        (wanted | {"email": "LAIN@rumahnet.example", "password": PASSWORD}, "sudah dipakai orang lain"),
        (wanted | {"email": "rina"}, "bukan alamat email"),
        (wanted | {"name": ""}, "Tulis nama Anda."),
    ):
        refused = await browser.send("/profile", form)
        assert (refused.status, said in (text := await refused.text()), PASSWORD in text) == (422, True, False)
    assert (await browser.send("/profile", wanted | {"password": PASSWORD} | grab)).status == 303
    text = await browser.page("/profile")
    assert 'value="Rina"' in text
    assert 'value="rina@rumahnet.example"' in text
    async with world.database.read() as work:
        member = await work.staff.by_email("rina@rumahnet.example")
    assert member is not None
    assert (member.role, member.active, member.must_change_password) == (Role.READONLY, True, False)
    async with client_of(world.app()) as other:
        assert (await Browser(other).sign_in("readonly@rumahnet.example")).status == 401
        assert (await Browser(other).sign_in("rina@rumahnet.example")).status == 303


async def test_the_password_can_not_be_guessed_by_way_of_the_e_mail(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    form = {"name": "Ani", "email": "ani@rumahnet.example", "password": "tebakan"}
    for _ in range(FREE_ATTEMPTS_NAME):
        assert "Kata sandi sekarang" in await (await browser.send("/profile", form)).text()
    refused = await browser.send("/profile", form | {"password": PASSWORD})
    assert "Terlalu banyak percobaan" in await refused.text()


async def test_the_language_is_picked_on_the_page(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    assert "Ringkasan" in await browser.page("/")
    answer = await browser.send("/language", {"locale": "en", "next": "/plans"})
    assert answer.headers["Location"] == "/plans"
    assert "Overview" in await browser.page("/")
    await browser.send("/language", {"locale": "../../etc"})
    assert "Overview" in await browser.page("/")


async def test_a_body_too_large_is_refused(world: PanelWorld, browser: Browser) -> None:
    await world.staff()
    answer = await browser.client.post("/signin", data={"email": "x" * 100_000})
    assert answer.status == 413


async def test_a_header_can_not_be_injected(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    for path in ("/language", "/sessions/1/disconnect"):
        answer = await browser.send(path, {"locale": "en", "next": "/a\r\nX-Evil: 1"})
        assert "X-Evil" not in answer.headers
    asked = await browser.client.get("/plans/%0d%0aX-Evil:%201", allow_redirects=False)
    assert "X-Evil" not in asked.headers
