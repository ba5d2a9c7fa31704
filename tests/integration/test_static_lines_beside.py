"""Lines with fixed addresses beside the rest: metered, refused where they cannot be, removed with care, and shown."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from netbilld.adapters.database.enforcement_history import HistoryStore
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.nas import api_url_place
from netbilld.services.manage_meters import ManageMeters
from netbilld.services.manage_nas import ManageNas
from netbilld.services.manage_pools import ManagePools
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from tests.static_town import ANI, Town, static_town

MENUS = ("/queue/simple", "/ip/firewall/address-list", "/ipv6/firewall/address-list")


@pytest.fixture
async def town(database: Database, box: SecretBox) -> AsyncIterator[Town]:
    async with static_town(database, box) as made:
        yield made


# -- metering ----------------------------------------------------------------------------------------------------------


async def test_a_line_is_metered_by_what_its_queue_counts(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    await town.turn(120)
    assert await town.metered("budi") == (0, 0)
    town.count("budi", 1_000, 20_000)
    await town.turn(120)
    assert await town.metered("budi") == (1_000, 20_000)
    await town.turn(120)
    town.count("budi", 1_500, 50_000)
    await town.turn(120)
    assert await town.metered("budi") == (1_500, 50_000)


async def test_counters_that_begin_again_count_from_zero_once(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    await town.turn(120)
    town.count("budi", 1_000, 20_000)
    await town.turn(120)
    town.router.reboot()  # the queue stays, under another number, and has counted nothing yet
    town.count("budi", 10, 200)
    await town.turn(120)
    assert await town.metered("budi") == (1_010, 20_200)
    table = town.router.store["/queue/simple"]
    table.remove(table.items[0])
    await town.turn(120)  # it is made again
    town.count("budi", 5, 50)
    await town.turn(120)
    assert await town.metered("budi") == (1_015, 20_250)
    await town.turn(120)
    assert await town.metered("budi") == (1_015, 20_250)


async def test_what_a_queue_counted_last_is_booked_before_it_goes(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    await town.turn(120)
    town.count("budi", 7, 70)
    await town.manage.remove("budi", ANI, town.clock.now())
    town.keep.look_again()
    await town.turn()
    async with town.database.read() as work:
        assert await work.meters.in_use(service_id=budi) == []
    assert sum(row["download_octets"] for row in await _slices(town)) == 70


async def _slices(town: Town) -> list[dict[str, int]]:
    from netbilld.adapters.database.tables import usage_slices  # noqa: PLC0415 - of this alone

    return await town.world.rows(usage_slices)


# -- what is refused ---------------------------------------------------------------------------------------------------


async def test_an_address_that_is_anothers_is_refused(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.0/29")
    await town.subscriber("siti")
    with pytest.raises(RefusedError, match="'budi'"):
        await town.manage.add("siti", "pop1", ["10.0.0.5"], ANI, town.clock.now())
    await town.world.add_service("agus", static_ip="10.0.0.99")
    with pytest.raises(RefusedError, match="'agus'"):
        await town.manage.add("siti", "pop1", ["10.0.0.96/28"], ANI, town.clock.now())


async def test_what_a_line_has_is_neither_fixed_for_another_nor_given_by_a_pool(town: Town, box: SecretBox) -> None:
    await town.subscriber("budi", "10.0.0.0/29", "2001:db8:5::/56")
    await town.subscriber("siti")
    now, pools = town.clock.now(), ManagePools(town.database)
    people = ManageSubscribers(town.database, box, Defaults("IDR", "Asia/Jakarta"))
    for changes in (SubscriberChanges(ip="10.0.0.3"), SubscriberChanges(ipv6_prefix="2001:db8:5:1::/64")):
        with pytest.raises(RefusedError, match="'budi'"):
            await people.set("siti", changes, ANI, now)
    with pytest.raises(RefusedError, match="'budi'"):
        await pools.add("rumah", "10.0.0.0/24", "ipv4", None, (), ANI, now)
    await pools.add("kantor", "10.0.5.0/24", "ipv4", None, (), ANI, now)
    with pytest.raises(RefusedError, match="pool 'kantor'"):
        await town.manage.add("siti", "pop1", ["10.0.5.7"], ANI, now)
    await people.set("budi", SubscriberChanges(ip="10.0.0.3"), ANI, now)  # their own
    with pytest.raises(RefusedError, match="'budi'"):
        await town.manage.add("siti", "pop1", ["10.0.0.5"], ANI, now)


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        ([], "at least one"),
        (["rumah"], "no address"),
        (["10.0.0.5/29"], "host bits"),
        (["0.0.0.0/0"], "can't be a subscriber's"),
        (["10.0.0.0/8"], "network"),
        (["127.0.0.1"], "can't be a subscriber's"),
        (["10.0.0.0/29", "10.0.0.5"], "overlaps"),
        ([f"10.0.0.{number}" for number in range(9)], "at most 8"),
    ],
)
async def test_an_address_that_is_none_is_refused(town: Town, addresses: list[str], says: str) -> None:
    await town.subscriber("budi")
    with pytest.raises(InvalidInputError, match=says):
        await town.manage.add("budi", "pop1", addresses, ANI, town.clock.now())


async def test_a_nas_that_keeps_no_queues_is_refused(town: Town, box: SecretBox) -> None:
    await town.subscriber("budi")
    now = town.clock.now()
    mute = await town.world.add_nas("mute", "127.0.0.2", 3799)
    with pytest.raises(RefusedError, match="API of NAS mute is not known"):
        await town.manage.add("budi", "mute", ["10.0.0.5"], ANI, now)
    async with town.database.write() as work:
        await work.nas.update(mute, {"api_url_sealed": box.seal(b"https://a:b@c", api_url_place(mute))})
    with pytest.raises(RefusedError, match="none of RouterOS's own"):
        await town.manage.add("budi", "mute", ["10.0.0.5"], ANI, now)
    await town.world.add_nas("cisco", "127.0.0.3", 3799, vendor="cisco")
    with pytest.raises(RefusedError, match="vendor cisco"):
        await town.manage.add("budi", "cisco", ["10.0.0.5"], ANI, now)
    with pytest.raises(NotFoundError):
        await town.manage.add("budi", "nirwana", ["10.0.0.5"], ANI, now)
    with pytest.raises(NotFoundError):
        await town.manage.add("siapa", "pop1", ["10.0.0.5"], ANI, now)
    with pytest.raises(NotFoundError, match="has no line"):
        await town.manage.remove("budi", ANI, now)


async def test_a_line_beside_sessions_that_radius_meters_is_refused(town: Town) -> None:
    budi = await town.subscriber("budi")
    await town.world.log_in(town.nas_id, budi, "budi")
    with pytest.raises(RefusedError, match="both would be billed"):
        await town.manage.add("budi", "pop1", ["10.0.0.5"], ANI, town.clock.now())
    added = await town.manage.add("budi", "pop1", ["10.0.0.5"], ANI, town.clock.now(), force=True)
    assert added.metered_by is None
    manage_meters = ManageMeters(town.database, "Asia/Jakarta")
    with pytest.raises(RefusedError, match="metered by the queue of its router"):
        await manage_meters.add_port("budi", "pop1", "queue", "budi", ANI, town.clock.now())
    with pytest.raises(RefusedError, match="a line already"):
        await town.manage.add("budi", "pop1", ["10.0.0.6"], ANI, town.clock.now(), force=True)


async def test_a_nas_with_lines_is_removed_only_when_that_is_meant(town: Town, box: SecretBox) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    manage = ManageNas(town.database, box)
    with pytest.raises(RefusedError, match="1 lines of static subscribers"):
        await manage.remove("pop1", ANI, town.clock.now())
    await manage.remove("pop1", ANI, town.clock.now(), force=True)
    assert await town.views() == {}
    async with town.database.read() as work:
        assert await work.meters.in_use() == []


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_enforcement_shows_a_line_like_anyone_else(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.subscriber("siti")
    await town.turn(1)
    town.clock.pass_time(seconds=1)
    await town.world.invoice(budi, (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    async with town.database.read() as work:
        status = {one.username: one for one in await work.enforcement.status()}
        (mismatch,) = await work.readmodels.mismatches(10)
        assert await work.readmodels.waiting_orders() == 1
    assert (status["budi"].desired, status["budi"].observed, status["budi"].agrees) == ("walled", "active", False)
    assert status["siti"].agrees
    assert (mismatch.username, mismatch.nas, mismatch.due_access, mismatch.seen_access) == (
        "budi",
        "pop1",
        "walled",
        "active",
    )
    await town.turn(1)
    async with town.database.read() as work:
        (one,) = await work.enforcement.status("budi")
        assert await work.readmodels.mismatches(10) == []
        assert await work.readmodels.waiting_orders() == 0
        (change, *_) = await HistoryStore(work.connection).of_services([budi], 10)
        nas = await work.readmodels.nas_file("pop1")
        (service,) = await work.readmodels.services_of("100001", town.clock.now())
    assert (one.observed, one.evidence, one.agrees, one.session_id) == ("walled", "api", True, None)
    assert (change.access, change.ending) == ("walled", "seen")
    assert [step.what for step in change.steps] == ["due", "sent", "seen"]
    assert nas is not None
    assert nas.static is not None
    assert (nas.static.lines, nas.static.differ, nas.static.trouble) == (1, 0, None)
    assert service.line is not None
    assert service.line.agrees
