"""Lines with fixed addresses: from what is due and what stands on a router, the changes that make the two agree.

A line has one simple queue, and while it is walled or blocked an entry for each of its addresses on a list that the
router's firewall knows. What carries no mark of ours is read and never changed; where it gets in the way, that is said.
Source: MikroTik's manual, pages Queues (a packet is taken by the first queue whose target fits) and Address lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from netbilld.billing.plan import Speed
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.router_items import (
    Menu,
    Network,
    RouterOrder,
    Row,
    Verb,
    is_on,
    network_of,
    octets,
    pair_numbers,
    pair_seconds,
    rates_bps,
    shown_address,
    targets_of,
)
from netbilld.enforcement.router_mark import service_mark
from netbilld.enforcement.router_picture import Picture

# 0 would be no limit. A blocked line keeps its queue: it is held too where the firewall does not know the list.
BLOCKED_BPS: Final = 1_000
_MOST_BPS: Final = {6: 2**32 - 1}  # by the first number of the version: what fits into a queue's limit
_LOWEST_PRIORITY: Final = 8
_CLOSED: Final = frozenset((Access.WALLED, Access.BLOCKED))
_DEFAULTS: Final = {
    "limit-at": "0/0",
    "burst-limit": "0/0",
    "burst-threshold": "0/0",
    "burst-time": "0s/0s",
    "priority": "8/8",
    "disabled": "no",
}


@dataclass(frozen=True, slots=True)
class StaticLine:
    """A line as it should be.

    Attributes:
        name: what people know it by; its queue is called so unless another one is.
        targets: its addresses and prefixes in CIDR form.
    """

    service_id: UUID
    name: str
    targets: tuple[str, ...]
    profile: ServiceProfile

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(network for target in self.targets if (network := network_of(target)) is not None)


@dataclass(frozen=True, slots=True)
class LineTerms:
    """The lists by which the router's firewall knows lines.

    Attributes:
        walled_list: of the walled garden.
        blocked_list: who is on it gets nothing.
        walls_ipv6: the garden's list stands for IPv6 too; else the IPv6 of a walled line is blocked.
    """

    walled_list: str
    blocked_list: str
    walls_ipv6: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How a line stands on its router.

    Attributes:
        orders: what is to be changed, in this order.
        obstacle: why it is not as it should be although nothing can be ordered; None for nothing.
        notes: what of others' is beside it.
        seen: the access that it has there, as far as that can be told: active stands for throttled too.
        octets: what its queue has counted, upload and download; None without a queue or counters.
        queue_id: its queue, as the router numbers it now.
    """

    service_id: UUID
    orders: tuple[RouterOrder, ...] = ()
    obstacle: str | None = None
    notes: tuple[str, ...] = ()
    seen: Access | None = None
    octets: tuple[int, int] | None = None
    queue_id: str | None = None

    @property
    def agrees(self) -> bool:
        return not self.orders and self.obstacle is None


def difference_of(line: StaticLine, picture: Picture, terms: LineTerms, *, version: int | None = None) -> Difference:
    """Return what is to be changed on a router for one line.

    Args:
        line: as it should be.
        picture: what stands there.
        terms: the lists.
        version: the first number of the router's version; None where that is not known.
    """
    mine = picture.own_queues.get(line.service_id, [])
    kept = next((row for row in mine if row.get("name") == line.name), mine[0] if mine else None)
    counted = octets(kept.get("bytes", "")) if kept is not None else None
    queue_id = kept.get(".id") if kept is not None else None
    seen = _seen(line, picture, terms, has_queue=kept is not None)
    if (obstacle := cannot_hold(line.profile, version)) is not None:
        return Difference(line.service_id, (), obstacle, (), seen, counted, queue_id)
    others = picture.in_the_way(line.networks)
    entry_orders, entry_notes = _entry_orders(line, picture, terms)
    orders = (*entry_orders, *_queue_orders(line, picture, mine, kept, others))
    notes = (*entry_notes, *_queue_notes(line, picture, others))
    return Difference(line.service_id, orders, _held(line, picture, terms), notes, seen, counted, queue_id)


def clearing(service_id: UUID, picture: Picture) -> Difference:
    """Return what takes everything away of a service that has no line there any more."""
    mine = picture.own_queues.get(service_id, [])
    orders = [_remove(service_id, menu, row) for menu, row in picture.own_entries.get(service_id, ())]
    orders += [_remove(service_id, Menu.QUEUES, row) for row in mine]
    counted = octets(mine[0].get("bytes", "")) if mine else None
    return Difference(service_id, tuple(orders), octets=counted, queue_id=mine[0].get(".id") if mine else None)


