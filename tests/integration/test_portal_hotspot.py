"""Logging in to a hotspot on the portal: a router's page, the portal's form, and the router's CHAP."""

import hashlib
import re
from html import unescape

import pytest
from aiohttp import ClientSession

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.nas_script.hotspot_pages import hotspot_pages
from netbilld.panel.portal.hotspot_login import login_target
from netbilld.radius.hotspot_chap import hotspot_response, read_octets
from tests.portal_client import browser
from tests.portal_world import World

CHAP_ID = r"\371"
CHALLENGE = r"\357\015\330\013\021\234\145\245\303\253\142\246\133\175\375\316"
SITE = "127.50.0.0/16"
PHONE = "127.50.5.9"
ROUTER = "http://127.50.0.1/login"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


class FakeHotspot:
    """A router that shows its login.html with its variables filled in, and checks what the browser brings back."""

    def __init__(self, mac: str = "AA:BB:CC:00:11:22") -> None:
        self.variables = {
            "mac": mac, "ip": PHONE, "link-login-only": ROUTER, "link-orig": "http://example.net/a?b=c", "error": "",
            "chap-id": CHAP_ID, "chap-challenge": CHALLENGE, "identity": "pop1", "server-name": "hs1",
        }  # fmt: skip

    def page(self, url: str) -> str:
        filled = hotspot_pages(url, "Desa Net")["login.html"]
        for name, value in self.variables.items():
            filled = filled.replace(f"$({name})", value)
        assert "$(" not in filled
        return filled

    def lets_in(self, password: str, response: str) -> bool:
        octets = bytes([0xF9]) + password.encode() + bytes.fromhex("ef0dd80b119c65a5c3ab62a65b7dfdce")
        return hashlib.md5(octets).hexdigest() == response  # noqa: S324 - what the router does


def form_of(page: str) -> tuple[str, dict[str, str]]:
    action = re.search(r'<form[^>]* action="([^"]+)"', page)
    assert action is not None
    fields = re.findall(
        r'name="([^"]+)"(?: [a-z]+="[^"]*")*? value="([^"]*)"', page.split("<form", 1)[1].split("</form", 1)[0]
    )
    return unescape(action[1]), {name: unescape(value) for name, value in fields}


async def open_form(client: ClientSession, url: str, router: FakeHotspot) -> tuple[int, str]:
    """Do what a phone does with the router's page."""
    action, fields = form_of(router.page(url))
    assert action == url + "/hotspot"
    async with client.post(action, data=fields, headers={"Origin": "http://127.50.0.1"}) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("password", "md5"),
    [
        ("rahasia123", "b202e42bc6465945a2210105ded441e0"),
        ("", "83bdb09a281a4025f6262d3ddf4cf8fd"),
        ("kopi☕", "e95abe216f6200eeeac3f69a8b5c8a0e"),
    ],
)
def test_vector_c_1_the_response_is_what_the_router_works_out(password: str, md5: str) -> None:
    chap_id, challenge = read_octets(CHAP_ID, 1), read_octets(CHALLENGE, 16)
    assert chap_id is not None
    assert challenge is not None
    assert challenge.hex() == "ef0dd80b119c65a5c3ab62a65b7dfdce"
    assert hotspot_response(chap_id, password, challenge) == md5


def test_octets_are_read_escaped_or_as_they_are_and_only_so_many() -> None:
    assert read_octets(r"A\102c\\", 4) == b"ABc\\"
    for written in ("", "AB", r"\37", r"\400", r"\9", "\\", "é€"):
        assert read_octets(written, 1) in {None, b"9"}, written


async def test_a_phone_logs_in_by_the_portal_without_scripts_whatever_its_mac(world: World) -> None:
    """The account is what counts: a phone with another MAC address each day logs in alike."""
    await world.nas("pop1", SITE)
    async with world.portal() as url, browser(PHONE) as client:
        for mac in ("AA:BB:CC:00:11:22", "0E:1F:22:33:44:55"):
            router = FakeHotspot(mac)
            status, page = await open_form(client, url, router)
            assert status == 200
            action, fields = form_of(page)
            assert "mac" not in fields
            data = {**fields, "name": "budi@desa", "password": "rahasia123"}
            async with client.post(url + action, data=data) as answer:
                policy = answer.headers["Content-Security-Policy"]
                page = await answer.text()
            assert "form-action http://127.50.0.1;" in policy
            action, fields = form_of(page)
            assert action == ROUTER
            assert fields["username"] == "budi@desa"
            assert fields["dst"] == "http://example.net/a?b=c"
            assert router.lets_in("rahasia123", fields["password"])
            assert "rahasia123" not in page


async def test_the_code_of_a_voucher_is_all_that_is_typed(world: World) -> None:
    await world.nas("pop1", SITE)
    async with world.portal() as url, browser(PHONE) as client:
        router = FakeHotspot()
        _, page = await open_form(client, url, router)
        assert page.count('action="/hotspot/masuk"') == 2
        _, fields = form_of(page)
        async with client.post(url + "/hotspot/masuk", data={**fields, "code": " cdfh-jkmn "}) as answer:
            action, sent = form_of(await answer.text())
        assert action == ROUTER
        assert sent["username"] == "CDFHJKMN"
        assert router.lets_in("CDFHJKMN", sent["password"])
        async with client.post(url + "/hotspot/masuk", data={**fields, "code": " - "}) as answer:
            assert answer.status == 422
            assert "Tulis kode" in await answer.text()


