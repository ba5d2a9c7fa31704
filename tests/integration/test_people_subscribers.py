"""Subscribers, services and credentials in either database."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import plans, sessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.model.subscriber import nt_hash_place, password_place
from netbilld.radius.mschap import nt_hash
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.manage_subscribers import Added, SubscriberChanges
from netbilld.services.new_service import NewService
from tests.people_world import NOW, STAFF, People, with_plans

LATER = NOW + timedelta(days=3)


@pytest.fixture
async def people(database: Database, box: SecretBox) -> People:
    return await with_plans(database, box, "HOME20", "HOME50")


async def test_adding_makes_a_subscriber_a_service_and_a_credential_each(people: People) -> None:
    """KAMIL-3, INCA-6, BANG-2.1a."""
    added = await people.add(
        "budi",
        name="Budi Santoso",
        phone="0812-3456-7890",
        email="budi@example.org",
        address="Jl. Mawar 1",
        ip="10.9.0.2",
    )
    assert added.subscriber_no == "100001"
    assert await people.counts() == (1, 1, 1)
    found = await people.found("budi")
    assert (found.subscriber.name, found.subscriber.phone, found.plan_code) == (
        "Budi Santoso",
        "+6281234567890",
        "HOME20",
    )
    assert (found.service.static_ip, found.service.billing_day, found.service.status) == ("10.9.0.2", 22, "active")
    (change,) = await people.changes(found.subscriber.id)
    assert (change.actor, change.origin, change.action) == ("siti@example.org", "192.0.2.7", "subscriber.add")
    assert change.details["service_ids"] == [str(found.service.id)]


async def test_secrets_are_sealed_and_open_only_in_their_place(people: People, box: SecretBox) -> None:
    await people.add("budi", password="pass-woord")
    credential = (await people.found("budi")).credential
    assert credential.password_sealed is not None
    assert credential.nt_hash_sealed is not None
    assert b"pass-woord" not in credential.password_sealed
    assert "sealed" not in repr(credential)
    assert box.open(credential.password_sealed, password_place(credential.id)) == b"pass-woord"
    assert box.open(credential.nt_hash_sealed, nt_hash_place(credential.id)) == nt_hash("pass-woord")
    with pytest.raises(NetbilldError):
        box.open(credential.password_sealed, nt_hash_place(credential.id))


async def test_user_names_are_unique_without_regard_to_case(people: People) -> None:
    await people.add("Budi")
    with pytest.raises(RefusedError, match="taken"):
        await people.add("BUDI")
    assert await people.counts() == (1, 1, 1)
    assert (await people.found("bUdI")).credential.name == "Budi"


async def test_of_two_at_once_with_the_same_name_one_wins(people: People) -> None:
    outcomes = await asyncio.gather(*(people.add(name) for name in ("siti", "SITI", "Siti")), return_exceptions=True)
    assert sum(isinstance(outcome, Added) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 2
    assert await people.counts() == (1, 1, 1)


async def test_of_two_at_once_with_the_same_address_one_wins(people: People) -> None:
    """BANG-2.1a: a duplicate address is refused."""
    outcomes = await asyncio.gather(*(people.add(f"u{n}", ip="10.9.0.2") for n in range(3)), return_exceptions=True)
    assert sum(isinstance(outcome, Added) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 2


async def test_many_at_once_get_a_number_each(people: People) -> None:
    added = await asyncio.gather(*(people.add(f"u{n}") for n in range(12)))
    assert sorted(one.subscriber_no for one in added) == [str(100_001 + n) for n in range(12)]


async def test_a_mac_beside_the_name_leads_to_the_same_service_however_written(people: People) -> None:
    await people.add("budi", mac="aabb.ccdd.eeff")
    by_mac = await people.found("AA-BB-CC-DD-EE-FF")
    assert by_mac.service.id == (await people.found("budi")).service.id
    assert (by_mac.credential.kind, by_mac.credential.name) == ("mac", "AA:BB:CC:DD:EE:FF")
    with pytest.raises(RefusedError, match="taken"):
        await people.add("siti", mac="AABBCCDDEEFF")


async def test_a_second_service_belongs_to_the_same_subscriber(people: People) -> None:
    first = await people.add("budi")
    second = await people.add("budi.kantor", of=first.subscriber_no)
    assert second.subscriber_no == first.subscriber_no
    assert await people.counts() == (1, 2, 2)
    with pytest.raises(NotFoundError, match="999"):
        await people.add("x", of="999")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"plan": "NOPE"}, "no plan has code 'NOPE'"),
        ({"phone": "12"}, "phone"),
        ({"ip": "10.0.0"}, "address"),
        ({"billing_day": "32"}, "1 to 31"),
        ({"password": ""}, "needs a password"),
        ({"mac": "zz"}, "MAC"),
    ],
)
async def test_a_wrong_field_adds_nothing_at_all(people: People, fields: dict[str, str], said: str) -> None:
    with pytest.raises(NetbilldError, match=said):
        await people.add("budi", **fields)
    assert await people.counts() == (0, 0, 0)


async def test_a_plan_no_longer_for_sale_is_refused(people: People) -> None:
    async with people.database.write() as work:
        await work.connection.execute(update(plans).where(plans.c.code == "HOME50").values(on_sale=False))
    with pytest.raises(RefusedError, match="no longer for sale"):
        await people.add("budi", plan="home50")


async def test_the_same_idempotency_key_adds_once(people: People) -> None:
    new = NewService("budi", "HOME20", "rahasia")
    outcomes = await asyncio.gather(*(people.manage.add(new, STAFF, NOW, "order-7") for _ in range(3)))
    assert {(one.subscriber_no, one.service_id) for one in outcomes} == {
        (outcomes[0].subscriber_no, outcomes[0].service_id)
    }
    assert sorted(one.repeated for one in outcomes) == [False, True, True]
    assert await people.counts() == (1, 1, 1)
    with pytest.raises(RefusedError, match="different"):
        await people.manage.add(NewService("siti", "HOME20", "rahasia"), STAFF, NOW, "order-7")


async def test_a_refused_add_leaves_its_idempotency_key_free(people: People) -> None:
    with pytest.raises(NotFoundError):
        await people.manage.add(NewService("budi", "NOPE", "x"), STAFF, NOW, "order-7")
    assert not (await people.manage.add(NewService("budi", "HOME20", "x"), STAFF, NOW, "order-7")).repeated


async def test_renaming_keeps_the_service_and_its_history(people: People) -> None:
    added = await people.add("budi")
    changed = await people.manage.set("budi", SubscriberChanges(username="budi.baru"), STAFF, LATER)
    assert changed == ["username"]
    assert await people.find("budi") is None
    assert str((await people.found("budi.baru")).service.id) == added.service_id
    await people.add("budi")  # the old name is free again


async def test_only_the_case_of_a_name_can_be_changed(people: People) -> None:
    await people.add("budi")
    assert await people.manage.set("BUDI", SubscriberChanges(username="Budi"), STAFF, LATER) == ["username"]
    assert (await people.found("budi")).credential.name == "Budi"


async def test_setting_changes_what_is_named_and_says_so(people: People) -> None:
    """KAMIL-3: edit."""
    await people.add("budi", phone="081234567890")
    wanted = SubscriberChanges(
        name="Budi S.",
        phone="",
        plan="HOME50",
        billing_day="31",
        ip="10.9.0.9",
        mac="00:00:5e:00:53:01",
        password="baru",
    )
    changed = await people.manage.set("budi", wanted, STAFF, LATER)
    assert changed == ["billing_day", "ip", "mac", "name", "password", "phone", "plan"]
    found = await people.found("00005e005301")
    assert (found.subscriber.name, found.subscriber.phone, found.plan_code) == ("Budi S.", None, "HOME50")
    assert (found.service.billing_day, found.service.static_ip) == (31, "10.9.0.9")
    change = (await people.changes(found.subscriber.id))[0]
    assert change.action == "service.plan"
    assert change.details["fields"]["plan"] == ["HOME20", "HOME50"]
    assert "baru" not in str(change.details)
    assert await people.manage.set("budi", SubscriberChanges(billing_day=31), STAFF, LATER) == []


async def test_a_mac_is_replaced_and_removed(people: People) -> None:
    await people.add("budi", mac="00:00:5e:00:53:01")
    await people.manage.set("budi", SubscriberChanges(mac="00:00:5e:00:53:02"), STAFF, LATER)
    assert await people.find("00:00:5e:00:53:01") is None
    await people.manage.set("budi", SubscriberChanges(mac=""), STAFF, LATER)
    assert await people.find("00:00:5e:00:53:02") is None
    assert (await people.found("budi")).credential.kind == "password"


async def test_a_wrong_field_changes_nothing_at_all(people: People) -> None:
    await people.add("budi", ip="10.9.0.2")
    await people.add("siti")
    with pytest.raises(RefusedError, match=r"10\.9\.0\.2"):
        await people.manage.set("siti", SubscriberChanges(name="Siti", ip="10.9.0.2"), STAFF, LATER)
    with pytest.raises(InvalidInputError):
        await people.manage.set("siti", SubscriberChanges(name="Siti", email="nope"), STAFF, LATER)
    assert (await people.found("siti")).subscriber.name == "siti"


async def test_suspend_resume_and_terminate_are_done_once_and_recorded(people: People) -> None:
    await people.add("budi", ip="10.9.0.2")
    assert await people.manage.suspend("budi", "unpaid bill", STAFF, LATER)
    assert not await people.manage.suspend("budi", "unpaid bill", STAFF, LATER)
    found = await people.found("budi")
    assert (found.service.status, found.service.status_reason, found.service.status_since_at) == (
        "suspended",
        "unpaid bill",
        LATER,
    )
    assert await people.manage.resume("budi", STAFF, LATER)
    assert not await people.manage.resume("budi", STAFF, LATER)
    assert await people.manage.terminate("budi", None, STAFF, LATER)
    assert not await people.manage.terminate("budi", None, STAFF, LATER)
    found = await people.found("budi")
    assert (found.service.status, found.service.ended_at, found.subscriber.status) == ("ended", LATER, "terminated")
    with pytest.raises(RefusedError, match="terminated"):
        await people.manage.resume("budi", STAFF, LATER)
    actions = [change.action.removeprefix("subscriber.") for change in await people.changes(found.subscriber.id)]
    assert actions == ["terminate", "resume", "suspend", "add"]


async def test_nothing_is_lost_when_someone_leaves_and_they_come_back_under_their_number(people: People) -> None:
    """KAMIL-3: nothing is lost on archive."""
    added = await people.add("budi", ip="10.9.0.2")
    await people.manage.terminate("budi", "moved away", STAFF, LATER)
    assert await people.counts() == (1, 1, 1)
    await people.add("siti", ip="10.9.0.2")  # the address of an ended service is free
    with pytest.raises(RefusedError, match="terminated service has it"):
        await people.add("budi")
    back = await people.add("budi2", of=added.subscriber_no)
    assert back.subscriber_no == added.subscriber_no
    assert (await people.found("budi2")).subscriber.status == "active"


async def test_a_subscriber_with_another_service_stays_when_one_ends(people: People) -> None:
    added = await people.add("budi")
    await people.add("budi2", of=added.subscriber_no)
    await people.manage.terminate("budi", None, STAFF, LATER)
    assert (await people.found("budi")).subscriber.status == "active"


async def test_search_finds_by_any_part_and_pages_in_order(people: People) -> None:
    """KAMIL-3: search."""
    for n in range(7):
        await people.add(f"user{n}", name=f"Nama {n}", phone=f"08123456789{n}", area="RT 01" if n < 3 else None)
    await people.manage.suspend("user5", None, STAFF, LATER)

    async def numbers(text: str = "", **options: str | int) -> tuple[list[str], int]:
        async with people.database.read() as work:
            lines, total = await work.subscribers.search(text, **options)  # type: ignore[arg-type]  # options by name
        return [line.username for line in lines], total

    assert await numbers("NAMA 3") == (["user3"], 1)
    assert await numbers("234567895") == (["user5"], 1)
    assert await numbers("081234567895") == (["user5"], 1)
    assert await numbers("100002") == (["user1"], 1)
    assert await numbers("USER6") == (["user6"], 1)
    assert await numbers("100%") == ([], 0)
    assert await numbers(area="RT 01", limit=2) == (["user0", "user1"], 3)
    assert await numbers(area="RT 01", limit=2, offset=2) == (["user2"], 3)
    assert await numbers(status="suspended") == (["user5"], 1)
    assert await numbers(plan="home50") == ([], 0)


async def test_a_number_an_import_has_given_is_never_given_again(people: People) -> None:
    async with people.database.write() as work:
        first = await work.subscribers.next_numbers(1)
    assert first == ["100001"]
    await people.add("budi")
    subscriber = (await people.found("budi")).subscriber
    async with people.database.write() as work:
        await work.subscribers.update(subscriber.id, {"number": "100004"})
    async with people.database.write() as work:
        assert await work.subscribers.next_numbers(3) == ["100003", "100005", "100006"]


async def test_open_sessions_are_counted_and_one_presumed_dead_is_not(people: People) -> None:
    await people.add("budi")
    service = (await people.found("budi")).service
    kept = await ManageNas(people.database, people.box).add(NasFields("R1", "10.0.0.1", "s" * 16), STAFF, NOW)
    row = {
        "nas_id": kept.nas.id, "service_id": service.id, "username": "budi", "started_at": NOW, "updated_at": NOW,
        "session_seconds": 0, "upload_octets": 0, "download_octets": 0, "counter_upload_octets": 0,
        "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
    }  # fmt: skip
    async with people.database.write() as work:
        for number, state in enumerate(("live", "late", "stale", "closed")):
            stopped_at = NOW if state == "closed" else None
            values = {**row, "id": number, "acct_session_id": str(number), "acct_session_key": str(number)}
            await work.connection.execute(insert(sessions).values(**values, state=state, stopped_at=stopped_at))
    async with people.database.read() as work:
        assert await work.services.open_sessions(service.id) == 2


async def test_a_subscribers_language_is_kept_and_is_one_we_speak(people: People) -> None:
    await people.add("budi", locale="EN")
    assert (await people.found("budi")).subscriber.locale == "en"
    await people.manage.set("budi", SubscriberChanges(locale=""), STAFF, NOW)
    assert (await people.found("budi")).subscriber.locale is None
    with pytest.raises(InvalidInputError, match="locale 'fr' is not known; allowed: id, en"):
        await people.manage.set("budi", SubscriberChanges(locale="fr"), STAFF, NOW)
