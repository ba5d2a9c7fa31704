"""What captive devices ask for: probes, foreign hosts, the API of RFC 8908, and the page inside the walls."""

import asyncio
import json
import logging
from datetime import date, timedelta
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from tests.portal_client import browser
from tests.portal_world import ADDRESS, PER_USE, PREPAID, QUOTA, SITE, Person, World

PROBES = [
    ("connectivitycheck.gstatic.com", "/generate_204"),
    ("clients3.google.com", "/generate_204"),
    ("www.google.com", "/gen_204"),
    ("connect.rom.miui.com", "/generate_204"),
    ("connectivitycheck.platform.hicloud.com", "/generate_204"),
    ("captive.apple.com", "/hotspot-detect.html"),
    ("www.apple.com", "/library/test/success.html"),
    ("www.msftconnecttest.com", "/connecttest.txt"),
    ("ipv6.msftconnecttest.com", "/connecttest.txt"),
    ("www.msftconnecttest.com", "/redirect"),
    ("www.msftncsi.com", "/ncsi.txt"),
    ("detectportal.firefox.com", "/success.txt"),
    ("detectportal.firefox.com", "/canonical.html"),
    ("connectivity-check.ubuntu.com", "/"),
    ("nmcheck.gnome.org", "/check_network_status.txt"),
    ("fedoraproject.org", "/static/hotspot.txt"),
]

HOSTILE_HOSTS = [
    "evil.example",
    "evil.example:8081",
    "127.0.0.1.evil.example",
    "evil.example\t",
    "[::1",
    "a" * 300,
    "127.0.0.1@evil.example",
    "localhost.evil.example",
    '"><script>alert(1)</script>',
    "",
]
HOSTILE_PATHS = [
    "//evil.example/",
    "/\\evil.example",
    "/%2f%2fevil.example",
    "/isolir/../../evil",
    "/%0d%0aSet-Cookie:%20x=1",
    "/<script>alert(1)</script>",
    "/?q=" + "a" * 2000,
    "/bahasa/en?ke=//evil.example",
    "/bahasa/en?ke=https://evil.example/",
]


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


async def online(world: World, access: Access = Access.ACTIVE, reason: str = "ok", **kind: Any) -> Person:
    person = await world.person("budi@desa", **kind)
    await world.due(person, access, reason)
    await world.session(await world.nas("pop1", SITE), person, seen=access)
    return person


