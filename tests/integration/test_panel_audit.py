"""The audit trail: searched by who, what, when and kind; never changed; and what only few see."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.panel.routes import ROUTES
from netbilld.panel.visit import Public
from netbilld.services.audit_trail import AuditFilter, said_of
from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from tests.panel_fixture import NOW, PLANS, SYSTEM, ZONE, Browser, PanelWorld, Person, client_of
from tests.panel_paths import path_of

NIK = "3273010101900001"
BUDI = Actor("budi@rumahnet.example", "203.0.113.9")


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    world = PanelWorld(database, box)
    await world.plans()
    return world


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.nas()
    return await world.person("siti@rumahnet", "Siti Aminah")


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


def identities(world: PanelWorld) -> ManageBuyers:
    return ManageBuyers(world.database, world.box)


async def found(world: PanelWorld, wanted: AuditFilter, limit: int = 50) -> list[tuple[str, str]]:
    async with world.database.read() as work:
        return [(line.action, line.entity_id) for line in (await work.audit.search(wanted, limit)).lines]


@pytest.mark.parametrize("statement", ["UPDATE changes SET actor = 'nobody'", "DELETE FROM changes"])
async def test_the_trail_can_not_be_changed_by_whoever_writes_to_the_database(
    world: PanelWorld, person: Person, statement: str
) -> None:
    del person
    with pytest.raises(IntegrityError, match="what is on record stays"):
        async with world.database.write() as work:
            await work.connection.execute(text(statement))


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_the_trail_can_not_be_emptied_in_one_go_either(world: PanelWorld, person: Person) -> None:
    del person
    with pytest.raises(IntegrityError, match="what is on record stays"):
        async with world.database.write() as work:
            await work.connection.execute(text("TRUNCATE changes"))


async def test_it_is_searched_by_who_and_what_and_kind_and_day(world: PanelWorld, person: Person) -> None:
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    await manage.suspend("siti@rumahnet", "minta sendiri", BUDI, NOW - timedelta(days=3))
    other = await world.person("joko@rumahnet", "Joko")
    await manage.set("joko@rumahnet", SubscriberChanges(name="Joko S."), BUDI, NOW)
    async with world.database.write() as work:
        await work.changes.record(SYSTEM, NOW, "invoice.issue", "invoice", "INV-1", {"numbers": ["INV-1", "INV-2"]})
    siti, joko = str(person.subscriber_id), str(other.subscriber_id)
    by_budi = await found(world, AuditFilter(actor="BUDI@"))
    assert [action for action, _ in by_budi] == ["subscriber.set", "subscriber.suspend"]
    for called in (person.number, "siti@rumahnet", " SITI@rumahnet "):
        about = await found(world, AuditFilter(about=called))
        assert {action for action, _ in about} == {"subscriber.add", "subscriber.suspend"}, called
    assert {entity for _, entity in await found(world, AuditFilter(about="joko@rumahnet"))} == {joko}
    assert await found(world, AuditFilter(about=person.number, kind="subscriber.suspend")) == [
        ("subscriber.suspend", siti)
    ]
    assert {action for action, _ in await found(world, AuditFilter(kind="subscriber"))} == {
        "subscriber.add", "subscriber.suspend", "subscriber.set",
    }  # fmt: skip
    assert await found(world, AuditFilter(kind="sub")) == []
    recent = await found(world, AuditFilter(actor="budi", from_at=NOW - timedelta(days=1)))
    assert recent == [("subscriber.set", joko)]
    assert await found(world, AuditFilter(actor="budi", until_at=NOW - timedelta(days=1))) == [
        ("subscriber.suspend", siti)
    ]
    assert await found(world, AuditFilter(about="INV-1")) == [("invoice.issue", "INV-1")]
    assert await found(world, AuditFilter(actor="nobody")) == []
    assert await found(world, AuditFilter(about="nothing")) == []


async def test_an_invoice_of_a_run_is_found_in_the_line_of_its_run(world: PanelWorld, person: Person) -> None:
    await world.invoice(person, "INV-2", 0, created_at=NOW)
    async with world.database.write() as work:
        for first in ("INV-1", "INV-8"):
            numbers = [first, "INV-2"] if first == "INV-1" else [first, "INV-22"]
            await work.changes.record(SYSTEM, NOW, "invoice.issue", "invoice", first, {"numbers": numbers})
    assert await found(world, AuditFilter(about="INV-2")) == [("invoice.issue", "INV-1")]


async def test_pages_of_it_follow_one_another_without_a_gap(world: PanelWorld) -> None:
    async with world.database.write() as work:
        for number in range(7):
            await work.changes.record(BUDI, NOW, "nas.set", "nas", str(number))
    seen: list[str] = []
    before = None
    async with world.database.read() as work:
        for _ in range(4):
            page = await work.audit.search(AuditFilter(actor="budi", before_id=before), 2)
            seen += [line.entity_id for line in page.lines]
            before = page.lines[-1].id
            assert page.more == (len(seen) < 7)
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_what_was_before_and_after_is_kept_and_secrets_are_not(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    nas = ManageNas(world.database, world.box)
    await nas.set("cibiru-1", NasFields(coa_port=1700, secret="rahasia-baru-9"), BUDI, NOW)
    await ManagePlans(world.database, "IDR").set(
        None,
        on_sale=None,
        toml_text=PLANS["HOME20"].replace("275000", "299000"),
        source_name="x.toml",
        actor=BUDI,
        now=NOW,
    )
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    await manage.set("siti@rumahnet", SubscriberChanges(name="Siti A.", password="sandi-baru-7"), BUDI, NOW)
    async with world.database.read() as work:
        lines = (await work.audit.search(AuditFilter(actor="budi"), 10)).lines
    fields = {line.action: line.details["fields"] for line in lines}
    assert fields["nas.set"] == {"coa_port": [3799, 1700], "secret": "changed"}
    assert fields["plan.set"]["recurring"][0]["price_minor"] == 275_000
    assert fields["plan.set"]["recurring"][1]["price_minor"] == 299_000
    assert fields["subscriber.set"] == {"name": ["Siti Aminah", "Siti A."], "password": "changed"}
    page = await browser.page("/audit")
    assert "<del>Siti Aminah</del> → <ins>Siti A.</ins>" in page
    for secret in ("rahasia-baru-9", "sandi-baru-7", "rahasia-nas"):
        assert secret not in page
    assert f'href="/subscribers/{person.number}"' in page


async def test_the_page_searches_as_one_types(world: PanelWorld, browser: Browser, person: Person) -> None:
    async with world.database.write() as work:
        await work.changes.record(BUDI, NOW, "pool.add", "pool", "x", {"name": "<b>kolam</b>"})
    page = await browser.page("/audit", params={"who": "budi", "kind": "pool"})
    assert "&lt;b&gt;kolam" in page
    assert "<b>kolam" not in page
    assert 'value="budi"' in page
    page = await browser.page("/audit", params={"about": person.number})
    assert "Pelanggan ditambahkan" in page
    for odd in (
        {"from": "2026-99-99"},
        {"until": "besok"},
        {"before": "x"},
        {"before": "9" * 30},
        {"kind": "%"},
        {"from": "9999-12-31", "until": "9999-12-31"},
    ):
        await browser.page("/audit", params=odd)


@pytest.mark.parametrize("role", [role for role in Role if Permission.VIEW_AUDIT not in PERMISSIONS[role]])
async def test_the_trail_is_for_those_who_may(world: PanelWorld, role: Role) -> None:
    async with client_of(world.app()) as client:
        own = Browser(client)
        await own.sign_in(await world.staff(role))
        assert (await client.get("/audit")).status == 403


@pytest.mark.parametrize("role", Role)
async def test_a_nik_is_masked_for_everybody_and_each_look_is_on_record(
    world: PanelWorld, person: Person, role: Role
) -> None:
    """INCA-26: NIK masked by role, access logged."""
    await identities(world).set(person.number, BuyerChanges(nik=NIK), SYSTEM, NOW)
    path = f"/subscribers/{person.number}/identity"
    async with client_of(world.app()) as client:
        own = Browser(client)
        email = await world.staff(role)
        await own.sign_in(email)
        page = await own.page(path)
        assert NIK not in page
        assert "327301******0001" in page
        assert NIK not in await own.page(f"/subscribers/{person.number}")
        shown = await own.send(path, {"why": "faktur pajak"})
        may = Permission.REVEAL_IDENTITY in PERMISSIONS[role]
        assert shown.status == (200 if may else 403)
        assert (NIK in await shown.text()) is may
        assert shown.headers["Cache-Control"] == "no-store"
        assert NIK not in await own.page(path)
    async with world.database.read() as work:
        lines = (await work.audit.search(AuditFilter(kind="buyer.nik.reveal"), 5)).lines
    assert [(line.actor, line.entity_id, line.details["why"]) for line in lines] == (
        [(email, str(person.subscriber_id), "faktur pajak")] if may else []
    )


async def test_a_nik_is_shown_for_a_reason_and_only_of_the_number_in_the_address(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """A user name that looks like a subscriber number leads to nobody else's NIK."""
    thief = await world.person("orang@rumahnet", "Orang Lain")
    await identities(world).set(person.number, BuyerChanges(nik=NIK), SYSTEM, NOW)
    await world.person(thief.number + "0", "Nama Mirip")
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    await manage.set("siti@rumahnet", SubscriberChanges(username=thief.number), SYSTEM, NOW)
    answer = await browser.send(f"/subscribers/{thief.number}/identity", {"why": "ingin tahu"})
    assert answer.status == 404
    assert NIK not in await answer.text()
    for why in ("", "   ", "x" * 300):
        answer = await browser.send(f"/subscribers/{person.number}/identity", {"why": why})
        assert answer.status == 422
        assert NIK not in await answer.text()
    async with world.database.read() as work:
        assert not (await work.audit.search(AuditFilter(kind="buyer.nik.reveal"), 5)).lines


