"""Several NAS behind one address, in either database."""

from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.nas import Nas, secret_place, shares_order_port
from netbilld.services.manage_nas import Kept, ManageNas, NasFields
from tests.people_world import NOW, SECRET, STAFF

ADDRESS = "203.0.113.7"


@pytest.fixture
def manage(database: Database, box: SecretBox) -> ManageNas:
    return ManageNas(database, box)


async def add(
    manage: ManageNas, name: str, told_by: str | None = None, secret: str | None = SECRET, **more: Any
) -> Kept:
    return await manage.add(NasFields(name, ADDRESS, secret, told_by=told_by, **more), STAFF, NOW)


async def two(manage: ManageNas) -> None:
    await add(manage, "hill", "RB-HILL")
    await add(manage, "port", "RB-PORT", None, coa_port=3800)


async def known(database: Database) -> dict[str, Nas]:
    async with database.read() as work:
        return {nas.name: nas for nas in await work.nas.all()}


async def test_routers_behind_one_address_are_added_by_identifier_and_share_the_secret(
    manage: ManageNas, database: Database, box: SecretBox
) -> None:
    await two(manage)
    nas = await known(database)
    assert {name: one.told_by for name, one in nas.items()} == {"hill": "RB-HILL", "port": "RB-PORT"}
    assert box.open(nas["port"].secret_sealed, secret_place(nas["port"].id)) == SECRET.encode()


async def test_without_an_identifier_or_with_the_same_one_a_second_is_refused(manage: ManageNas) -> None:
    """Issue 5, bad input: two NAS with one address and one identifier."""
    await add(manage, "hill")
    with pytest.raises(RefusedError, match=r"'hill' has the address 203\.0\.113\.7/32 already") as refused:
        await add(manage, "port")
    assert "--identifier" in str(refused.value)
    with pytest.raises(RefusedError, match="no identifier to be told by"):
        await add(manage, "port", "RB-PORT")
    await manage.set("hill", NasFields(told_by="RB-HILL"), STAFF, NOW)
    with pytest.raises(RefusedError, match="and the identifier 'RB-HILL' already"):
        await add(manage, "port", "RB-HILL")
    await add(manage, "port", "RB-PORT")
    with pytest.raises(RefusedError, match="has the address"):
        await manage.set("port", NasFields(told_by=""), STAFF, NOW)
    with pytest.raises(RefusedError, match="and the identifier 'RB-HILL' already"):
        await manage.set("port", NasFields(told_by="RB-HILL"), STAFF, NOW)


async def test_another_secret_is_refused_and_a_new_one_becomes_that_of_all(
    manage: ManageNas, database: Database, box: SecretBox
) -> None:
    await two(manage)
    with pytest.raises(RefusedError, match="and another secret"):
        await add(manage, "quay", "RB-QUAY", "some other secret text")
    kept = await manage.set("port", NasFields(secret="a new secret of some length"), STAFF, NOW)
    assert "the secret of hill, with the same address, was changed too" in kept.warnings
    for nas in (await known(database)).values():
        assert box.open(nas.secret_sealed, secret_place(nas.id)) == b"a new secret of some length"
    async with database.read() as work:
        (_, latest) = sorted(
            await work.changes.about("nas", (await known(database))["hill"].id), key=lambda one: one.id
        )
    assert latest.details["fields"] == {"secret": "changed"}


async def test_a_secret_can_be_left_out_only_where_there_is_one_to_share(manage: ManageNas) -> None:
    with pytest.raises(InvalidInputError, match="a NAS needs a secret"):
        await add(manage, "hill", "RB-HILL", None)
    with pytest.raises(InvalidInputError, match="a NAS needs a secret"):
        await add(manage, "hill", None, None)


async def test_one_that_moves_to_a_shared_address_must_fit_in(manage: ManageNas) -> None:
    await two(manage)
    await manage.add(NasFields("quay", "203.0.113.8", "its very own secret", told_by="RB-QUAY"), STAFF, NOW)
    with pytest.raises(RefusedError, match="and another secret"):
        await manage.set("quay", NasFields(address=ADDRESS), STAFF, NOW)
    await manage.set("quay", NasFields(address=ADDRESS, secret=SECRET), STAFF, NOW)


async def test_orders_find_those_with_a_port_of_their_own_alone(manage: ManageNas, database: Database) -> None:
    await two(manage)
    kept = await add(manage, "quay", "RB-QUAY")
    assert "orders can't reach it by RADIUS: NAS hill has the same address and CoA port" in kept.warnings[0]
    nas = await known(database)
    reached = {name: not shares_order_port(one, nas.values()) for name, one in nas.items()}
    assert reached == {"hill": False, "port": True, "quay": False}
    kept = await manage.set("quay", NasFields(coa_port=3801), STAFF, NOW)
    assert kept.warnings == ()
    nas = await known(database)
    assert not any(shares_order_port(one, nas.values()) for one in nas.values())


async def test_within_a_prefix_orders_go_to_where_each_was_heard_from(manage: ManageNas, database: Database) -> None:
    for name in ("hill", "port"):
        await manage.add(NasFields(name, "10.0.0.0/8", SECRET, told_by=name), STAFF, NOW)
    nas = await known(database)
    assert not any(shares_order_port(one, nas.values()) for one in nas.values())


async def test_one_api_is_not_two_routers(manage: ManageNas) -> None:
    await add(manage, "hill", "RB-HILL", api_url=f"api://netbilld:x@{ADDRESS}")
    with pytest.raises(RefusedError, match="is that of NAS 'hill'"):
        await add(manage, "port", "RB-PORT", api_url=f"api://netbilld:y@{ADDRESS}:8728")
    await add(manage, "port", "RB-PORT", api_url=f"api://netbilld:y@{ADDRESS}:8738")


async def test_when_one_leaves_the_other_goes_on_as_it_was(manage: ManageNas, database: Database) -> None:
    await two(manage)
    await manage.remove("hill", STAFF, NOW)
    assert list(await known(database)) == ["port"]
    await add(manage, "hill", "RB-HILL")