async def raw(url: str, request: str) -> tuple[int, dict[str, str], bytes, bool]:
    """Send octets as they are; return status, headers in lower case, body, and whether the peer then closed."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode("latin-1"))
    await writer.drain()
    try:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        length = 0 if request.startswith("HEAD") else int(headers.get("content-length", "0"))
        body = await asyncio.wait_for(reader.readexactly(length), 10)
        closes = headers.get("connection", "") == "close"
        if closes:
            assert await asyncio.wait_for(reader.read(), 10) == b""
    finally:
        writer.close()
        await writer.wait_closed()
    return int(head[0].split(" ")[1]), headers, body, closes


async def test_every_systems_probe_is_redirected_to_the_portal(world: World) -> None:
    """A phone shows its sign-in notice because its probe did not get the answer that means "online"."""
    async with world.portal() as url:
        for host, path in PROBES:
            status, headers, body, closes = await raw(url, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert (status, headers["location"], closes) == (302, url + "/isolir", True), host
            assert headers["cache-control"] == "no-store"
            online_words = (b"Success", b"Microsoft", b"success\n", b"NetworkManager", b"OK")
            assert not [word for word in online_words if word in body]
            assert url.encode() in body


async def test_any_method_for_a_foreign_host_is_redirected(world: World) -> None:
    async with world.portal() as url:
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
            request = f"{method} /api HTTP/1.1\r\nHost: tv.example.com\r\nContent-Length: 5\r\n\r\nabcde"
            status, headers, _, closes = await raw(url, request)
            assert (status, headers["location"], closes) == (302, url + "/isolir", True), method


async def test_by_setting_programs_are_told_511_with_the_way_to_the_portal(world: World) -> None:
    """RFC 6585 §6; 302 is the default, which more devices take for a portal."""
    async with world.portal(captive_status=511) as url:
        status, headers, body, closes = await raw(url, "GET /api HTTP/1.1\r\nHost: tv.example.com\r\n\r\n")
    assert (status, closes) == (511, True)
    assert "location" not in headers
    assert headers["cache-control"] == "no-store"
    assert f'content="0;url={url}/isolir"'.encode() in body


async def test_tls_and_connect_on_the_plain_port_end_without_a_page(world: World) -> None:
    async with world.portal() as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300, b"\x16\x03\x01\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            await writer.drain()
            answer = await asyncio.wait_for(reader.read(4096), 10)
            assert b"<html" not in answer
            writer.close()
            await writer.wait_closed()
        status, headers, _, closes = await raw(
            url, "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n"
        )
    assert status in {302, 400, 405}
    assert "evil" not in headers.get("location", "")
    assert closes


async def test_head_and_options_of_our_own_pages_are_answered(world: World) -> None:
    async with world.portal() as url, browser() as client:
        for method in ("HEAD", "OPTIONS"):
            for path in ("/", "/isolir", "/capport"):
                async with client.request(method, url + path) as answer:
                    assert answer.status == 200
                    assert await answer.read() == b""


async def test_no_host_header_reaches_a_redirect_or_a_page(world: World) -> None:
    async with world.portal() as url:
        for host in HOSTILE_HOSTS:
            for path in ("/", "/isolir", "/masuk", "/capport", "/nowhere"):
                status, headers, body, _ = await raw(url, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                assert status in {302, 400}, host
                assert headers.get("location", url + "/isolir") == url + "/isolir"
                assert b"evil" not in body
                assert b"<script" not in body


async def test_a_request_without_a_host_is_redirected_to_the_address_it_reached(world: World) -> None:
    async with world.portal() as url:
        status, headers, _, _ = await raw(url, "GET / HTTP/1.0\r\n\r\n")
    assert (status, headers["location"]) == (302, url + "/isolir")


async def test_a_target_in_absolute_form_counts_for_its_host(world: World) -> None:
    async with world.portal() as url:
        own = url.removeprefix("http://")
        status, headers, _, _ = await raw(url, f"GET http://evil.example/ HTTP/1.1\r\nHost: {own}\r\n\r\n")
    assert (status, headers["location"]) == (302, url + "/isolir")


async def test_no_path_leads_elsewhere_or_is_repeated(world: World) -> None:
    async with world.portal() as url:
        own = url.removeprefix("http://")
        for path in HOSTILE_PATHS:
            status, headers, body, _ = await raw(url, f"GET {path} HTTP/1.1\r\nHost: {own}\r\n\r\n")
            assert status in {302, 303, 404}, path
            assert headers.get("location", "/") in {"/", url + "/isolir"}
            assert not [word for word in (b"evil", b"<script", b"alert(", b"x=1") if word in body]
            assert "x=1" not in headers.get("set-cookie", "")


async def test_with_a_public_url_everything_foreign_goes_there(world: World) -> None:
    async with world.portal(public_url="https://portal.desa.example/") as url:
        request = "GET /generate_204 HTTP/1.1\r\nHost: www.google.com\r\nX-Forwarded-Host: evil.example\r\n\r\n"
        _, headers, _, _ = await raw(url, request)
        assert headers["location"] == "https://portal.desa.example/isolir"
        status, _, _, _ = await raw(url, "GET / HTTP/1.1\r\nHost: Portal.Desa.Example\r\n\r\n")
        assert status == 200


async def test_oversized_and_broken_requests_end_without_a_reflection(world: World) -> None:
    async with world.portal() as url:
        own = url.removeprefix("http://")
        for request in (
            f"GET /{'<script>' * 2000} HTTP/1.1\r\nHost: {own}\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: {own}\r\nX-Long: {'<script>' * 2000}\r\n\r\n",
            "<script>alert(1)</script>\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: {own}\r\n<script>: x\r\n\r\n",
        ):
            status, headers, body, _ = await raw(url, request)
            assert status in {400, 414, 431}
            assert "html" not in headers.get("content-type", "") or b"<script" not in body


async def test_a_noisy_client_writes_one_line_a_minute(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "netbilld")
    async with world.portal() as url, browser() as client:
        for _ in range(50):
            async with client.get(url + "/tv", headers={"Host": "tv.example"}, allow_redirects=False) as answer:
                assert answer.status == 302
    assert len([record for record in caplog.records if "redirected" in record.message]) == 1


async def capport(url: str, source: str = ADDRESS) -> dict[str, Any]:
    async with browser(source) as client, client.get(url + "/capport") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/captive+json"
        assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}
        told = json.loads(await answer.read())
    assert isinstance(told, dict)
    return told


async def test_rfc8908_5_a_stranger_is_captive_and_learns_where_the_portal_is(world: World) -> None:
    await online(world)
    async with world.portal() as url:
        assert await capport(url, "127.9.9.9") == {"captive": True, "user-portal-url": url + "/isolir"}


async def test_rfc8908_5_an_active_subscriber_is_not_captive(world: World) -> None:
    person = await online(world)
    await world.used(person, 400_000_000)
    async with world.portal(public_url="https://portal.desa.example") as url:
        assert await capport(url) == {"captive": False, "venue-info-url": "https://portal.desa.example/"}


async def test_rfc8908_5_bytes_remaining_are_told_where_access_ends_with_them(world: World) -> None:
    person = await online(world, plan=QUOTA)
    await world.used(person, 30_000_000_001, 5_000_000_000)
    async with world.portal() as url:
        assert (await capport(url))["bytes-remaining"] == 64_999_999_999


async def test_rfc8908_5_a_wallet_is_told_as_the_bytes_it_buys(world: World) -> None:
    person = await online(world, plan=PER_USE)
    await world.wallet(person, 4500)
    async with world.portal() as url:
        assert (await capport(url))["bytes-remaining"] == 1_500_000_000


async def test_rfc8908_5_a_prepaid_period_is_told_as_the_seconds_left(world: World) -> None:
    await online(world, plan=PREPAID, paid_until_on=date(2026, 11, 22))
    async with world.portal() as url:
        assert (await capport(url))["seconds-remaining"] == 12 * 3600


async def test_rfc8908_5_a_fair_use_limit_slows_and_makes_nobody_captive(world: World) -> None:
    person = await online(world, Access.THROTTLED, "fair_use")
    await world.used(person, 310 * 10**9)
    async with world.portal() as url:
        assert await capport(url) == {"captive": False, "venue-info-url": url + "/"}


@pytest.mark.parametrize("reason", ["overdue", "quota", "no_credit", "expired", "suspended", "paused", "terminated"])
async def test_rfc8908_5_a_walled_subscriber_is_captive_without_limits(world: World, reason: str) -> None:
    person = await online(world, Access.WALLED, reason, plan=QUOTA)
    await world.used(person, 100 * 10**9)
    async with world.portal() as url:
        told = await capport(url)
    extends = {"can-extend-session": True} if reason in {"overdue", "no_credit", "expired"} else {}
    assert told == {"captive": True, "user-portal-url": url + "/isolir"} | extends


async def test_rfc8908_5_until_the_nas_has_let_go_one_is_still_captive(world: World) -> None:
    person = await world.person("budi@desa")
    await world.due(person, Access.ACTIVE, "ok")
    await world.session(await world.nas("pop1", SITE), person, seen=Access.WALLED)
    async with world.portal() as url:
        assert (await capport(url))["captive"] is True


async def isolir(url: str, source: str = ADDRESS, language: str = "id") -> str:
    async with browser(source, {"Accept-Language": language}) as client, client.get(url + "/isolir") as answer:
        assert answer.status == 200
        assert "no-store" in answer.headers["Cache-Control"]
        return (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")


async def test_an_overdue_subscriber_reads_amount_since_when_and_what_happens_next(world: World) -> None:
    person = await online(world, Access.WALLED, "overdue")
    await world.invoice(person, "INV-1", date(2026, 11, 1))
    async with world.portal() as url:
        page = await isolir(url)
        assert (
            "Internet Anda diisolir karena tagihan Rp200.000 lewat jatuh tempo sejak 1 November 2026. "
            f"Bayar tunai atau transfer ke Desa Net dengan menyebut nomor pelanggan {person.number}, dan internet "
            "kembali sendiri dalam hitungan detik setelah pembayaran dicatat." in page
        )
        assert 'http-equiv="refresh"' in page
        assert f"{url}/isolir, buka di browser" in page  # the window of a device that shows a portal can do little
        assert "Budi" not in page
        english = await isolir(url, language="en-GB,en;q=0.8")
        assert "Your internet is paused because a bill of Rp200,000 has been due since 1 November 2026." in english


@pytest.mark.parametrize(
    ("reason", "plan", "sentence"),
    [
        ("quota", QUOTA, "Internet Anda berhenti karena kuota 100 GB periode ini sudah habis."),
        ("no_credit", PER_USE, "Internet Anda berhenti karena saldo sudah habis."),
        ("expired", PREPAID, "Internet Anda berhenti karena masa aktif paket berakhir 20 November 2026."),
        ("suspended", QUOTA, "Internet Anda dihentikan oleh penyelenggara."),
        ("paused", QUOTA, "Layanan Anda sedang cuti atas permintaan Anda."),
        ("terminated", QUOTA, "Langganan ini sudah berhenti."),
    ],
)
async def test_each_wall_explains_itself(world: World, reason: str, plan: str, sentence: str) -> None:
    person = await online(world, Access.WALLED, reason, plan=plan, paid_until_on=date(2026, 11, 20))
    await world.used(person, 100 * 10**9)
    async with world.portal() as url:
        assert sentence in await isolir(url)


async def test_the_walled_page_turns_into_connected_again_with_the_seconds_it_took(world: World) -> None:
    person = await online(world, Access.WALLED, "overdue")
    invoice_id = await world.invoice(person, "INV-1", date(2026, 11, 1))
    async with world.portal() as url:
        assert "Akses terbatas" in await isolir(url)
        paid_at = world.now
        await world.settle(invoice_id)
        await world.payment(person, 200_000, invoice_id=invoice_id)
        await world.due(person, Access.ACTIVE, "ok", since_at=paid_at + timedelta(milliseconds=300))
        world.now += timedelta(seconds=2)
        opening = await isolir(url)  # the NAS still has the old session
        assert "Menyambungkan kembali" in opening
        assert "sejak pembayaran Rp200.000 dicatat" in opening
        nas = await world.nas("pop2", "127.60.0.0/16")
        again_at = paid_at + timedelta(milliseconds=3400)
        await world.session(nas, person, "127.60.1.2", seen=Access.ACTIVE, started_at=again_at)
        world.now += timedelta(seconds=3)
        connected = await isolir(url, "127.60.1.2")
        assert "Tersambung kembali" in connected
        assert "3,40" in connected
        assert "http-equiv" not in connected
        world.now += timedelta(minutes=11)
        assert "3,40" not in await isolir(url, "127.60.1.2")


async def test_slowed_down_soon_after_a_payment_is_not_restored_by_it(world: World) -> None:
    person = await online(world, Access.THROTTLED, "fair_use")
    await world.payment(person, 200_000)
    await world.due(person, Access.THROTTLED, "fair_use", since_at=world.now + timedelta(seconds=40), cause="usage")
    world.now += timedelta(seconds=60)
    nas = await world.nas("pop2", "127.60.0.0/16")
    again_at = world.now - timedelta(seconds=10)
    await world.session(nas, person, "127.60.1.2", seen=Access.THROTTLED, started_at=again_at)
    async with world.portal() as url:
        page = await isolir(url, "127.60.1.2")
    assert "Internet menyala" in page or "Internet aktif" in page
    assert "Tersambung kembali" not in page


async def test_a_page_left_open_without_javascript_stops_asking_after_ten_minutes(world: World) -> None:
    person = await online(world, Access.WALLED, "overdue")
    await world.invoice(person, "INV-1", date(2026, 11, 1))
    async with world.portal() as url, browser(ADDRESS) as client:
        for count, wanted in (("7", "/isolir?n=8"), ("119", "/isolir?n=120"), ("-1", "/isolir?n=1"), ("x", "n=1")):
            async with client.get(url + "/isolir", params={"n": count}) as answer:
                assert f"{wanted}" in await answer.text()
        async with client.get(url + "/isolir", params={"n": "120"}) as answer:
            assert "http-equiv" not in await answer.text()


async def test_a_stranger_at_the_wall_is_asked_to_sign_in_and_told_nothing(world: World) -> None:
    person = await online(world, Access.WALLED, "overdue")
    await world.invoice(person, "INV-1", date(2026, 11, 1))
    async with world.portal() as url:
        page = await isolir(url, "127.9.9.9")
    assert 'name="password"' in page
    assert not [word for word in ("Rp200", person.number, "budi@", "Rumah 20") if word in page]