def cannot_hold(profile: ServiceProfile, version: int | None) -> str | None:
    """Return why a queue can't hold a profile's speed; None if it can."""
    speed, most_bps = profile.speed, _MOST_BPS.get(version or 0)
    if speed is None:
        return None
    rates = [speed.up_bps, speed.down_bps]
    if speed.burst is not None:
        rates += [speed.burst.up_bps, speed.burst.down_bps]
    if min(rates) <= 0:
        return "the plan says a speed of 0, which a queue takes for no limit"
    if most_bps is not None and max(rates) > most_bps:
        return f"a queue of RouterOS {version} holds at most {most_bps} bit/s, and the plan says {max(rates)}"
    return None


# -- the queue ---------------------------------------------------------------------------------------------------------


def _queue_orders(
    line: StaticLine, picture: Picture, mine: Sequence[Row], kept: Row | None, others: Sequence[int]
) -> list[RouterOrder]:
    service_id = line.service_id
    orders = [_remove(service_id, Menu.QUEUES, row) for row in mine if row is not kept]
    wanted = _queue_values(line, _queue_name(line, picture))
    before = picture.queues[others[0]] if others else None
    before_id = before.get(".id") if before is not None else None
    before_found_by = (("name", before.get("name", "")),) if before is not None else ()
    if kept is None:
        given = [(name, value) for name, value in wanted.items() if value != _DEFAULTS.get(name)]
        values = (*given, ("comment", service_mark(service_id)))
        added = RouterOrder(
            Verb.ADD, Menu.QUEUES, service_id, values, before_id=before_id, before_found_by=before_found_by
        )
        return [*orders, added]
    item_id = kept.get(".id", "")
    if changed := tuple((name, value) for name, value in wanted.items() if not _same(name, value, kept)):
        orders.append(RouterOrder(Verb.SET, Menu.QUEUES, service_id, changed, item_id, _found_by(Menu.QUEUES, kept)))
    if others and picture.places[item_id] > others[0]:
        named = (("name", dict(changed).get("name", kept.get("name", ""))),)
        orders.append(RouterOrder(Verb.MOVE, Menu.QUEUES, service_id, (), item_id, named, before_id, before_found_by))
    return orders


def _queue_name(line: StaticLine, picture: Picture) -> str:
    names = (line.name, f"netbilld-{line.name}")
    free = (name for name in names if not picture.is_taken(name, line.service_id))
    return next(free, f"netbilld-{line.service_id}")


def _queue_notes(line: StaticLine, picture: Picture, others: Sequence[int]) -> list[str]:
    notes = []
    for row in (picture.queues[place] for place in others):
        targets = targets_of(row.get("target", ""))
        if targets and all(any(_holds(network, target) for network in line.networks) for target in targets):
            notes.append(
                f"queue {row.get('name', '')!r} is for {row.get('target', '')} too and not ours: it is left as it is, "
                "and the line's own queue comes before it; remove it if nobody needs it"
            )
    if picture.has_name(line.name):
        notes.append(f"queue {line.name!r} is not ours: it is left as it is, and the line's own has another name")
    return notes


def _queue_values(line: StaticLine, name: str) -> dict[str, str]:
    speed = line.profile.speed
    if speed is None or line.profile.access is Access.BLOCKED:
        speed = Speed(down_bps=BLOCKED_BPS, up_bps=BLOCKED_BPS)
    least = min(speed.minimum_up_bps or 0, speed.up_bps), min(speed.minimum_down_bps or 0, speed.down_bps)
    burst = speed.burst
    return {
        "name": name,
        "target": ",".join(line.targets),
        "max-limit": f"{speed.up_bps}/{speed.down_bps}",
        "limit-at": f"{least[0]}/{least[1]}",
        "burst-limit": f"{burst.up_bps}/{burst.down_bps}" if burst else "0/0",
        "burst-threshold": f"{burst.threshold_up_bps}/{burst.threshold_down_bps}" if burst else "0/0",
        "burst-time": f"{burst.seconds}s/{burst.seconds}s" if burst else "0s/0s",
        "priority": f"{speed.priority or _LOWEST_PRIORITY}/{speed.priority or _LOWEST_PRIORITY}",
        "disabled": "no",
    }


def _same(name: str, wanted: str, row: Row) -> bool:
    said = row.get(name, _DEFAULTS.get(name, ""))
    match name:
        case "name":
            return said == wanted
        case "target":
            return targets_of(said) == targets_of(wanted)
        case "disabled":
            return not is_on(row, "disabled")
        case "burst-time":
            return pair_seconds(said) == pair_seconds(wanted)
        case "priority":
            return pair_numbers(said) == pair_numbers(wanted)
        case _:
            return rates_bps(said) == rates_bps(wanted)


