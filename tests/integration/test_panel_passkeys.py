"""Passkeys of staff: made, proven in place of password and code, refused where anything about them is not right."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.passkey import Passkey
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff
from netbilld.services.passkeys import CHALLENGE_LIFETIME
from netbilld.services.sign_in import FREE_ATTEMPTS_NAME
from tests.clock import StandingClock
from tests.panel_fixture import PASSWORD, Browser, PanelWorld, client_of
from tests.soft_authenticator import PRESENT, SoftAuthenticator

ORIGIN = "https://panel.rumahnet.example"


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app(security=world.security(public_url=ORIGIN))) as client:
        yield Browser(client)


async def member(world: PanelWorld, email: str) -> Staff:
    async with world.database.read() as work:
        found = await work.staff.by_email(email)
    assert found is not None
    return found


def later(world: PanelWorld, **span: float) -> None:
    assert isinstance(world.clock, StandingClock)
    world.clock.pass_time(**span)


async def keys_of(world: PanelWorld, email: str) -> list[Passkey]:
    async with world.database.read() as work:
        return await work.passkeys.of_staff((await member(world, email)).id)


async def actions(world: PanelWorld, email: str) -> list[str]:
    async with world.database.read() as work:
        return [line.action for line in await work.audit.about("staff", (await member(world, email)).id)]


async def asked(browser: Browser, path: str, form: dict[str, str] | None = None) -> Any:
    answer = await browser.send(path, form)
    assert answer.status == 200, await answer.text()
    return (await answer.json())["options"]


async def add(browser: Browser, device: SoftAuthenticator | None = None, name: str = "HP saya") -> SoftAuthenticator:
    """Add a passkey for who is signed in; return the device that has it."""
    device = device or SoftAuthenticator(ORIGIN)
    answer = device.make(await asked(browser, "/profile/passkeys/options", {"password": PASSWORD}))
    sent = await browser.send("/profile/passkeys", {"credential": answer, "name": name})
    assert sent.status in {200, 303}, await sent.text()
    return device


async def before_sign_in(browser: Browser, path: str = "/signin") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', await browser.page(path))
    assert found is not None
    return found[1]


async def ask(browser: Browser, path: str = "/signin") -> Any:
    """Return what the browser is asked to prove."""
    token = await before_sign_in(browser, path)
    async with browser.client.post(path + "/passkey/options", data={"csrf": token}) as answer:
        return (await answer.json())["options"]


async def give(browser: Browser, credential: str, path: str = "/signin", **form: str) -> tuple[int, str]:
    token = await before_sign_in(browser, path)
    data = {"csrf": token, "credential": credential} | form
    async with browser.client.post(path + "/passkey", data=data, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def leave(browser: Browser) -> None:
    assert (await browser.send("/signout")).status == 303


async def enrolled(world: PanelWorld, browser: Browser, role: Role = Role.ADMIN) -> tuple[str, SoftAuthenticator]:
    email = await world.staff(role)
    await browser.sign_in(email)
    device = await add(browser)
    await leave(browser)
    return email, device


async def test_a_passkey_signs_in_without_password_and_code_and_back_to_the_page_one_wanted(
    world: PanelWorld, browser: Browser
) -> None:
    email, device = await enrolled(world, browser)
    options = await ask(browser)
    assert (options["rpId"], options["userVerification"], options["allowCredentials"]) == (
        "panel.rumahnet.example",
        "required",
        [],
    )
    assert await give(browser, device.prove(options), next="/staff?show=all") == (303, "/staff?show=all")
    await browser.page("/staff")
    await leave(browser)
    assert await give(browser, device.prove(await ask(browser)), next="//evil.example") == (303, "/")
    async with world.database.read() as work:
        rows = (await work.connection.execute(select(tables.changes))).mappings().all()
    entered = [row["details"].get("by") for row in rows if row["action"] == "staff.sign_in"]
    assert entered == [None, "passkey", "passkey"]
    assert "staff.passkey.add" in await actions(world, email)
    assert [key.sign_count for key in await keys_of(world, email)] == [2]


async def test_with_a_passkey_the_password_alone_opens_nothing(world: PanelWorld, browser: Browser) -> None:
    email, device = await enrolled(world, browser)
    answer = await browser.sign_in(email)
    assert (answer.status, answer.headers["Location"]) == (303, "/signin/code")
    assert (await browser.client.get("/staff", allow_redirects=False)).status == 303
    options = await ask(browser, "/signin/code")
    assert len(options["allowCredentials"]) == 1
    assert await give(browser, device.prove(options), "/signin/code", next="/staff") == (303, "/staff")
    await browser.page("/staff")
    assert (await browser.client.get("/signin/code", allow_redirects=False)).status == 303  # the half is used up


async def test_the_first_passkey_brings_recovery_codes_and_ends_other_logins(
    world: PanelWorld, browser: Browser
) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    async with client_of(world.app()) as client:
        await Browser(client).sign_in(email)
        device = SoftAuthenticator(ORIGIN)
        made = device.make(await asked(browser, "/profile/passkeys/options", {"password": PASSWORD}))
        shown = await browser.send("/profile/passkeys", {"credential": made, "name": "YubiKey"})
        codes = re.findall(r"<li>([a-z2-9-]{19})</li>", await shown.text())
        assert (await client.get("/", allow_redirects=False)).status == 303
    assert len(codes) == 10
    assert "<li>" not in re.sub(r"(?s)<nav.*?</nav>", "", await browser.page("/profile/second-factor"))
    await add(browser, name="Laptop")  # a second one brings no codes
    await leave(browser)
    await browser.sign_in(email)
    token = await before_sign_in(browser, "/signin/code")
    data = {"csrf": token, "code": codes[0]}
    assert (await browser.client.post("/signin/code", data=data, allow_redirects=False)).status == 303
    await browser.page("/staff")


async def test_a_passkey_is_the_second_factor_of_a_role_that_must_have_one(world: PanelWorld) -> None:
    email = await world.staff(Role.ACCOUNTING)
    security = world.security(totp_roles=[Role.ACCOUNTING], public_url=ORIGIN)
    async with client_of(world.app(security=security)) as client:
        browser = Browser(client)
        await browser.sign_in(email)
        assert (await client.get("/subscribers", allow_redirects=False)).headers["Location"] == "/profile/second-factor"
        await add(browser)
        await browser.page("/subscribers")
        (key,) = await keys_of(world, email)
        refused = await browser.send(f"/profile/passkeys/{key.id}/remove", {"password": PASSWORD})
        assert (refused.status, "wajib memakai verifikasi dua langkah" in await refused.text()) == (422, True)
        assert len(await keys_of(world, email)) == 1
        await add(browser, name="Laptop")
        assert (await browser.send(f"/profile/passkeys/{key.id}/remove", {"password": PASSWORD})).status == 303


def another_origin(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, origin="https://panel.rumahnet.example.evil.example")


def another_port(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, origin=ORIGIN + ":8443")


def nobody_asked(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, flags=PRESENT)


def another_site(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, rp_id="evil.example")


def anothers_name(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, user=uuid4().bytes)


def nameless(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(device, user=None)


def another_key(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(SoftAuthenticator(ORIGIN), rp_id=device.rp_id, credential_id=device.credential_id)


def unknown_key(device: SoftAuthenticator) -> SoftAuthenticator:
    return replace(SoftAuthenticator(ORIGIN), rp_id=device.rp_id)


async def test_a_proof_that_is_not_right_in_one_thing_opens_nothing(world: PanelWorld, browser: Browser) -> None:
    _email, device = await enrolled(world, browser)
    for spoil in (
        another_origin,
        another_port,
        nobody_asked,
        another_site,
        anothers_name,
        nameless,
        another_key,
        unknown_key,
    ):
        answer = spoil(device).prove(await ask(browser))
        assert (await give(browser, answer))[0] == 401, spoil.__name__
        assert (await browser.client.get("/staff", allow_redirects=False)).status == 303
        later(world, minutes=20)  # past any lock
    assert (await give(browser, device.prove(await ask(browser))))[0] == 303


async def test_a_proof_is_good_once_in_the_browser_that_was_asked_and_for_minutes(
    world: PanelWorld, browser: Browser
) -> None:
    _email, device = await enrolled(world, browser)
    device.step = 0  # a device that doesn't count: its proofs could be given again and again
    seen = device.prove(await ask(browser))
    async with client_of(world.app(security=world.security(public_url=ORIGIN))) as client:
        assert (await give(Browser(client), seen))[0] == 401  # whoever has copied it
        assert (await give(browser, seen))[0] == 303
        await leave(browser)
        assert (await give(browser, seen))[0] == 401
    late = device.prove(await ask(browser))
    later(world, seconds=CHALLENGE_LIFETIME.total_seconds() + 1)
    assert (await give(browser, late))[0] == 401


async def test_a_challenge_for_one_purpose_is_none_for_another(world: PanelWorld, browser: Browser) -> None:
    """One to confirm a password with signs nobody in, and the other way round."""
    email, device = await enrolled(world, browser)
    freely = await ask(browser)
    await browser.sign_in(email)
    assert (await give(browser, device.prove(freely), "/signin/code"))[0] == 401
    bound = await ask(browser, "/signin/code")
    assert (await give(browser, device.prove(bound)))[0] == 401


async def test_anothers_passkey_does_not_stand_for_the_code(world: PanelWorld, browser: Browser) -> None:
    _email, mine = await enrolled(world, browser)
    cashier, _theirs = await enrolled(world, browser, Role.CASHIER)
    await browser.sign_in(cashier)
    assert (await give(browser, mine.prove(await ask(browser, "/signin/code")), "/signin/code"))[0] == 401


async def test_garbage_is_refused_as_anything_else(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    empty = {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "attestationObject": "oA"}
    formed = json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": empty})
    garbage = ("", "{}", "[]", "null", "x" * 2000, '{"id": 1}', "[" * 20_000, "x" * 40_000, formed, formed[:-9])
    for text in garbage:
        await ask(browser)
        assert (await give(browser, text))[0] == 401, text[:20]
        later(world, minutes=20)
    await browser.sign_in(email)
    for text in garbage:
        await asked(browser, "/profile/passkeys/options", {"password": PASSWORD})
        assert (await browser.send("/profile/passkeys", {"credential": text, "name": "x"})).status == 422, text[:20]


async def test_a_count_that_goes_back_is_refused_told_and_on_record(world: PanelWorld, browser: Browser) -> None:
    email, device = await enrolled(world, browser)
    copy = replace(device)
    for _ in range(3):
        assert (await give(browser, device.prove(await ask(browser))))[0] == 303
        await leave(browser)
    token = await before_sign_in(browser)
    data = {"csrf": token, "credential": copy.prove(await ask(browser))}
    answer = await browser.client.post("/signin/passkey", data=data)
    assert answer.status == 401
    assert "salinan" in await answer.text()
    assert "staff.passkey.doubt" in await actions(world, email)
    assert (await give(browser, device.prove(await ask(browser))))[0] == 303  # the true one goes on
    assert "Hitungannya mundur" in await browser.page("/profile/second-factor")


async def test_wrong_proofs_lock_that_passkey_for_a_while(world: PanelWorld, browser: Browser) -> None:
    _email, device = await enrolled(world, browser)
    for _ in range(FREE_ATTEMPTS_NAME):
        assert (await give(browser, nobody_asked(device).prove(await ask(browser))))[0] == 401
    assert (await give(browser, device.prove(await ask(browser))))[0] == 429
    later(world, minutes=2)
    device.count += FREE_ATTEMPTS_NAME
    assert (await give(browser, device.prove(await ask(browser))))[0] == 303


async def test_making_one_needs_the_password_and_a_device_that_has_asked(world: PanelWorld, browser: Browser) -> None:
    """Whoever finds a browser signed in adds no key of their own."""
    email = await world.staff()
    await browser.sign_in(email)
    refused = await browser.send("/profile/passkeys/options", {"password": "salah"})
    assert (refused.status, (await refused.json())["problem"]) == (422, "Kata sandi sekarang tidak benar.")
    careless, elsewhere = SoftAuthenticator(ORIGIN, flags=PRESENT), SoftAuthenticator("https://evil.example")
    for device in (careless, elsewhere):
        made = device.make(await asked(browser, "/profile/passkeys/options", {"password": PASSWORD}))
        assert (await browser.send("/profile/passkeys", {"credential": made, "name": "x"})).status == 422
    good = SoftAuthenticator(ORIGIN)
    made = good.make(await asked(browser, "/profile/passkeys/options", {"password": PASSWORD}))
    for name in ("", "x" * 61):
        assert (await browser.send("/profile/passkeys", {"credential": made, "name": name})).status == 422
    assert (await browser.send("/profile/passkeys", {"credential": made, "name": "HP"})).status == 200
    assert (await browser.send("/profile/passkeys", {"credential": made, "name": "HP"})).status == 422  # a second click
    made = good.make(await asked(browser, "/profile/passkeys/options", {"password": PASSWORD}))
    assert (await browser.send("/profile/passkeys", {"credential": made, "name": "HP"})).status == 422
    assert len(await keys_of(world, email)) == 1
    statuses = [(await browser.send("/profile/passkeys/options", {"password": "x"})).status for _ in range(6)]
    assert set(statuses) == {422}
    locked = await browser.send("/profile/passkeys/options", {"password": PASSWORD})
    assert "Terlalu banyak percobaan" in (await locked.json())["problem"]


async def test_removing_one_needs_the_password_and_anothers_is_not_there(world: PanelWorld, browser: Browser) -> None:
    email, _device = await enrolled(world, browser)
    (theirs,) = await keys_of(world, email)
    cashier = await world.staff(Role.CASHIER)
    await browser.sign_in(cashier)
    await add(browser)
    (mine,) = await keys_of(world, cashier)
    for wanted in (theirs.id, uuid4()):
        assert (await browser.send(f"/profile/passkeys/{wanted}/remove", {"password": PASSWORD})).status == 404
    assert (await browser.send(f"/profile/passkeys/{mine.id}/remove", {"password": "salah"})).status == 422
    assert (await browser.send(f"/profile/passkeys/{mine.id}/remove", {"password": PASSWORD})).status == 303
    found = await member(world, cashier)
    assert not found.has_second_factor
    async with world.database.read() as work:
        assert await work.staff.recovery_codes_left(found.id) == 0
    assert len(await keys_of(world, email)) == 1
    await leave(browser)
    assert (await browser.sign_in(cashier)).headers["Location"] == "/"


async def test_a_main_admin_frees_somebody_who_lost_theirs(world: PanelWorld, browser: Browser) -> None:
    cashier, device = await enrolled(world, browser, Role.CASHIER)
    await browser.sign_in(await world.staff())
    found = await member(world, cashier)
    assert "Hapus verifikasi dua langkah" in await browser.page(f"/staff/{found.id}")
    assert (await browser.send(f"/staff/{found.id}/second-factor")).status == 303
    await leave(browser)
    assert (await give(browser, device.prove(await ask(browser))))[0] == 401
    assert (await browser.sign_in(cashier)).headers["Location"] == "/"


async def test_somebody_deactivated_has_no_use_of_a_passkey(world: PanelWorld, browser: Browser) -> None:
    email, device = await enrolled(world, browser)
    async with world.database.write() as work:
        await work.staff.update((await member(world, email)).id, {"active": False})
    assert (await give(browser, device.prove(await ask(browser))))[0] == 401


async def test_a_source_leaves_few_challenges_behind(world: PanelWorld, browser: Browser) -> None:
    """Anybody may ask: what that leaves in the database is bounded."""
    for _ in range(60):
        browser.client.session.cookie_jar.clear()
        await ask(browser)
    async with world.database.read() as work:
        rows = (await work.connection.execute(select(tables.passkey_challenges.c.key))).all()
    assert len(rows) == 50


async def test_without_a_name_or_tls_no_passkey_is_offered_and_the_page_says_why(world: PanelWorld) -> None:
    email = await world.staff()
    async with client_of(world.app()) as client:  # at http://127.0.0.1
        browser = Browser(client)
        assert "data-passkey" not in await browser.page("/signin")
        await browser.sign_in(email)
        text = await browser.page("/profile/second-factor")
        assert "data-passkey" not in text
        assert "HTTPS" in text
        assert (await browser.send("/profile/passkeys/options", {"password": PASSWORD})).status == 404
