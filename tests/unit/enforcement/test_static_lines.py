"""What is changed on a router for lines with fixed addresses, and what is not."""

from uuid import UUID

import pytest

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.router_items import Menu, RouterOrder, Row, Verb
from netbilld.enforcement.router_lines import as_typed
from netbilld.enforcement.router_mark import service_mark
from netbilld.enforcement.router_picture import Picture
from netbilld.enforcement.static_lines import Difference, LineTerms, StaticLine, clearing, difference_of

BUDI = UUID("00000000-0000-4000-8000-00000000000b")
SITI = UUID("00000000-0000-4000-8000-00000000000c")
MARK = service_mark(BUDI)
TERMS = LineTerms("isolir", "blocked", walls_ipv6=False)
TEN_MEGABITS = ServiceProfile(Access.ACTIVE, Speed(down_bps=10_000_000, up_bps=5_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(down_bps=256_000, up_bps=256_000), "isolir", "isolir")
BLOCKED = ServiceProfile(Access.BLOCKED)
QUEUE: Row = {
    ".id": "*1",
    "name": "budi",
    "target": "10.0.0.5/32",
    "max-limit": "5000000/10000000",
    "limit-at": "0/0",
    "burst-limit": "0/0",
    "burst-threshold": "0/0",
    "burst-time": "0s/0s",
    "priority": "8/8",
    "disabled": "false",
    "dynamic": "false",
    "bytes": "17/42",
    "comment": MARK,
}
ENTRY: Row = {
    ".id": "*A",
    "list": "isolir",
    "address": "10.0.0.5",
    "disabled": "false",
    "dynamic": "false",
    "comment": MARK,
}


def line(profile: ServiceProfile = TEN_MEGABITS, *targets: str) -> StaticLine:
    return StaticLine(BUDI, "budi", targets or ("10.0.0.5/32",), profile)


def picture(*queues: Row, ipv4: tuple[Row, ...] = (), ipv6: tuple[Row, ...] = ()) -> Picture:
    return Picture(queues, {Menu.LIST_IPV4: ipv4, Menu.LIST_IPV6: ipv6})


def difference(wanted: StaticLine, standing: Picture) -> Difference:
    return difference_of(wanted, standing, TERMS, version=7)


def queue(name: str, target: str, number: str = "*77", **more: str) -> Row:
    return {".id": number, "name": name, "target": target, "max-limit": "1M/1M", **more}


def typed(orders: tuple[RouterOrder, ...]) -> list[str]:
    return [as_typed(order) for order in orders]


def test_a_line_that_a_router_has_nothing_of_gets_a_queue() -> None:
    found = difference(line(), picture())
    assert typed(found.orders) == [
        f'/queue simple add name=budi target=10.0.0.5/32 max-limit=5000000/10000000 comment="{MARK}"'
    ]
    assert found.seen is None


def test_a_line_that_is_as_it_should_be_changes_nothing() -> None:
    found = difference(line(), picture(QUEUE))
    assert found.agrees
    assert found.notes == ()
    assert (found.seen, found.octets, found.queue_id) == (Access.ACTIVE, (17, 42), "*1")


@pytest.mark.parametrize(
    "said",
    [
        {"max-limit": "5M/10M"},
        {"max-limit": "5000k/10M"},
        {"target": "10.0.0.5"},
        {"disabled": "no"},
        {"priority": "8"},
        {"burst-time": "0s"},
        {"burst-time": "00:00:00/00:00:00"},
    ],
)
def test_a_router_may_say_the_same_in_other_words(said: dict[str, str]) -> None:
    assert difference(line(), picture({**QUEUE, **said})).agrees


@pytest.mark.parametrize(
    ("said", "mended"),
    [
        ({"max-limit": "50M/100M"}, "max-limit=5000000/10000000"),
        ({"target": "10.0.0.6/32"}, "target=10.0.0.5/32"),
        ({"name": "budi lama"}, "name=budi"),
        ({"disabled": "true"}, "disabled=no"),
        ({"priority": "1/1"}, "priority=8/8"),
        ({"limit-at": "1M/1M"}, "limit-at=0/0"),
        ({"burst-limit": "20M/20M"}, "burst-limit=0/0"),
        ({"max-limit": "unheard of"}, "max-limit=5000000/10000000"),
    ],
)
def test_what_somebody_has_edited_of_ours_is_mended(said: dict[str, str], mended: str) -> None:
    row = {**QUEUE, **said}
    found = difference(line(), picture(row))
    assert typed(found.orders) == [
        f'/queue simple set [/queue simple find where name="{row["name"]}" and comment="{MARK}"] {mended}'
    ]


def test_words_that_people_put_behind_the_mark_are_theirs() -> None:
    assert difference(line(), picture({**QUEUE, "comment": f"{MARK} rumah biru"})).agrees


def test_a_second_queue_of_ours_for_the_same_line_goes() -> None:
    found = difference(line(), picture({**QUEUE, ".id": "*2", "name": "budi1"}, QUEUE))
    assert [(order.verb, order.item_id) for order in found.orders] == [(Verb.REMOVE, "*2")]


def test_a_burst_a_priority_and_a_minimum_are_the_queues_too() -> None:
    burst = Burst(
        down_bps=20_000_000, up_bps=8_000_000, threshold_down_bps=9_000_000, threshold_up_bps=4_000_000, seconds=16
    )
    speed = Speed(10_000_000, 5_000_000, burst, priority=3, minimum_down_bps=2_000_000)
    found = difference(line(ServiceProfile(Access.ACTIVE, speed)), picture())
    (added,) = typed(found.orders)
    assert added == (
        "/queue simple add name=budi target=10.0.0.5/32 max-limit=5000000/10000000 limit-at=0/2000000 "
        "burst-limit=8000000/20000000 burst-threshold=4000000/9000000 burst-time=16s/16s priority=3/3 "
        f'comment="{MARK}"'
    )


def test_who_is_walled_is_on_the_list_first_and_slowed_down_then() -> None:
    assert typed(difference(line(WALLED), picture(QUEUE)).orders) == [
        f'/ip firewall address-list add list=isolir address=10.0.0.5 comment="{MARK}"',
        f'/queue simple set [/queue simple find where name="budi" and comment="{MARK}"] max-limit=256000/256000',
    ]
    slowed = {**QUEUE, "max-limit": "256k/256k"}
    found = difference(line(WALLED), picture(slowed, ipv4=(ENTRY,)))
    assert found.agrees
    assert found.seen is Access.WALLED


def test_who_is_restored_is_off_the_list_and_has_the_speed_back() -> None:
    slowed = {**QUEUE, "max-limit": "256k/256k"}
    assert typed(difference(line(), picture(slowed, ipv4=(ENTRY,))).orders) == [
        f'/ip firewall address-list remove [/ip firewall address-list find where list="isolir" and address="10.0.0.5" and comment="{MARK}"]',
        f'/queue simple set [/queue simple find where name="budi" and comment="{MARK}"] max-limit=5000000/10000000',
    ]


def test_who_is_blocked_is_on_the_list_of_those_and_has_next_to_no_speed_besides() -> None:
    assert typed(difference(line(BLOCKED), picture(QUEUE, ipv4=(ENTRY,))).orders) == [
        f'/ip firewall address-list remove [/ip firewall address-list find where list="isolir" and address="10.0.0.5" and comment="{MARK}"]',
        f'/ip firewall address-list add list=blocked address=10.0.0.5 comment="{MARK}"',
        f'/queue simple set [/queue simple find where name="budi" and comment="{MARK}"] max-limit=1000/1000',
    ]


def test_ipv6_of_a_walled_line_is_blocked_unless_the_garden_covers_it() -> None:
    both = line(WALLED, "10.0.0.5/32", "2001:db8:5::/56")
    covered = LineTerms("isolir", "blocked", walls_ipv6=True)
    orders = difference(both, picture()).orders
    assert [(order.menu, dict(order.values)["list"]) for order in orders[:2]] == [
        (Menu.LIST_IPV4, "isolir"),
        (Menu.LIST_IPV6, "blocked"),
    ]
    assert dict(orders[1].values)["address"] == "2001:db8:5::/56"
    assert dict(orders[2].values)["target"] == "10.0.0.5/32,2001:db8:5::/56"
    orders = difference_of(both, picture(), covered).orders
    assert [dict(order.values)["list"] for order in orders[:2]] == ["isolir", "isolir"]


def test_an_entry_that_somebody_has_disabled_is_in_force_again() -> None:
    slowed = {**QUEUE, "max-limit": "256k/256k"}
    orders = difference(line(WALLED), picture(slowed, ipv4=({**ENTRY, "disabled": "true"},))).orders
    assert [(order.verb, order.item_id, order.values) for order in orders] == [(Verb.SET, "*A", (("disabled", "no"),))]


def test_a_queue_comes_before_others_that_would_take_its_packets() -> None:
    standing = picture(
        queue("gudang", "10.0.9.1/32", "*10"), queue("semua", "10.0.0.0/8", "*11"), queue("jalan", "", "*12")
    )
    (added,) = difference(line(), standing).orders
    assert (added.verb, added.before_id) == (Verb.ADD, "*11")
    assert as_typed(added).endswith('place-before=[/queue simple find where name="semua"]')


@pytest.mark.parametrize("target", ["", "0.0.0.0/0", "10.0.0.0/24", "bridge", "ether2,10.9.9.9/32"])
def test_a_queue_that_has_come_to_stand_behind_such_a_one_is_moved(target: str) -> None:
    found = difference(line(), picture(queue("semua", target, "*11"), QUEUE))
    assert typed(found.orders) == [
        '/queue simple move [/queue simple find where name="budi"] destination=[/queue simple find where name="semua"]'
    ]
    assert difference(line(), picture(QUEUE, queue("semua", target, "*11"))).agrees


def test_a_queue_that_is_disabled_or_for_somebody_else_is_in_nobodys_way() -> None:
    off = queue("semua", "", "*11", disabled="true")
    other = queue("tetangga", "10.0.0.6/32", "*12")
    dynamic = queue("<pppoe-siti>", "", "*13", dynamic="true")
    assert difference(line(), picture(off, other, dynamic, QUEUE)).agrees


def test_a_hand_made_queue_for_the_same_address_is_said_and_left() -> None:
    found = difference(line(), picture(queue("Pak Budi", "10.0.0.5/32", "*11")))
    assert [(order.verb, order.before_id) for order in found.orders] == [(Verb.ADD, "*11")]
    assert "'Pak Budi'" in found.notes[0]


def test_a_hand_made_queue_of_the_same_name_is_said_and_left() -> None:
    found = difference(line(), picture(queue("budi", "10.9.9.9/32", "*11")))
    (added,) = found.orders
    assert dict(added.values)["name"] == "netbilld-budi"
    assert "another name" in found.notes[0]


def test_an_entry_by_another_hand_is_enough_for_a_wall_and_holds_against_a_restoration() -> None:
    by_hand = {**ENTRY, "comment": "belum bayar"}
    slowed = {**QUEUE, "max-limit": "256k/256k"}
    walled = difference(line(WALLED), picture(slowed, ipv4=(by_hand,)))
    assert walled.agrees
    assert "another hand" in walled.notes[0]
    restored = difference(line(), picture(QUEUE, ipv4=(by_hand,)))
    assert restored.orders == ()
    assert restored.obstacle is not None
    assert "'isolir'" in restored.obstacle
    assert restored.seen is Access.WALLED


def test_what_is_left_of_a_line_that_is_over_goes_and_nothing_else() -> None:
    others = queue("semua", "", "*11")
    hand = {**ENTRY, ".id": "*B", "comment": "siapa"}
    found = clearing(BUDI, picture(QUEUE, others, ipv4=(ENTRY, hand)))
    assert [(order.verb, order.menu, order.item_id) for order in found.orders] == [
        (Verb.REMOVE, Menu.LIST_IPV4, "*A"),
        (Verb.REMOVE, Menu.QUEUES, "*1"),
    ]
    assert clearing(SITI, picture(QUEUE)).agrees


@pytest.mark.parametrize(
    ("speed", "version", "says"),
    [
        (Speed(down_bps=0, up_bps=1), None, "no limit"),
        (Speed(down_bps=10_000_000_000, up_bps=1_000_000), 6, "at most 4294967295"),
    ],
)
def test_a_speed_that_no_queue_holds_is_said_before_anything_is_sent(
    speed: Speed, version: int | None, says: str
) -> None:
    found = difference_of(line(ServiceProfile(Access.ACTIVE, speed)), picture(), TERMS, version=version)
    assert found.orders == ()
    assert found.obstacle is not None
    assert says in found.obstacle


def test_a_later_version_holds_faster_ones() -> None:
    fast = line(ServiceProfile(Access.ACTIVE, Speed(down_bps=10_000_000_000, up_bps=1_000_000)))
    assert difference_of(fast, picture(), TERMS, version=7).obstacle is None


def test_how_it_looks_after_orders_is_told_without_reading_everything_again() -> None:
    standing = picture(queue("semua", "", "*11"))
    wanted = line(WALLED)
    orders = difference(wanted, standing).orders
    numbers = ["*A", "*1"]
    seen = {(Menu.LIST_IPV4, "*A"): ENTRY, (Menu.QUEUES, "*1"): {**QUEUE, "max-limit": "256000/256000"}}
    after = standing.after(list(zip(orders, numbers, strict=True)), seen)
    assert [row["name"] for row in after.queues] == ["budi", "semua"]
    assert difference(wanted, after).agrees
    gone = after.after([(order, None) for order in clearing(BUDI, after).orders], {})
    assert gone.services() == frozenset()
    assert [row["name"] for row in gone.queues] == ["semua"]
