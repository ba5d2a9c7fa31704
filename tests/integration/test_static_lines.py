"""Subscribers without RADIUS: a router's queues and lists are what they are due, and nobody else's are touched."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import services, static_attempts
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.enforcement.router_lines import as_typed
from netbilld.enforcement.router_mark import service_mark
from netbilld.services.bring_lines import LINES_AT_ONCE
from netbilld.services.control_sessions import ControlSessions
from tests.routeros.store import TrapError
from tests.routeros.terminal import Terminal
from tests.static_town import ANI, Town, fill_by_hand, static_town, take_in

MENUS = ("/queue/simple", "/ip/firewall/address-list", "/ipv6/firewall/address-list")


@pytest.fixture
async def town(database: Database, box: SecretBox) -> AsyncIterator[Town]:
    async with static_town(database, box) as made:
        yield made


async def test_a_line_is_made_throttled_walled_restored_and_removed_like_anyone_else(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    assert town.queues()["budi"]["max-limit"] == "10000000/20000000"
    assert town.queues()["budi"]["target"] == "10.0.0.5/32"
    assert town.queues()["budi"]["comment"] == service_mark(budi)
    assert (await town.views())["budi"].agrees

    await town.world.use(budi, 10**9)
    await town.decide("budi")
    await town.turn()
    assert town.queues()["budi"]["max-limit"] == "1000000/2000000"
    assert town.listed() == {}

    invoice = await town.world.invoice(budi, (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    await town.turn()
    assert town.listed() == {"10.0.0.5": "isolir"}
    assert town.queues()["budi"]["max-limit"] == "256000/256000"
    view = (await town.views())["budi"]
    assert view.agrees
    assert view.state is not None
    assert view.state.access is Access.WALLED

    await town.world.pay(invoice)
    await town.world.forget_usage(budi)
    await town.decide("budi")
    await town.turn()
    assert town.listed() == {}
    assert town.queues()["budi"]["max-limit"] == "10000000/20000000"

    await town.manage.remove("budi", ANI, town.clock.now())
    town.keep.look_again()
    await town.turn()
    assert town.queues() == {}
    assert await town.views() == {}
    told = [(row["access"], row["outcome"]) for row in await town.world.rows(static_attempts)]
    assert told == [
        ("active", "verified"),
        ("throttled", "verified"),
        ("walled", "verified"),
        ("active", "verified"),
        ("", "verified"),
    ]


async def test_who_is_blocked_is_on_the_list_of_those(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5", "2001:db8:5::/56")
    plan = {"status": "suspended"}
    await town.world.set(services, services.c.id == town.services["budi"], **plan)
    await town.decide("budi")
    await town.turn()
    view = (await town.views())["budi"]
    assert view.agrees
    assert set(town.listed()) == {"10.0.0.5", "2001:db8:5::/56"}


async def test_a_service_that_has_ended_leaves_nothing_on_its_router(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    await town.world.set(services, services.c.id == budi, status="ended", ended_at=town.clock.now())
    await town.decide("budi")
    await town.turn(60)
    assert town.queues() == {}
    assert town.listed() == {}
    town.keep.look_again()
    await town.turn(60)
    assert town.keep.routers() == []


async def test_what_others_have_made_stays_to_the_octet(town: Town) -> None:
    queues, entries = town.router.store["/queue/simple"], town.router.store["/ip/firewall/address-list"]
    queues.add({"name": "Pak Budi", "target": "10.0.0.5/32", "max-limit": "3M/3M", "comment": "lama"})
    queues.add({"name": "budi", "target": "10.9.9.9/32", "max-limit": "1M/1M", "priority": "2/2"})
    queues.add({"name": "semua", "target": "10.0.0.0/8", "max-limit": "100M/100M", "comment": "netbilld: jangan"})
    entries.add({"list": "isolir", "address": "10.0.0.77", "comment": "belum bayar"})
    entries.add({"list": "vip", "address": "10.0.0.5"})
    entries.add({"list": "blocked", "address": "10.3.0.0/16", "timeout": "1d"})
    before = town.router.store.image(*MENUS)
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    names = [row["name"] for row in town.router.rows("/queue/simple")]
    assert names == ["netbilld-budi", "Pak Budi", "budi", "semua"]
    view = (await town.views())["budi"]
    assert view.agrees
    assert view.state is not None
    assert len(view.state.notes) == 2
    await town.world.invoice(town.services["budi"], (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    await town.turn()
    assert town.listed()["10.0.0.5"] == "isolir"
    await town.manage.remove("budi", ANI, town.clock.now())
    town.keep.look_again()
    await town.turn()
    assert town.router.store.image(*MENUS) == before


@pytest.mark.parametrize(
    "edit",
    [
        {"max-limit": "100M/100M"},
        {"name": "gratis"},
        {"target": "10.0.0.6/32"},
        {"disabled": "yes"},
        {"priority": "1/1"},
        {"burst-limit": "90M/90M", "burst-threshold": "1M/1M", "burst-time": "8s/8s"},
    ],
)
async def test_what_somebody_edits_of_ours_is_mended_at_the_next_look(town: Town, edit: dict[str, str]) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    before = town.router.store.image("/queue/simple")
    table = town.router.store["/queue/simple"]
    table.set(table.items[0], edit)
    await town.turn(120)
    assert town.router.store.image("/queue/simple") == before


async def test_what_is_removed_by_hand_or_by_a_reset_is_made_again(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.world.invoice(town.services["budi"], (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    await town.turn()
    before = town.router.store.image(*MENUS)
    for menu in MENUS:
        table = town.router.store[menu]
        for item in list(table.items):
            table.remove(item)
    await town.turn(120)
    assert town.router.store.image(*MENUS) == before


async def test_a_copy_of_ours_goes_and_a_queue_pushed_behind_a_catch_all_comes_forward(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    table = town.router.store["/queue/simple"]
    table.add({"name": "budi1", "target": "10.0.0.5/32", "comment": service_mark(budi)})
    table.add({"name": "semua", "target": "10.0.0.0/24", "max-limit": "1M/1M"}, place_before="0")
    await town.turn(120)
    assert [row["name"] for row in town.router.rows("/queue/simple")] == ["budi", "semua"]


async def test_while_all_agrees_nothing_is_written(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    wrote = len(town.writes())
    for _ in range(5):
        await town.turn(120)
    assert len(town.writes()) == wrote
    assert len(await town.world.rows(static_attempts)) == 1


async def test_a_router_that_says_done_and_does_nothing_is_found_out_and_not_asked_over_and_over(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.router.faults.forget_writes = True
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    view = (await town.views())["budi"]
    assert not view.agrees
    assert view.state is not None
    assert "still wants" in (view.state.last_error or "")
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "line_failed"]
    assert "'budi'" in record.getMessage()
    assert "pop1" in record.getMessage()
    assert [trouble.subject.partition(":")[0] for trouble in await town.troubles()] == ["not_done"]
    for _ in range(10):
        await town.turn(61)
    wrote = len(town.writes())
    assert wrote < 8  # ten looks, ever longer pauses
    town.router.faults.forget_writes = False
    await town.turn(400)
    assert (await town.views())["budi"].agrees
    assert await town.troubles() == []


async def test_a_dead_router_delays_nobody_and_names_who_waits(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    await town.router.vanish()
    await town.world.invoice(town.services["budi"], (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    await town.turn(61)
    (waits,) = [record.getMessage() for record in caplog.records if getattr(record, "event", "") == "line_waits"]
    assert "'budi'" in waits
    assert "pop1" in waits
    assert "walled" in waits
    (line,) = town.keep.routers()
    assert (line.lines, line.differ) == (1, 1)
    assert line.trouble is not None
    await town.turn(61)
    away, waiting = await town.troubles()
    assert (away.nas, waiting.nas, waiting.username) == ("pop1", "pop1", "budi")
    await town.router.listen()
    await town.turn(61)
    assert town.listed() == {"10.0.0.5": "isolir"}
    (line,) = town.keep.routers()
    assert (line.differ, line.trouble) == (0, None)


async def test_a_user_who_may_not_write_is_said_to_lack_the_right(town: Town) -> None:
    town.router.store["/user/group"].set(
        town.router.store["/user/group"].find(town.router.store["/user"].find("netbilld").get("group")),
        {"policy": "read,api,!write"},
    )
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    (line,) = town.keep.routers()
    assert "policy write" in (line.trouble or "")
    assert not (await town.views())["budi"].agrees


async def test_one_line_that_its_router_refuses_keeps_no_other_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.subscriber("siti", "10.0.0.6")
    table = town.router.store["/queue/simple"]
    add = table.add

    def refuse_budi(values: dict[str, str], **more: str | None) -> object:
        if values.get("name") == "budi":
            raise TrapError("failure: no more queues for budi")
        return add(values, **more)

    monkeypatch.setattr(table, "add", refuse_budi)
    await town.turn()
    views = await town.views()
    assert views["siti"].agrees
    assert views["budi"].state is not None
    assert "no more queues for budi" in (views["budi"].state.last_error or "")


async def test_marks_of_another_installation_are_left_alone(town: Town) -> None:
    stranger = service_mark(town.nas_id)
    town.router.store["/queue/simple"].add({"name": "orang", "target": "10.7.0.1/32", "comment": stranger})
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    assert set(town.queues()) == {"orang", "budi"}
    compared = await town.compare.run(town.nas_id)
    assert "not known here" in compared.notes[0]


async def test_the_queue_of_a_line_that_is_forgotten_goes_with_its_mark(town: Town) -> None:
    budi = await town.subscriber("budi")
    await town.subscriber("siti", "10.0.0.6")
    town.router.store["/queue/simple"].add({"name": "budi", "target": "10.0.0.5/32", "comment": service_mark(budi)})
    await town.turn()
    assert set(town.queues()) == {"siti"}


async def test_the_difference_is_shown_as_lines_that_mend_it_and_nothing_is_changed(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    before = town.router.store.image(*MENUS)
    compared = await town.compare.run(town.nas_id)
    assert (compared.lines, compared.differ) == (1, 1)
    mark = service_mark(town.services["budi"])
    assert [as_typed(order) for order in compared.orders] == [
        f'/queue simple add name=budi target=10.0.0.5/32 max-limit=10000000/20000000 comment="{mark}"'
    ]
    assert town.router.store.image(*MENUS) == before


async def test_what_an_address_has_open_ends_when_it_is_walled(town: Town) -> None:
    await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    open_ones = town.router.store["/ip/firewall/connection"]
    open_ones.make({"protocol": "tcp", "src-address": "10.0.0.5:51000", "dst-address": "1.1.1.1:443"}, fixed=False)
    open_ones.make({"protocol": "tcp", "src-address": "10.0.0.50:51000", "dst-address": "1.1.1.1:443"}, fixed=False)
    await town.world.invoice(town.services["budi"], (town.clock.now() - timedelta(days=9)).date())
    await town.decide("budi")
    await town.turn()
    assert [row["src-address"] for row in town.router.rows("/ip/firewall/connection")] == ["10.0.0.50:51000"]


async def test_a_change_that_waits_is_tried_at_once_when_a_person_says_so(town: Town) -> None:
    town.router.faults.forget_writes = True
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.turn()
    town.router.faults.forget_writes = False
    await town.turn(1)
    assert town.queues() == {}
    assert await ControlSessions(town.database).retry(ANI, town.clock.now()) == 1
    town.keep.nudge([budi])
    await town.turn(1)
    assert set(town.queues()) == {"budi"}


async def test_what_opens_goes_before_what_closes_also_when_it_comes_in_the_middle(town: Town) -> None:
    names = [f"line{number:02}" for number in range(50)]
    for number, name in enumerate(names):
        await town.subscriber(name, f"10.0.1.{number}")
    await town.world.set(services, services.c.id == town.services["line49"], status="suspended")
    await town.decide("line49")
    await town.turn()
    await town.world.set(services, services.c.id != town.services["line49"], status="suspended")
    await town.decide(*names)
    before = len(town.router.asked)

    async def pay() -> None:
        """While the first lot of walls is put up, somebody pays."""
        town.on_pause = None
        await town.world.set(services, services.c.id == town.services["line49"], status="active")
        await town.decide("line49")

    town.on_pause = pay
    await town.turn(1)
    await town.turn()
    order = [said for said in town.router.asked[before:] if said[0].endswith(("/add", "/remove"))]
    place = next(place for place, said in enumerate(order) if said[0].endswith("/remove"))
    assert place == LINES_AT_ONCE
    assert town.listed() == {f"10.0.1.{number}": "isolir" for number in range(49)}


async def test_the_lines_that_show_the_difference_make_it_good_when_they_are_typed(town: Town) -> None:
    budi = await town.subscriber("budi", "10.0.0.5")
    await town.subscriber("siti", "10.0.0.6", "2001:db8:6::/56")
    await town.subscriber('Toko $1 "Jaya"', "10.0.0.7")
    await town.turn()
    console = Terminal(town.router.store)
    table = town.router.store["/queue/simple"]
    table.add({"name": "semua? $x", "target": "10.0.0.0/24", "max-limit": "1M/1M"}, place_before="0")
    table.add({"name": "budi1", "target": "10.0.0.5/32", "comment": service_mark(budi)})
    table.set(table.where(name="siti")[0], {"max-limit": "9M/9M"})
    table.remove(table.where(name='Toko $1 "Jaya"')[0])
    await town.world.set(services, services.c.id == town.services["siti"], status="suspended")
    await town.decide("siti")
    compared = await town.compare.run(town.nas_id)
    assert compared.differ == 3
    console.feed("\n".join(as_typed(order) for order in compared.orders))
    compared = await town.compare.run(town.nas_id)
    assert [as_typed(order) for order in compared.orders] == []
    assert [row["name"] for row in town.router.rows("/queue/simple")][-1] == "semua? $x"


@pytest.mark.slow
async def test_five_hundred_lines_on_one_router_beside_as_many_queues_of_others(
    tmp_path: Path, sqlite_template: Path, box: SecretBox
) -> None:
    path = tmp_path / "netbilld.db"
    path.write_bytes(sqlite_template.read_bytes())
    many = Database(sqlite_url(path))
    async with static_town(many, box) as town:
        await take_through_everything(town, lines=500, hand_made=500)
    await many.close()


async def take_through_everything(town: Town, lines: int, hand_made: int) -> None:
    fill_by_hand(town, hand_made)
    before = town.router.store.image(*MENUS)
    await take_in(town, lines)

    async def agree(rate: str, listed: int) -> None:
        town.keep.look_again()
        await town.turn(1)
        views = (await town.views()).values()
        assert [view.username for view in views if not view.agrees] == []
        ours = [row for row in town.router.rows("/queue/simple") if row.get("comment", "").startswith("netbilld:v=")]
        assert len(ours) == lines
        assert {row["max-limit"] for row in ours} == {rate}
        assert len(town.listed()) == hand_made + listed

    await agree("10000000/20000000", 0)
    for service_id in town.services.values():
        await town.world.use(service_id, 10**9)
    await town.decide(*town.services)
    await agree("1000000/2000000", 0)
    await town.world.set(services, services.c.ended_at.is_(None), status="suspended")
    await town.decide(*town.services)
    await agree("256000/256000", lines)
    await town.world.set(services, services.c.ended_at.is_(None), status="active")
    for service_id in town.services.values():
        await town.world.forget_usage(service_id)
    await town.decide(*town.services)
    await agree("10000000/20000000", 0)
    for name in town.services:
        await town.manage.remove(name, ANI, town.clock.now())
    town.keep.look_again()
    await town.turn(1)
    assert town.router.store.image(*MENUS) == before
    assert await town.views() == {}
