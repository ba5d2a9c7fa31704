"""Whatever stands on a router, our lines become what they are due and stay so, and others' are never touched."""

from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.router_items import Menu, RouterOrder, Verb
from netbilld.enforcement.router_mark import service_mark
from netbilld.enforcement.router_picture import Picture
from netbilld.enforcement.static_lines import LineTerms, StaticLine, clearing, difference_of
from tests.routeros.store import Row, Store, TrapError

SERVICES = [UUID(int=number, version=4) for number in range(1, 6)]
ADDRESSES = ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.8/29", "10.0.1.0/24", "2001:db8:5::/56"]
TERMS = LineTerms("isolir", "blocked", walls_ipv6=False)
rates = st.sampled_from([1_000, 256_000, 1_500_000, 10_000_000, 2**32])
speeds = st.builds(
    Speed,
    rates,
    rates,
    st.none() | st.builds(Burst, rates, rates, rates, rates, st.integers(1, 60)),
    priority=st.none() | st.integers(1, 8),
    minimum_down_bps=st.none() | rates,
)
profiles = st.one_of(
    st.builds(ServiceProfile, st.sampled_from([Access.ACTIVE, Access.THROTTLED]), speeds),
    st.just(ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")),
    st.just(ServiceProfile(Access.BLOCKED)),
)
comments = st.sampled_from(["", "Pak Budi", "netbilld: jangan", *map(service_mark, SERVICES)])
queues = st.fixed_dictionaries(
    {
        "name": st.sampled_from([f"line{number}" for number in range(7)]),
        "target": st.sampled_from([*ADDRESSES, "10.0.0.0/8", "0.0.0.0/0", "ether2"]),
        "max-limit": st.sampled_from(["0/0", "1M/2M", "10M/10M"]),
        "comment": comments,
        "disabled": st.sampled_from(["yes", "no"]),
    }
)
entries = st.fixed_dictionaries(
    {
        "list": st.sampled_from(["isolir", "blocked", "vip"]),
        "address": st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.8/29", "10.0.1.0/24", "10.9.9.9"]),
        "comment": comments,
        "disabled": st.sampled_from(["yes", "no"]),
    }
)


class Router:
    """A router's menus, read and written as over its API."""

    def __init__(self, queues: list[Row], entries: list[Row]) -> None:
        self.store = Store("7.16.2 (stable)", lambda: 0.0)
        for menu, rows in ((Menu.QUEUES, queues), (Menu.LIST_IPV4, entries)):
            for row in rows:
                try:
                    self.store[menu].add(row)
                except TrapError:
                    continue  # it is there already
        self.by_hand = self.others()

    def rows(self, menu: Menu) -> list[Row]:
        return [row for _, row in self.store[menu].rows()]

    def picture(self) -> Picture:
        return Picture(self.rows(Menu.QUEUES), {menu: self.rows(menu) for menu in (Menu.LIST_IPV4, Menu.LIST_IPV6)})

    def others(self) -> list[list[Row]]:
        """Return what carries no mark of ours, but for its numbers."""
        marks = [service_mark(service_id) for service_id in SERVICES]
        return [[row for row in self.rows(menu) if row.get("comment", "") not in marks] for menu in Menu]

    def carry_out(self, order: RouterOrder) -> str | None:
        table = self.store[order.menu]
        if order.verb is Verb.ADD:
            return table.add(dict(order.values), place_before=order.before_id).id
        item = table.find(order.item_id or "")
        if order.verb is Verb.SET:
            table.set(item, dict(order.values))
        elif order.verb is Verb.MOVE:
            table.move(item, order.before_id)
        else:
            table.remove(item)
        return None


def swapped(number: int, other: int) -> Row:
    """Return our queue of one line under the name of another, as after subscribers were renamed."""
    mark = service_mark(SERVICES[number])
    return {"name": f"line{other}", "target": ADDRESSES[number], "max-limit": "1M/2M", "comment": mark}


@settings(max_examples=300)
@example([swapped(0, 1), swapped(1, 0)], [], [ServiceProfile(Access.BLOCKED)] * 5, set())
@example([swapped(0, 2), swapped(1, 0), swapped(2, 1)], [], [ServiceProfile(Access.BLOCKED)] * 5, set())
@given(
    st.lists(queues, max_size=8),
    st.lists(entries, max_size=8),
    st.lists(profiles, min_size=5, max_size=5),
    st.sets(st.integers(0, 4)),
)
def test_lines_become_what_they_are_due_and_others_are_never_touched(
    standing: list[Row], listed: list[Row], due: list[ServiceProfile], over: set[int]
) -> None:
    router = Router(standing, listed)
    lines = [
        StaticLine(service_id, f"line{number}", (ADDRESSES[number],), due[number])
        for number, service_id in enumerate(SERVICES)
        if number not in over
    ]
    for _ in range(3):  # what stands there for one line may be in the way of another, until that one's turn
        for line in lines:
            go_over(router, line)
        for number in over:
            for order in clearing(SERVICES[number], router.picture()).orders:
                router.carry_out(order)
    last = router.picture()
    assert router.others() == router.by_hand
    for line in lines:
        found = difference_of(line, last, TERMS, version=7)
        assert found.orders == ()
        assert found.agrees or "another hand" in str(found.obstacle)
    assert last.services() == {line.service_id for line in lines}


def go_over(router: Router, line: StaticLine) -> None:
    """Carry out what a line needs; what was read back of that is what stands there then."""
    picture = router.picture()
    carried = []
    try:
        for order in difference_of(line, picture, TERMS, version=7).orders:
            carried.append((order, router.carry_out(order)))  # noqa: PERF401 - what came before a refusal stays
    except TrapError:
        return
    numbers = {(order.menu, order.item_id or new_id) for order, new_id in carried}
    told = {(menu, row[".id"]): row for menu in Menu for row in router.rows(menu) if (menu, row[".id"]) in numbers}
    after = picture.after(carried, told)
    assert [row[".id"] for row in after.queues] == [row[".id"] for row in router.rows(Menu.QUEUES)]
    assert difference_of(line, after, TERMS, version=7).orders == ()