async def test_no_nik_is_in_the_trail_or_on_any_page(world: PanelWorld, browser: Browser, person: Person) -> None:
    await identities(world).set(person.number, BuyerChanges(nik=NIK), SYSTEM, NOW)
    await browser.send(f"/subscribers/{person.number}/identity", {"why": "faktur pajak"})
    for route in ROUTES:
        if (
            route.method == "GET"
            and route.access not in {Public.ANYBODY, Public.VISITOR}
            and "/live/" not in route.path
        ):
            async with browser.client.get(path_of(route, person), allow_redirects=False) as answer:
                assert NIK.encode() not in await answer.read(), route.path


async def test_technicians_see_no_money_and_accounting_no_secret_of_a_router_on_any_page(
    world: PanelWorld, person: Person
) -> None:
    """BANG-2.7e: technical cannot see money, accounting cannot touch NAS secrets; over the whole map."""
    await world.invoice(person, "INV-2026-000777", -3)
    for role, hidden in (
        (Role.TECHNICAL, ("275.000", "Rp275", "INV-2026-000777")),
        (Role.ACCOUNTING, ("rahasia-nas", 'name="secret"')),
    ):
        async with client_of(world.app()) as client:
            own = Browser(client)
            await own.sign_in(await world.staff(role))
            for route in ROUTES:
                if route.method != "GET" or route.access in {Public.ANYBODY, Public.VISITOR} or "/live/" in route.path:
                    continue
                async with client.get(path_of(route, person), allow_redirects=False) as answer:
                    page = re.sub(r"[\u00a0\u202f]", " ", (await answer.read()).decode("utf-8", "replace"))
                if answer.status == 200 and "/plans" not in route.path:  # what a plan costs is no secret
                    assert not [mark for mark in hidden if mark in page], (role, route.path)
    assert not {Permission.VIEW_MONEY, Permission.RECORD_PAYMENTS, Permission.EDIT_MONEY} & PERMISSIONS[Role.TECHNICAL]
    assert not {Permission.VIEW_NETWORK, Permission.EDIT_NETWORK} & PERMISSIONS[Role.ACCOUNTING]


def test_what_a_line_says_is_from_what_to_what() -> None:
    said = said_of(
        {"fields": {"role": ["cashier", "admin"], "password": "changed", "areas": [[], ["a", "b"]]}, "why": "x"}
    )
    assert [(one.name, one.before, one.value) for one in said] == [
        ("role", "cashier", "admin"), ("password", None, "changed"), ("areas", "–", "a, b"), ("why", None, "x"),
    ]  # fmt: skip
    assert said_of({"service_ids": ["1"], "fields": {}}) == []
