"""What invoices and fakturs say of subscribers, in either database."""

import json

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import buyers
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.buyer import BuyerKind, FakturKind
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers
from tests.people_world import NOW, STAFF, People, with_plans

NIK = "3273014107900001"


@pytest.fixture
async def people(database: Database, box: SecretBox) -> People:
    return await with_plans(database, box, "HOME20")


@pytest.fixture
async def manage(people: People) -> ManageBuyers:
    await people.add("budi", name="Budi Santoso", address="Jl. Mawar 1")
    return ManageBuyers(people.database, people.box)


async def test_a_company_has_a_tax_id_and_a_purchase_order_on_its_invoices(
    people: People, manage: ManageBuyers
) -> None:
    """INCA-24."""
    wanted = BuyerChanges(
        kind="company", name="PT Contoh", tax_id="01.234.567.8-901.000", po_number="PO-17", faktur="full", exempt=True
    )
    changed = await manage.set("budi", wanted, STAFF, NOW)
    assert changed == ["exempt", "faktur", "kind", "name", "po_number", "tax_id"]
    found = await people.found("budi")
    async with people.database.read() as work:
        [buyer] = (await work.buyers.of([found.subscriber.id])).values()
        issued = await work.buyers.as_issued([found.subscriber.id])
    assert (buyer.kind, buyer.tax_id, buyer.faktur) == (BuyerKind.COMPANY, "0012345678901000", FakturKind.FULL)
    assert issued[found.subscriber.id] == {
        "kind": "company",
        "name": "PT Contoh",
        "address": "Jl. Mawar 1",
        "tax_id": "0012345678901000",
        "branch": "000000",
        "po_number": "PO-17",
        "faktur": "full",
        "exempt": True,
    }
    assert await manage.set("budi", wanted, STAFF, NOW) == []
    assert await manage.set("100001", BuyerChanges(po_number="", exempt=False), STAFF, NOW) == ["exempt", "po_number"]


async def test_a_subscriber_of_whom_nothing_was_said_is_a_person_with_name_and_address(people: People) -> None:
    await people.add("budi", name="Budi Santoso", address="Jl. Mawar 1")
    found = await people.found("budi")
    async with people.database.read() as work:
        assert await work.buyers.as_issued([found.subscriber.id]) == {
            found.subscriber.id: {"kind": "person", "name": "Budi Santoso", "address": "Jl. Mawar 1"}
        }


async def test_a_nik_is_sealed_found_by_a_keyed_hash_and_seen_only_with_a_reason_on_record(
    people: People, manage: ManageBuyers
) -> None:
    await manage.set("budi", BuyerChanges(nik=NIK), STAFF, NOW)
    async with people.database.read() as work:
        row = (await work.connection.execute(select(buyers))).one()
    assert row.nik_masked == "327301******0001"
    assert NIK.encode() not in row.nik_sealed
    assert NIK not in repr(BuyerChanges(nik=NIK))
    assert await manage.find_by_nik(NIK) == ["100001"]
    assert await manage.find_by_nik("3273014107900002") == []
    with pytest.raises(InvalidInputError, match="why"):
        await manage.reveal_nik("budi", " ", STAFF, NOW)
    assert await manage.reveal_nik("budi", "KTP compared at the counter", STAFF, NOW) == NIK
    found = await people.found("budi")
    trail = [(change.action, json.dumps(change.details)) for change in await people.changes(found.subscriber.id)]
    assert {"buyer.set", "buyer.nik.reveal"} <= {action for action, _ in trail}
    assert not [details for _, details in trail if NIK in details]
    await manage.set("budi", BuyerChanges(nik=""), STAFF, NOW)
    with pytest.raises(NotFoundError, match="no NIK"):
        await manage.reveal_nik("budi", "again", STAFF, NOW)


async def test_what_can_not_be_is_refused_and_nothing_is_kept(people: People, manage: ManageBuyers) -> None:
    for wrong in (
        BuyerChanges(tax_id="123"),
        BuyerChanges(nik="1"),
        BuyerChanges(kind="robot"),
        BuyerChanges(trx_code="11"),
        BuyerChanges(faktur="some"),
        BuyerChanges(branch="1"),
    ):
        with pytest.raises(InvalidInputError):
            await manage.set("budi", wrong, STAFF, NOW)
    with pytest.raises(RefusedError, match="--nik-stdin"):
        await manage.set("budi", BuyerChanges(tax_id=NIK), STAFF, NOW)
    with pytest.raises(NotFoundError):
        await manage.set("nobody", BuyerChanges(po_number="1"), STAFF, NOW)
    async with people.database.read() as work:
        assert (await work.connection.execute(select(buyers))).all() == []