async def test_nobody_is_sent_elsewhere_with_a_password(world: World) -> None:
    await world.nas("pop1", SITE)
    await world.nas("pop2", "10.60.0.0/16")
    async with world.portal() as url, browser(PHONE) as client:
        for target in (
            "http://evil.example/login",
            "http://127.50.5.66/login",  # another subscriber's device
            "http://10.60.0.1/login",  # a router that this browser is not behind
            "http://127.50.0.1/other",
            "http://127.50.0.1/login?x=1",
            "http://127.50.0.1@evil.example/login",
            "http://evil.example#@127.50.0.1/login",
            "javascript:alert(1)//127.50.0.1/login",
            "//127.50.0.1/login",
            "http://127.50.0.1/login;script-src *",
            "http://127.50.0.1:99999/login",
            "",
        ):
            router = FakeHotspot()
            router.variables["link-login-only"] = target
            data = {**router.variables, "name": "budi@desa", "password": "rahasia123"}
            for path in ("/hotspot", "/hotspot/masuk"):
                async with client.post(url + path, data=data) as answer:
                    page = await answer.text()
                    assert answer.status == 400, target
                    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
                assert "evil" not in page
                assert 'name="password"' not in page
        async with browser("127.60.1.1") as other, other.post(url + "/hotspot", data=FakeHotspot().variables) as answer:
            assert answer.status == 400  # it is behind no router of ours


async def test_a_password_is_never_sent_in_clear_over_http(world: World) -> None:
    await world.nas("pop1", SITE)
    async with world.portal(hotspot_hosts=("login.desa.example",)) as url, browser(PHONE) as client:
        plain = {"name": "budi@desa", "password": "rahasia123", "link-login-only": ROUTER}
        async with client.post(url + "/hotspot/masuk", data=plain) as answer:
            assert answer.status == 422
            assert "rahasia123" not in await answer.text()
        over_tls = {**plain, "link-login-only": "https://login.desa.example/login"}
        async with client.post(url + "/hotspot/masuk", data=over_tls) as answer:
            assert answer.status == 200
            assert "form-action https://login.desa.example;" in answer.headers["Content-Security-Policy"]


async def test_what_the_router_says_becomes_a_sentence_of_ours(world: World) -> None:
    await world.nas("pop1", SITE)
    async with world.portal() as url, browser(PHONE) as client:
        for said, ours in (
            ("invalid username or password", "tidak cocok"),
            ("no more sessions are allowed for user budi", "perangkat lain"),
            ("user budi has reached uptime limit", "habis"),
            ("RADIUS server is not responding", "belum bisa diperiksa"),
            (f"weird {SCRIPT}", "ditolak"),
        ):
            router = FakeHotspot()
            router.variables |= {"error": said, "link-orig": f"javascript:{SCRIPT}", "identity": SCRIPT, "mac": SCRIPT}
            async with client.post(url + "/hotspot", data=router.variables) as answer:
                page = await answer.text()
            assert ours in page, said
            assert SCRIPT not in page
            _, fields = form_of(page)
            data = {**fields, "name": SCRIPT, "password": "x"}
            async with client.post(url + "/hotspot/masuk", data=data) as answer:
                page = await answer.text()
            assert SCRIPT not in page
            assert form_of(page)[1]["dst"] == ""


async def test_broken_and_oversized_fields_are_refused(world: World) -> None:
    await world.nas("pop1", SITE)
    async with world.portal() as url, browser(PHONE) as client:
        for changed in (
            {"chap-id": r"\371\371"},
            {"chap-challenge": CHALLENGE[:-4]},
            {"chap-challenge": "€" * 16},
            {"link-login-only": "http://127.50.0.1/login" + "x" * 2000},
        ):
            async with client.post(url + "/hotspot", data={**FakeHotspot().variables, **changed}) as answer:
                assert answer.status == 400, changed
        async with client.post(url + "/hotspot", data={"error": "x" * 20_000}) as answer:
            assert answer.status == 413
        async with client.post(url + "/hotspot", json={}) as answer:
            assert answer.status == 400
        async with client.post(url + "/hotspot/masuk", data=FakeHotspot().variables) as answer:
            assert answer.status == 422


def test_the_first_the_last_and_the_routers_own_address_are_its_log_in_page() -> None:
    networks = [("192.0.2.1/32", ["10.5.50.0/24"])]
    for host in ("10.5.50.1", "10.5.50.254", "192.0.2.1"):
        assert login_target(f"https://{host}/login", "10.5.50.9", networks, ()) == f"https://{host}"
    for host in ("10.5.50.2", "10.5.51.1", "192.0.2.2", "[::1]", "login.example"):
        assert login_target(f"https://{host}/login", "10.5.50.9", networks, ()) is None
    assert login_target("https://10.5.50.1:8443/login", "10.5.50.9", networks, ()) == "https://10.5.50.1:8443"


async def test_a_page_that_can_be_no_address_is_left_out(world: World) -> None:
    await world.nas("pop1", SITE)
    async with world.portal() as url, browser(PHONE) as client:
        for wanted in ("http://[", "http://[::1", "javascript:alert(1)", "http://a\tb/"):
            fields = {"link-login-only": ROUTER, "link-orig": wanted, "chap-id": CHAP_ID, "chap-challenge": CHALLENGE}
            async with client.post(url + "/hotspot/masuk", data=fields | {"name": "a", "password": "b"}) as answer:
                page = await answer.text()
            assert answer.status == 200, wanted
            assert 'name="dst" value=""' in page
