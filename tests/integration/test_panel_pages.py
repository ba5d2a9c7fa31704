"""What the pages show and do, on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from netbilld.panel import live
from netbilld.panel.live import LIVE
from netbilld.services.sample_throughput import SampleThroughput
from tests.panel_fixture import Browser, PanelWorld, client_of, plain
from tests.panel_seed import seed

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'{{7*7}}"


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_a_small_isp_at_three_in_the_afternoon(world: PanelWorld, browser: Browser) -> None:
    people = await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    overview = plain(await browser.page("/"))
    for text in ("Rp550.000", "2 pelanggan", "Kena FUP", "batas FUP tercapai", "cilengkrang-1", "Zainal Abidin"):
        assert text in overview, text
    found = plain(await browser.page("/subscribers?access=walled"))
    assert "Agus Wijaya" in found
    assert "Budi Santoso" not in found
    joko = plain(await browser.page(f"/subscribers/{people[9].number}"))
    for text in (
        "tagihan lewat jatuh tempo",
        "INV-2026-000110",
        "Lewat jatuh tempo",
        "Lunas",
        "terbukti",
        "kata sandi salah",
    ):
        assert text in joko, text
    sessions = plain(await browser.page("/sessions"))
    assert "21 sesi terbuka" in sessions
    assert "NAS masih: Aktif" in sessions
    waiting = plain(await browser.page("/enforcement"))
    assert "tidak ada jawaban dari 192.0.2.2:3799" in waiting
    assert "Tanpa jawaban" in waiting
    plan = plain(await browser.page("/plans/home20"))
    assert "Rp275.000" in plan
    assert "diperlambat" in plan
    nas = plain(await browser.page("/nas/cibiru-1"))
    assert "10.20.0.0/16" in nas
    assert "kata sandi salah" in nas


async def test_search_finds_what_one_would_type(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    nas = await world.nas()
    budi = await world.person("budi@rumahnet", "Budi Santoso", phone="081234567890", address="Jalan Kenanga 9")
    await world.person("siti@rumahnet", "Siti 100% Aminah", mac="AA:BB:CC:00:11:22")
    await world.session(nas, budi, mac="48:8F:5A:12:34:56", framed_ip="10.20.7.7")
    await browser.sign_in(await world.staff())
    for text, name, other in (
        ("budi san", "Budi Santoso", "Siti"),
        (budi.number, "Budi Santoso", "Siti"),
        ("81234567", "Budi Santoso", "Siti"),
        ("BUDI@", "Budi Santoso", "Siti"),
        ("kenanga", "Budi Santoso", "Siti"),
        ("48-8f-5a-12-34-56", "Budi Santoso", "Siti"),
        ("10.20.7.7", "Budi Santoso", "Siti"),
        ("aabb.cc00.1122", "Siti 100% Aminah", "Budi"),
        ("100%", "Siti 100% Aminah", "Budi"),
    ):
        page = await browser.page("/subscribers", params={"q": text})
        assert name in page, text
        assert other not in page, text
    assert "Tidak ada yang cocok." in await browser.page("/subscribers", params={"q": "' OR 1=1 --"})
    assert "Tidak ada yang cocok." in await browser.page("/subscribers", params={"q": "_____________________________"})


async def test_a_long_list_is_paged(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    for number in range(53):
        await world.person(f"user{number:03d}", f"Pelanggan {number:03d}")
    await browser.sign_in(await world.staff())
    first, second = await browser.page("/subscribers"), await browser.page("/subscribers?page=2")
    assert "Pelanggan 049" in first
    assert "Pelanggan 050" not in first
    assert "Pelanggan 052" in second
    assert "Pelanggan 049" not in second
    for nonsense in ("0", "-1", "x", "99999999", "²"):
        await browser.page("/subscribers", params={"page": nonsense})


async def test_script_in_every_text_field_stays_text(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    nas = await world.nas()
    person = await world.person("budi@rumahnet")
    session_id = await world.session(nas, person, username=SCRIPT[:100], framed_ip=SCRIPT[:45], mac=SCRIPT[:60])
    await world.due(person, Access.WALLED, SCRIPT[:40], world.clock.now())
    await world.attempt(nas, person, session_id, Access.WALLED, SCRIPT[:40], detail=SCRIPT[:100])
    await world.invoice(person, SCRIPT[:40], -2)
    await world.put(
        tables.pending_orders, session_id=session_id, service_id=person.service_id, profile_key="x", attempts=1,
        next_attempt_at=world.clock.now(), coa_refused=False, last_error=SCRIPT[:100],
    )  # fmt: skip
    await world.put(
        tables.auth_attempts, at=world.clock.now(), nas_id=nas, username=SCRIPT[:200], username_key="budi@rumahnet",
        method="pap", result="reject", reason=SCRIPT[:40], latency_us=1,
    )  # fmt: skip
    await world.put(
        tables.changes, at=world.clock.now(), actor=SCRIPT, origin=SCRIPT, action=SCRIPT[:60], entity="subscriber",
        entity_id=str(person.subscriber_id), details={"reason": SCRIPT, "fields": {SCRIPT: [SCRIPT, SCRIPT]}},
    )  # fmt: skip
    async with world.database.write() as work:
        everything = dict.fromkeys(("name", "phone", "email", "address", "area"), SCRIPT[:40])
        for statement in (
            update(tables.subscribers).values(**everything),
            update(tables.services).values(status_reason=SCRIPT, static_ip=SCRIPT[:45]),
            update(tables.credentials).values(name=SCRIPT),
            update(tables.nas).values(
                vendor=SCRIPT[:32], identifier=SCRIPT, reported_ip=SCRIPT[:45], portal_sources=[SCRIPT]
            ),
            update(tables.staff).values(name=SCRIPT),
        ):
            await work.connection.execute(statement)
        version = (await work.connection.execute(select(tables.plan_versions))).mappings().first()
        assert version is not None
        spoiled = json.loads(json.dumps(version["definition"])) | {"name": SCRIPT}
        await work.connection.execute(update(tables.plan_versions).values(definition=spoiled, actor=SCRIPT))
    await browser.sign_in(await world.staff(name=SCRIPT))
    for path in (
        "/", "/subscribers", f"/subscribers?q={SCRIPT}", f"/subscribers/{person.number}", f"/subscribers/{person.number}?done={SCRIPT}",
        "/sessions", f"/sessions?q={SCRIPT}", "/plans", "/plans/HOME20", "/nas", "/nas/cibiru-1", "/enforcement", "/profile",
        f"/nothing/{SCRIPT}",
    ):  # fmt: skip
        text = await (await browser.client.get(path)).text()
        assert "<script>" not in text, path
        assert "<img src=x" not in text, path
        assert path != "/profile" or "{{7*7}}" in text, "what was typed is no template"
    refused = await browser.send(
        f"/subscribers/{person.number}/payments",
        {"amount": SCRIPT, "reference": SCRIPT, "once": "k" * 40, "method": "cash"},
    )
    assert refused.status == 422
    text = await refused.text()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    failed = await browser.client.post(
        "/signin", data={"csrf": await browser.token(), "email": SCRIPT, "password": "x"}
    )
    assert "<script>" not in await failed.text()
    async with browser.client.get("/live/overview") as answer:
        assert b"<script>" not in await asyncio.wait_for(answer.content.readuntil(b"event: nas"), 10)


async def test_two_clicks_record_one_payment(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    path = f"/subscribers/{person.number}/payments"
    form = {"amount": "Rp275.000", "method": "cash", "once": "a" * 43, "received_on": "2026-11-22", "reference": ""}
    answers = await asyncio.gather(*(browser.send(path, form) for _ in range(4)))
    assert [answer.status for answer in answers] == [303] * 4
    assert (await browser.send(path, form)).status == 303
    async with world.database.read() as work:
        payments = (await work.connection.execute(select(tables.payments))).mappings().all()
    assert [(row["amount_minor"], row["actor"]) for row in payments] == [(275_000, "admin@rumahnet.example")]
    assert world.nudges == 5
    page = plain(await browser.page(f"/subscribers/{person.number}?done=payment"))
    assert "Pembayaran dicatat." in page
    assert "Rp275.000" in page
    # the page gives a new key each time, so a second payment of the same amount is one of its own
    assert (await browser.send(path, form | {"once": "b" * 43})).status == 303
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.payments)) == 2


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"amount": "banyak"}, "Tuliskan jumlah"),
        ({"amount": "-5000"}, "Tuliskan jumlah"),
        ({"amount": "0"}, "Tuliskan jumlah"),
        ({"amount": "9" * 30}, "Tuliskan jumlah"),
        ({"received_on": "kemarin"}, "Tuliskan tanggal"),
        ({"received_on": "2030-01-01"}, "2030-01-01"),
        ({"once": ""}, "key"),
        ({"once": "../../x"}, "key"),
    ],
)
async def test_a_payment_that_can_not_be_is_refused_and_nothing_typed_is_lost(
    world: PanelWorld, browser: Browser, changed: dict[str, str], says: str
) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    form = {"amount": "5000", "method": "transfer", "once": "a" * 43, "reference": "TRX-0091"} | changed
    answer = await browser.send(f"/subscribers/{person.number}/payments", form)
    assert answer.status == 422
    text = await answer.text()
    assert says in text
    assert 'value="TRX-0091"' in text
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.payments)) == 0


async def test_an_amount_that_can_not_be_right_is_asked_back_and_taken_when_it_is_meant(
    world: PanelWorld, browser: Browser
) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    form = {"amount": "20000000", "method": "transfer", "once": "a" * 43}
    answer = await browser.send(f"/subscribers/{person.number}/payments", form)
    assert (answer.status, 'name="meant"' in await answer.text()) == (422, True)
    answer = await browser.send(f"/subscribers/{person.number}/payments", form | {"meant": "yes"})
    assert answer.status == 303


async def test_a_payment_goes_to_the_subscriber_in_the_address(world: PanelWorld, browser: Browser) -> None:
    """A user name may look like a subscriber number; the page means the number."""
    await world.plans()
    first = await world.person("budi@rumahnet")
    await world.person(first.number, "Orang Lain")
    await browser.sign_in(await world.staff())
    form = {"amount": "5000", "method": "cash", "once": "a" * 43}
    assert (await browser.send(f"/subscribers/{first.number}/payments", form)).status == 303
    async with world.database.read() as work:
        payers = (await work.connection.execute(select(tables.payments.c.subscriber_id))).scalars().all()
    assert payers == [first.subscriber_id]


async def test_suspend_resume_and_change_of_plan_are_written_down_with_their_author(
    world: PanelWorld, browser: Browser
) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{person.number}/services/{person.service_id}"
    without = await browser.send(f"{at}/suspend", {"reason": "  "})
    assert without.status == 422
    assert "Tuliskan alasan" in await without.text()
    assert (await browser.send(f"{at}/suspend", {"reason": "Modem rusak"})).status == 303
    async with world.database.read() as work:
        service = await work.services.by_id(person.service_id)
    assert service is not None
    assert (service.status, service.status_reason) == ("suspended", "Modem rusak")
    assert (await browser.send(f"{at}/resume")).status == 303
    assert (await browser.send(f"{at}/plan", {"plan": "KUOTA100"})).status == 303
    assert (await browser.send(f"{at}/plan", {"plan": "TIDAK-ADA"})).status == 422
    page = await browser.page(f"/subscribers/{person.number}")
    for text in ("Modem rusak", "Diaktifkan kembali", "KUOTA100", "admin@rumahnet.example", "127.0.0.1"):
        assert text in page, text
    assert world.nudges == 3


async def test_a_plan_that_costs_less_is_planned_and_the_page_says_from_when(
    world: PanelWorld, browser: Browser
) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{person.number}/services/{person.service_id}"
    assert (await browser.send(f"{at}/plan", {"plan": "PAKAI"})).status == 303  # without a fee
    async with world.database.read() as work:
        (planned,) = await work.terms.waiting("Asia/Jakarta", date(2100, 1, 1), 10)
    assert (await browser.page(f"/subscribers/{person.number}")).count(" mulai ") >= 1
    assert planned == person.service_id


async def test_locks_are_shown_and_what_was_learned_is_reset_with_one_click(
    world: PanelWorld, browser: Browser
) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{person.number}"
    assert "Reset kuncian" not in await browser.page(at)
    async with world.database.write() as work:
        for kind, value, learned in (("mac", "BC:24:11:00:00:0A", True), ("vlan", "100", False)):
            await work.locks.set(person.service_id, kind, [value], learned=learned, created_at=world.clock.now())
    page = await browser.page(at)
    for text in ("BC:24:11:00:00:0A", "Reset kuncian", "VLAN"):
        assert text in page, text
    answer = await browser.send(f"{at}/services/{person.service_id}/forget-lock")
    assert (answer.status, answer.headers["Location"]) == (303, f"{at}?done=forget-lock")
    async with world.database.read() as work:
        left = await work.locks.of(person.service_id)
    assert [(lock.kind, lock.value, lock.learned) for lock in left] == [("vlan", "100", False)]
    page = await browser.page(at)
    assert "Kuncian direset" in page
    assert "Reset kuncian" not in page


async def test_a_session_is_ended_by_order(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    nas = await world.nas()
    person = await world.person("budi@rumahnet")
    session_id = await world.session(nas, person)
    ended = await world.session(nas, person, state="closed", stopped_at=world.clock.now())
    await browser.sign_in(await world.staff())
    answer = await browser.send(f"/sessions/{session_id}/disconnect", {"next": f"/subscribers/{person.number}"})
    assert answer.headers["Location"] == f"/subscribers/{person.number}?done=disconnect"
    assert (await browser.send(f"/sessions/{session_id}/disconnect")).status == 303
    assert (await browser.send(f"/sessions/{ended}/disconnect")).status == 409
    assert (await browser.send("/sessions/999/disconnect")).status == 404
    async with world.database.read() as work:
        row = (await work.connection.execute(select(tables.sessions).where(tables.sessions.c.id == session_id))).one()
        lines = (
            await work.connection.execute(select(tables.changes).where(tables.changes.c.entity == "session"))
        ).all()
    assert (row.disconnect_requested_at, row.disconnect_requested_by) == (world.clock.now(), "admin@rumahnet.example")
    assert [(line.action, line.entity_id, line.details["service_ids"]) for line in lines] == [
        ("session.disconnect", str(session_id), [str(person.service_id)])
    ]
    assert "sedang diputus" in await browser.page("/sessions")


async def test_the_session_list_moves_without_a_reload(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    nas = await world.nas()
    person = await world.person("budi@rumahnet")
    session_id = await world.session(nas, person, download_bps=1_000_000)
    await browser.sign_in(await world.staff())
    async with browser.client.get("/live/sessions") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        first = await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)
        assert b"event: sessions" in first
        assert b"1\xc2\xa0Mbps" in first
        async with world.database.write() as work:
            await work.connection.execute(
                update(tables.sessions).where(tables.sessions.c.id == session_id).values(download_bps=7_770_000)
            )
        second = await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)
        assert b"7,77\xc2\xa0Mbps" in second


async def test_listeners_share_one_reading_and_nobody_listening_reads_nothing(world: PanelWorld) -> None:
    await world.plans()
    await world.nas()
    app = world.app()
    async with client_of(app) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        streams = [await client.get("/live/sessions") for _ in range(8)]
        for answer in streams:
            await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)
        assert app[LIVE].listeners == 8
        assert app[LIVE].readings <= 3
        for answer in streams:
            answer.close()
        async with asyncio.timeout(20):
            while app[LIVE].listeners:
                await asyncio.sleep(0.05)


async def test_one_person_does_not_listen_in_everybody_elses_place(
    world: PanelWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 2)
    app = world.app()
    async with client_of(app) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        streams = [await client.get("/live/sessions") for _ in range(3)]
        assert [answer.status for answer in streams] == [200, 200, 503]
        await browser.sign_in(await world.staff(Role.TECHNICAL))
        streams.append(await client.get("/live/sessions"))
        assert streams[-1].status == 200
        for answer in streams:
            answer.close()


async def test_a_stream_ends_when_the_server_does(world: PanelWorld) -> None:
    app = world.app()
    async with client_of(app) as client:
        await Browser(client).sign_in(await world.staff())
        answer = await client.get("/live/nas")
        await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)
        async with asyncio.timeout(10):
            await client.server.close()
            assert app[LIVE].listeners == 0


async def test_the_chart_is_drawn_from_kept_samples(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    nas = await world.nas()
    person = await world.person("budi@rumahnet")
    await world.session(nas, person, download_bps=12_000_000, upload_bps=3_000_000)
    await world.session(nas, person, state="stale", download_bps=99_000_000)
    sampling = SampleThroughput(world.database)
    now = world.clock.now()
    for age in (timedelta(days=3), timedelta(hours=2), timedelta(seconds=12), timedelta()):
        await sampling.handle(now - age)
    await sampling.handle(now)  # the same place in the series: one sample
    await browser.sign_in(await world.staff())
    series = json.loads(await browser.page("/data/throughput"))
    assert series["download_bps"] == [12_000_000, 12_000_000]
    assert series["upload_bps"] == [3_000_000, 3_000_000]
    assert all(at % 10 == 0 for at in series["at"])
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.throughput_samples)) == 3


async def test_the_page_of_nodes_says_who_is_there_and_what_each_leads(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    node = {
        "id": uuid4(), "name": SCRIPT, "roles": "radius,billing", "leads": "billing", "version": "9.9", "ended": False,
        "started_at": world.clock.now(), "seen_at": datetime.now(UTC), "clock_ahead_ms": 90_000, "hearing_since": None,
        "journal_octets": 4_000,
    }  # fmt: skip
    async with world.database.write() as work:
        await work.connection.execute(insert(tables.nodes).values(**node))
    page = await browser.page("/nodes")
    assert SCRIPT not in page  # as text only
    assert "radius, billing" in page
    assert "+90.0 s" in page


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_machines_are_told_how_it_is(world: PanelWorld, ready: bool, status: int) -> None:
    reasons = [] if ready else ["the journal is full"]

    async def health() -> dict[str, object]:
        return {"ready": ready, "reasons": reasons}

    async with client_of(world.app(health=health)) as client:
        assert (await client.get("/healthz")).status == 200
        answer = await client.get("/readyz")
        assert answer.status == status
        assert (await answer.json())["reasons"] == reasons
        metrics = await client.get("/metrics")
        assert "netbilld_up 1" in await metrics.text()
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")


async def test_pages_speak_both_languages(world: PanelWorld, browser: Browser) -> None:
    people = await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    paths = ("/", "/subscribers", f"/subscribers/{people[4].number}", "/sessions", "/plans", "/plans/PAKAI", "/nas",
             "/nas/cibiru-1", "/enforcement", "/profile")  # fmt: skip
    for path, (language, word) in product(paths, (("id-ID", "Pelanggan"), ("en-GB", "Subscribers"))):
        page = await browser.page(path, headers={"Accept-Language": language})
        assert f'<html lang="{language[:2]}">' in page
        assert word in page, path


async def test_a_nas_s_page_tells_what_it_sends_that_is_refused(world: PanelWorld) -> None:
    await world.nas()
    line = {
        "reason": "message_authenticator_missing",
        "source": "10.20.0.1",
        "nas": "cibiru-1",
        "port": "auth",
        "count": 7,
        "last_at": world.clock.now().isoformat(),
    }

    async def dropped(name: str) -> list[dict[str, object]]:
        return [line] if name == "cibiru-1" else []

    async with client_of(world.app(dropped=dropped)) as client:
        browser = Browser(client)
        await world.staff()
        await browser.sign_in("admin@rumahnet.example")
        page = await browser.page("/nas/cibiru-1")
    assert "Paket yang ditolak" in page
    assert "Message-Authenticator tidak ada" in page
    assert "10.20.0.1" in page


async def test_what_is_wrong_with_netbilld_itself_is_on_the_overview(world: PanelWorld, browser: Browser) -> None:
    await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    assert "netbilld sendiri" not in await browser.page("/")
    alarm = "900 MiB of accounting wait to be applied"

    async def health() -> dict[str, object]:
        return {"ready": True, "reasons": [], "notices": [alarm]}

    async with client_of(world.app(health=health)) as client:
        visitor = Browser(client)
        await visitor.sign_in("admin@rumahnet.example")
        page = await visitor.page("/")
    assert "netbilld sendiri perlu diperiksa" in page
    assert alarm in page
