"""A second factor: set up, asked for, taken once, lost and taken away."""

import re
from base64 import b32decode
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff
from netbilld.model.totp import STEP_SECONDS, code_of, step_at
from netbilld.services.sign_in import FREE_ATTEMPTS_NAME, HALF_LIFETIME
from tests.clock import StandingClock
from tests.panel_fixture import PASSWORD, Browser, PanelWorld, client_of


class Generator:
    """A code generator with a secret in it."""

    def __init__(self, world: PanelWorld, page: str) -> None:
        found = re.search(r'class="mono secret">([A-Z2-7]+)<', page)
        assert found is not None
        self.secret = b32decode(found[1] + "=" * (-len(found[1]) % 8))
        self._world = world

    def code(self, steps: int = 0) -> str:
        return code_of(self.secret, step_at(self._world.clock.now()) + steps)


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


def later(world: PanelWorld, **span: float) -> None:
    assert isinstance(world.clock, StandingClock)
    world.clock.pass_time(**span)


async def member(world: PanelWorld, email: str) -> Staff:
    async with world.database.read() as work:
        found = await work.staff.by_email(email)
    assert found is not None
    return found


async def set_up(world: PanelWorld, browser: Browser) -> tuple[Generator, list[str]]:
    assert (await browser.send("/profile/second-factor", {"password": PASSWORD})).status == 303
    page = await browser.page("/profile/second-factor")
    assert 'src="data:image/svg+xml' in page
    generator = Generator(world, page)
    answer = await browser.send("/profile/second-factor/confirm", {"code": generator.code()})
    assert answer.status == 200
    codes = re.findall(r"<li>([a-z2-9-]{19})</li>", await answer.text())
    assert len(codes) == len(set(codes)) == 10
    later(world, seconds=STEP_SECONDS)  # a code is taken once
    return generator, codes


async def give(browser: Browser, code: str, **form: str) -> int:
    found = re.search(r'name="csrf" value="([^"]+)"', await browser.page("/signin/code"))
    assert found is not None
    data = {"csrf": found[1], "code": code} | form
    async with browser.client.post("/signin/code", data=data, allow_redirects=False) as answer:
        return answer.status


async def leave(browser: Browser) -> None:
    assert (await browser.send("/signout")).status == 303