# -- the lists ---------------------------------------------------------------------------------------------------------


def _wanted_entries(line: StaticLine, terms: LineTerms) -> list[tuple[Menu, str, Network]]:
    access = line.profile.access
    if access not in _CLOSED:
        return []
    wanted = []
    for network in line.networks:
        is_walled = access is Access.WALLED and (terms.walls_ipv6 or network.version == 4)
        garden = line.profile.address_list or terms.walled_list
        wanted.append((_list_menu(network), garden if is_walled else terms.blocked_list, network))
    return wanted


def _entry_orders(line: StaticLine, picture: Picture, terms: LineTerms) -> tuple[list[RouterOrder], list[str]]:
    missing = dict.fromkeys(_wanted_entries(line, terms))
    removed: list[RouterOrder] = []
    orders: list[RouterOrder] = []
    for menu, row in picture.own_entries.get(line.service_id, ()):
        network = network_of(row.get("address", ""))
        place = (menu, row.get("list", ""), network) if network is not None else None
        if place is None or place not in missing or is_on(row, "dynamic"):
            removed.append(_remove(line.service_id, menu, row))
            continue
        del missing[place]
        if is_on(row, "disabled"):
            on = (("disabled", "no"),)
            orders.append(RouterOrder(Verb.SET, menu, line.service_id, on, row.get(".id"), _found_by(menu, row)))
    notes = []
    for menu, name, network in missing:
        if (menu, name, network) in picture.others_entries:
            notes.append(f"{shown_address(network)} is on the list {name!r} by another hand already")
            continue
        if (menu, name, network) in picture.others_off:
            continue  # it is not there twice: `_held` says so
        mark = service_mark(line.service_id)
        values = (("list", name), ("address", shown_address(network)), ("comment", mark))
        orders.append(RouterOrder(Verb.ADD, menu, line.service_id, values))
    return [*removed, *orders], notes


def _held(line: StaticLine, picture: Picture, terms: LineTerms) -> str | None:
    """Return which entry of somebody else's closes a line that should be open, or keeps one from being closed."""
    if line.profile.access in _CLOSED:
        for menu, name, network in _wanted_entries(line, terms):
            if (menu, name, network) in picture.others_off and (menu, name, network) not in _own_places(line, picture):
                return (
                    f"{shown_address(network)} is on the list {name!r} by another hand and disabled, and can't be "
                    "there twice: remove or enable that entry on the router"
                )
        return None
    for name, network in _others_closing(line, picture, terms):
        return (
            f"{shown_address(network)} is on the list {name!r} by another hand, and not ours to take off: remove that "
            "entry on the router"
        )
    return None


def _own_places(line: StaticLine, picture: Picture) -> set[tuple[Menu, str, Network | None]]:
    own = picture.own_entries.get(line.service_id, ())
    return {(menu, row.get("list", ""), network_of(row.get("address", ""))) for menu, row in own}


def _others_closing(line: StaticLine, picture: Picture, terms: LineTerms) -> list[tuple[str, Network]]:
    return [
        (name, network)
        for name in (terms.blocked_list, terms.walled_list)
        for network in line.networks
        if (_list_menu(network), name, network) in picture.others_entries
    ]


# -- either ------------------------------------------------------------------------------------------------------------


def _seen(line: StaticLine, picture: Picture, terms: LineTerms, *, has_queue: bool) -> Access | None:
    own = picture.own_entries.get(line.service_id, ())
    lists = {row.get("list", "") for _, row in own if not is_on(row, "disabled")}
    lists.update(name for name, _ in _others_closing(line, picture, terms))
    if lists - {terms.blocked_list}:  # with its IPv6 blocked it is still in the garden
        return Access.WALLED
    if lists:
        return Access.BLOCKED
    return Access.ACTIVE if has_queue else None


def _list_menu(network: Network) -> Menu:
    return Menu.LIST_IPV6 if network.version == 6 else Menu.LIST_IPV4


def _remove(service_id: UUID, menu: Menu, row: Row) -> RouterOrder:
    return RouterOrder(Verb.REMOVE, menu, service_id, (), row.get(".id"), _found_by(menu, row))


def _found_by(menu: Menu, row: Row) -> tuple[tuple[str, str], ...]:
    names = ("name", "comment") if menu is Menu.QUEUES else ("list", "address", "comment")
    return tuple((name, row.get(name, "")) for name in names)


def _holds(outer: Network, inner: Network | str) -> bool:
    """Tell whether a network has all of another in it; an interface is in none."""
    if isinstance(inner, str) or outer.version != inner.version or outer.prefixlen > inner.prefixlen:
        return False
    return outer.overlaps(inner)
