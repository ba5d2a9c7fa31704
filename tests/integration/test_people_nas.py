"""NAS in either database."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas as nas_table
from netbilld.adapters.database.tables import sessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.nas import api_url_place, secret_place, snmp_community_place
from netbilld.services.manage_nas import Kept, ManageNas, NasFields
from tests.people_world import NOW, STAFF

LATER = NOW + timedelta(hours=1)
SECRET = "a secret of some length"


@pytest.fixture
def manage(database: Database, box: SecretBox) -> ManageNas:
    return ManageNas(database, box)


async def add(manage: ManageNas, name: str = "R1", address: str = "10.0.0.1", **fields: Any) -> Kept:
    return await manage.add(NasFields(name, address, SECRET, **fields), STAFF, NOW)


async def test_a_nas_is_kept_with_its_secrets_sealed(manage: ManageNas, database: Database, box: SecretBox) -> None:
    url = "https://api:hunter2@10.0.0.1"
    kept = await add(manage, snmp_community="public", api_url=url, portal_sources=["10.5.50.9/24"])
    assert (kept.nas.address, kept.nas.vendor, kept.nas.coa_port) == ("10.0.0.1/32", "mikrotik", 3799)
    async with database.read() as work:
        (nas,) = await work.nas.all()
        (change,) = await work.changes.about("nas", nas.id)
    assert nas == kept.nas
    assert nas.portal_sources == ("10.5.50.0/24",)
    assert box.open(nas.secret_sealed, secret_place(nas.id)) == SECRET.encode()
    assert nas.api_url_sealed is not None
    assert box.open(nas.api_url_sealed, api_url_place(nas.id)) == url.encode()
    assert nas.snmp_community_sealed is not None
    assert box.open(nas.snmp_community_sealed, snmp_community_place(nas.id)) == b"public"
    for told in (repr(nas), str(change.details)):
        assert SECRET not in told
        assert "hunter2" not in told
        assert "public" not in told


async def test_the_same_prefix_or_name_twice_is_refused_and_a_longer_prefix_is_not(manage: ManageNas) -> None:
    await add(manage, address="10.0.0.0/24")
    with pytest.raises(RefusedError, match=r"'R1' has the address 10\.0\.0\.0/24"):
        await add(manage, "R2", "10.0.0.77/24")
    with pytest.raises(RefusedError, match="there is a NAS 'R1' already"):
        await add(manage, "r1", "10.9.0.1")
    await add(manage, "R2", "10.0.0.7")


async def test_of_two_at_once_with_the_same_prefix_one_wins(manage: ManageNas) -> None:
    outcomes = await asyncio.gather(*(add(manage, f"R{n}") for n in range(3)), return_exceptions=True)
    assert sum(isinstance(outcome, Kept) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"vendor": "acme"}, "vendor 'acme' is not known; allowed:"),
        ({"coa_port": 0}, "CoA port"),
        ({"coa_port": 65536}, "CoA port"),
        ({"require_message_authenticator": "maybe"}, "auto, true, false"),
        ({"portal_sources": ["0.0.0.0/0"]}, "whole Internet"),
        ({"portal_sources": ["x"]}, "portal source"),
        ({"api_url": "nope"}, "API address"),
        ({"counter_unit": "MB"}, "octets, kB, KiB"),
        ({"ipv6_octets": "perhaps"}, "inside, beside"),
        ({"port_speed": "fast"}, "speed"),
        ({"port_speed": "2000G"}, "no port's"),
    ],
)
async def test_a_wrong_field_is_refused_with_what_is_allowed(
    manage: ManageNas, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        await add(manage, **fields)


async def test_a_short_secret_is_taken_with_a_warning(manage: ManageNas) -> None:
    kept = await manage.add(NasFields("R1", "10.0.0.1", "short"), STAFF, NOW)
    assert "16" in kept.warnings[0]
    assert "short'" not in kept.warnings[0]


async def test_setting_changes_what_is_named(manage: ManageNas, box: SecretBox) -> None:
    kept = await add(manage, portal_sources=["10.5.50.0/24"], snmp_community="public")
    fields = NasFields(
        name="Gate",
        address="10.0.0.2",
        secret="another long secret",
        coa_port=1700,
        swap_octets=True,
        portal_sources=[],
        snmp_community="",
    )
    changed = await manage.set("r1", fields, STAFF, LATER)
    assert set(changed.changed) == {
        "name", "name_key", "address", "secret_sealed", "coa_port", "swap_octets", "portal_sources", "snmp_community_sealed",
    }  # fmt: skip
    nas = changed.nas
    assert (nas.id, nas.name, nas.address, nas.coa_port, nas.swap_octets) == (
        kept.nas.id,
        "Gate",
        "10.0.0.2/32",
        1700,
        True,
    )
    assert (nas.portal_sources, nas.snmp_community_sealed, nas.vendor) == ((), None, "mikrotik")
    assert box.open(nas.secret_sealed, secret_place(nas.id)) == b"another long secret"
    assert (await manage.set("gate", NasFields(coa_port=1700), STAFF, LATER)).changed == ()
    with pytest.raises(NotFoundError):
        await manage.set("r1", NasFields(coa_port=1), STAFF, LATER)


async def test_what_was_remembered_of_message_authenticator_can_be_forgotten(
    manage: ManageNas, database: Database
) -> None:
    kept = await add(manage)
    async with database.write() as work:
        await work.nas.sent_message_authenticator(kept.nas.id, NOW)
        await work.nas.sent_message_authenticator(kept.nas.id, LATER)
        await work.nas.heard(kept.nas.id, LATER, reported_ip="192.0.2.1", identifier="gate")
    async with database.read() as work:
        (nas,) = await work.nas.all()
    assert (nas.seen_message_authenticator_at, nas.last_heard_at, nas.identifier) == (NOW, LATER, "gate")
    forgotten = await manage.set("R1", NasFields(forget_message_authenticator=True), STAFF, LATER)
    assert forgotten.nas.seen_message_authenticator_at is None


async def test_a_removed_nas_keeps_its_sessions_and_loses_its_secrets(manage: ManageNas, database: Database) -> None:
    kept = await add(manage)
    row = {
        "id": 1, "nas_id": kept.nas.id, "username": "budi", "acct_session_id": "a", "acct_session_key": "a", "state": "live",
        "started_at": NOW, "updated_at": NOW, "session_seconds": 0, "upload_octets": 0, "download_octets": 0,
        "counter_upload_octets": 0, "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
    }  # fmt: skip
    async with database.write() as work:
        await work.connection.execute(insert(sessions).values(**row))
    with pytest.raises(RefusedError, match="1 open sessions"):
        await manage.remove("R1", STAFF, LATER)
    assert await manage.remove("R1", STAFF, LATER, force=True) == 1
    async with database.read() as work:
        assert await work.nas.all() == []
        assert await work.nas.by_name("R1") is None
        assert await work.nas.by_id(kept.nas.id) is not None
        sealed = await work.connection.scalar(select(nas_table.c.secret_sealed))
    assert sealed == b""
    again = await add(manage)  # name and address are free again
    assert again.nas.id != kept.nas.id


async def test_how_a_nas_walls_is_kept_as_far_as_its_vendor_can(manage: ManageNas) -> None:
    """BANG-2.6: isolir."""
    assert (await add(manage)).nas.wall_by is None
    assert (await manage.set("R1", NasFields(wall_by="list"), STAFF, LATER)).nas.wall_by == "list"
    with pytest.raises(InvalidInputError, match="a NAS of vendor ocserv can't wall by list"):
        await manage.set("R1", NasFields(vendor="ocserv"), STAFF, LATER)
    kept = await manage.set("R1", NasFields(vendor="ocserv", wall_by="reject"), STAFF, LATER)
    assert (kept.nas.vendor, kept.nas.wall_by) == ("ocserv", "reject")
    assert (await manage.set("R1", NasFields(wall_by="default"), STAFF, LATER)).nas.wall_by is None
    with pytest.raises(InvalidInputError, match="wall-by 'door': allowed: pool, list, reject, default"):
        await manage.set("R1", NasFields(wall_by="door"), STAFF, LATER)


async def test_a_new_nas_takes_its_vendors_coa_port(manage: ManageNas) -> None:
    assert (await add(manage, vendor="cisco")).nas.coa_port == 1700
    assert (await add(manage, "R2", "10.0.0.2", vendor="cisco", coa_port=3799)).nas.coa_port == 3799


async def test_how_a_nas_counts_is_kept_and_taken_back(manage: ManageNas, database: Database) -> None:
    kept = await add(manage, counter_unit="KIB", ipv6_octets="beside", port_speed="1G")
    assert (kept.nas.counter_unit, kept.nas.ipv6_octets, kept.nas.port_bps) == ("KiB", "beside", 10**9)
    kept = await manage.set("R1", NasFields(counter_unit="octets", ipv6_octets="inside", port_speed=""), STAFF, LATER)
    assert kept.changed == ("counter_unit", "ipv6_octets", "port_bps")
    async with database.read() as work:
        (nas,) = await work.nas.all()
        assert await work.nas.port_speeds() == {nas.id: 10**10}
    assert (nas.counter_unit, nas.ipv6_octets, nas.port_bps) == ("octets", "inside", None)


async def test_a_clock_is_flagged_while_it_is_wrong(manage: ManageNas, database: Database) -> None:
    nas_id = (await add(manage)).nas.id
    flags = []
    for off in (1_700_000_000, None, 0):  # years off; a report that does not say its time; right again
        async with database.write() as work:
            await work.nas.heard(nas_id, LATER, clock_off_seconds=off)
            found = await work.nas.by_name("R1")
            assert found is not None
            flags.append(found.clock_off_seconds)
    assert flags == [1_700_000_000, 1_700_000_000, None]