async def test_a_code_is_asked_for_after_the_password_and_only_then_is_one_in(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    await leave(browser)
    answer = await browser.sign_in(email)
    assert (answer.status, answer.headers["Location"]) == (303, "/signin/code")
    for path in ("/", "/subscribers", "/profile", "/staff"):  # half a log-in opens nothing
        assert (await browser.client.get(path, allow_redirects=False)).headers["Location"].startswith("/signin")
    assert await give(browser, "000000") == 401
    assert await give(browser, generator.code()) == 303
    await browser.page("/staff")


async def test_a_code_that_was_taken_is_worth_nothing_in_another_browser(world: PanelWorld, browser: Browser) -> None:
    """RFC 6238 section 5.2: the second use of a code is refused, as whoever looked over a shoulder would make."""
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    await leave(browser)
    await browser.sign_in(email)
    code = generator.code()
    assert await give(browser, code) == 303
    async with client_of(world.app()) as client:
        thief = Browser(client)
        await thief.sign_in(email)
        assert await give(thief, code) == 401
        assert await give(thief, generator.code(-1)) == 401
        assert await give(thief, generator.code(1)) == 303


async def test_the_code_that_confirmed_it_signs_nobody_in(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    used = generator.code(-1)
    await leave(browser)
    await browser.sign_in(email)
    assert await give(browser, used) == 401


async def test_codes_can_not_be_guessed(world: PanelWorld, browser: Browser) -> None:
    """Guesses are counted for the person: neither a new log-in nor another place starts them anew."""
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    await leave(browser)
    wrong = f"{(int(generator.code()) + 500_000) % 10**6:06d}"
    outcomes = []
    for _ in range(FREE_ATTEMPTS_NAME + 1):
        await browser.sign_in(email)
        outcomes.append(await give(browser, wrong))
    assert outcomes == [401] * FREE_ATTEMPTS_NAME + [429]
    assert await give(browser, generator.code()) == 429
    later(world, minutes=2)
    await browser.sign_in(email)
    assert await give(browser, generator.code()) == 303


async def test_half_a_login_ends_soon_and_is_good_for_one(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    await leave(browser)
    await browser.sign_in(email)
    cookies = {
        name: morsel.value
        for name, morsel in browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/")).items()
    }
    half = cookies["netbilld_panel_half"]
    assert await give(browser, generator.code()) == 303
    later(world, seconds=STEP_SECONDS)
    async with client_of(world.app()) as client:
        client.session.cookie_jar.update_cookies({"netbilld_panel_half": half})
        again = await client.get("/signin/code", allow_redirects=False)
        assert (again.status, again.headers["Location"]) == (303, "/signin")
    await leave(browser)
    await browser.sign_in(email)
    token = re.search(r'name="csrf" value="([^"]+)"', await browser.page("/signin/code"))
    assert token is not None
    later(world, seconds=HALF_LIFETIME.total_seconds() + 1)
    data = {"csrf": token[1], "code": generator.code()}
    answer = await browser.client.post("/signin/code", data=data, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/signin")
    assert (await browser.client.get("/", allow_redirects=False)).status == 303


async def test_one_comes_back_to_the_page_one_wanted_also_by_a_code_and_never_elsewhere(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    for wanted, leads_to in (
        ("/staff?show=all", "/staff?show=all"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
    ):
        await leave(browser)
        found = re.search(r'name="csrf" value="([^"]+)"', await browser.page("/signin"))
        assert found is not None
        form = {"csrf": found[1], "email": email, "password": PASSWORD, "next": wanted}
        answer = await browser.client.post("/signin", data=form, allow_redirects=False)
        assert "evil" not in answer.headers["Location"]
        page = await browser.page(answer.headers["Location"])
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        goes_on = re.search(r'name="next" value="([^"]*)"', page)
        assert token is not None
        assert goes_on is not None
        later(world, seconds=STEP_SECONDS)
        data = {"csrf": token[1], "code": generator.code(), "next": goes_on[1]}
        answer = await browser.client.post("/signin/code", data=data, allow_redirects=False)
        assert answer.headers["Location"] == leads_to


async def test_recovery_codes_are_good_once_each_and_kept_as_hashes(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    _generator, codes = await set_up(world, browser)
    for typed in (codes[0], codes[1].upper().replace("-", " ")):
        await leave(browser)
        await browser.sign_in(email)
        assert await give(browser, typed) == 303
    await leave(browser)
    await browser.sign_in(email)
    for used in codes[:2]:
        assert await give(browser, used) == 401
    async with world.database.read() as work:
        rows = (await work.connection.execute(select(tables.recovery_codes))).mappings().all()
        trail = (await work.connection.execute(select(tables.changes))).mappings().all()
    assert sum(row["used_at"] is not None for row in rows) == 2
    written = f"{[dict(row) for row in rows]}{[dict(row) for row in trail]}"
    assert not any(code in written or code.replace("-", "") in written for code in codes)
    assert [row["details"]["left"] for row in trail if row["action"] == "staff.recovery_code"] == [9, 8]


async def test_anothers_recovery_code_opens_nothing(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    _generator, codes = await set_up(world, browser)
    cashier = await world.staff(Role.CASHIER)
    async with client_of(world.app()) as client:
        other = Browser(client)
        await other.sign_in(cashier)
        await set_up(world, other)
        await leave(other)
        await other.sign_in(cashier)
        assert await give(other, codes[0]) == 401


async def test_the_secret_is_sealed_and_shown_only_until_it_is_confirmed(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    found = await member(world, email)
    assert found.totp_sealed is not None
    assert generator.secret not in found.totp_sealed
    assert "totp_sealed" not in repr(found)
    page = await browser.page("/profile/second-factor")
    assert "data:image" not in page
    assert "secret" not in page
    assert (await browser.send("/profile/second-factor", {"password": PASSWORD})).status == 422  # it is in use
    assert (await member(world, email)).totp_sealed == found.totp_sealed


async def test_beginning_needs_the_password_and_guesses_are_counted(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    statuses = [(await browser.send("/profile/second-factor", {"password": "salah"})).status for _ in range(6)]
    assert set(statuses) == {422}
    right = await browser.send("/profile/second-factor", {"password": PASSWORD})
    assert right.status == 422
    assert "Terlalu banyak percobaan" in await right.text()
    assert (await member(world, email)).totp_sealed is None


async def test_a_wrong_code_confirms_nothing_and_locks_nobody_out(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    await browser.send("/profile/second-factor", {"password": PASSWORD})
    assert (await browser.send("/profile/second-factor/confirm", {"code": "000000"})).status == 422
    await leave(browser)
    assert (await browser.sign_in(email)).headers["Location"] == "/"


async def test_confirming_ends_the_other_logins(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    async with client_of(world.app()) as client:
        await Browser(client).sign_in(email)
        await set_up(world, browser)
        assert (await client.get("/", allow_redirects=False)).status == 303
    await browser.page("/")


async def test_a_role_that_must_have_one_sets_it_up_first_and_does_not_take_it_away(world: PanelWorld) -> None:
    email = await world.staff(Role.ACCOUNTING)
    async with client_of(world.app(security=world.security(totp_roles=[Role.ACCOUNTING]))) as client:
        browser = Browser(client)
        await browser.sign_in(email)
        for path in ("/", "/subscribers", "/live/overview"):
            answer = await client.get(path, allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (303, "/profile/second-factor")
        refused = await browser.send("/subscribers/1/payments", {"amount": "1"})
        assert (refused.status, refused.headers["Location"]) == (303, "/profile/second-factor")
        generator, _codes = await set_up(world, browser)
        await browser.page("/subscribers")
        assert (await browser.send("/profile/second-factor/remove", {"code": generator.code()})).status == 422
        assert (await member(world, email)).totp_since_at is not None
    async with client_of(world.app(security=world.security(totp_roles=[Role.ACCOUNTING]))) as client:
        free = Browser(client)
        await free.sign_in(await world.staff(Role.CASHIER))
        await free.page("/subscribers")


async def test_removing_ones_own_needs_a_code(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, _codes = await set_up(world, browser)
    assert (await browser.send("/profile/second-factor/remove", {"code": "000000"})).status == 422
    assert (await browser.send("/profile/second-factor/remove", {"code": generator.code()})).status == 303
    await leave(browser)
    assert (await browser.sign_in(email)).headers["Location"] == "/"
    async with world.database.read() as work:
        actions = [line.action for line in await work.audit.about("staff", (await member(world, email)).id)]
    assert {"staff.second_factor.on", "staff.second_factor.off"} <= set(actions)


async def test_new_recovery_codes_make_the_old_ones_worthless(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    generator, codes = await set_up(world, browser)
    answer = await browser.send("/profile/second-factor/codes", {"code": generator.code()})
    new = re.findall(r"<li>([a-z2-9-]{19})</li>", await answer.text())
    assert len(new) == 10
    assert not set(new) & set(codes)
    await leave(browser)
    await browser.sign_in(email)
    assert await give(browser, codes[0]) == 401
    assert await give(browser, new[0]) == 303


async def test_an_admin_takes_a_lost_one_away_and_that_is_on_record(world: PanelWorld, browser: Browser) -> None:
    cashier = await world.staff(Role.CASHIER)
    async with client_of(world.app()) as client:
        own = Browser(client)
        await own.sign_in(cashier)
        await set_up(world, own)
        await browser.sign_in(await world.staff())
        found = await member(world, cashier)
        assert (await browser.send(f"/staff/{found.id}/second-factor")).status == 303
        assert (await client.get("/", allow_redirects=False)).status == 303
        assert (await own.sign_in(cashier)).headers["Location"] == "/"
    async with world.database.read() as work:
        line = next(line for line in await work.audit.about("staff", found.id) if line.action.endswith("factor.off"))
        assert await work.staff.recovery_codes_left(found.id) == 0
    assert line.actor == "admin@rumahnet.example"
