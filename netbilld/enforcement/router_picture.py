"""A router's queues and address lists, arranged for looking up what is a line's and what is in its way."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from netbilld.enforcement.router_items import Menu, Network, RouterOrder, Row, Verb, is_on, network_of, targets_of
from netbilld.enforcement.router_mark import OfService, read_mark


class Picture:
    """A router's simple queues in their order, and entries of its address lists; dynamic queues are left out.

    Attributes:
        queues: those that are not dynamic.
        places: where each stands among them, by its number on the router.
        own_queues, own_entries: what carries the mark of a service.
        others_entries: entries that are somebody else's and in force; others_off those that are disabled.
    """

    def __init__(self, queues: Sequence[Row], entries: Mapping[Menu, Sequence[Row]]) -> None:
        self.queues = [row for row in queues if not is_on(row, "dynamic")]
        self.entries = {menu: list(rows) for menu, rows in entries.items()}
        self.places: dict[str, int] = {}
        self.own_queues: dict[UUID, list[Row]] = {}
        self.own_entries: dict[UUID, list[tuple[Menu, Row]]] = {}
        self.others_entries: dict[tuple[Menu, str, Network], Row] = {}
        self.others_off: set[tuple[Menu, str, Network]] = set()
        self._names: set[str] = set()
        self._own_names: dict[str, set[UUID]] = {}
        self._hosts: dict[Network, list[int]] = {}  # others' queues for single addresses, by address
        self._wide: list[tuple[int, frozenset[Network | str]]] = []  # their other ones
        for place, row in enumerate(self.queues):
            self._take_queue(place, row)
        for menu, rows in self.entries.items():
            for row in rows:
                self._take_entry(menu, row)

    def _take_queue(self, place: int, row: Row) -> None:
        self.places[row.get(".id", "")] = place
        mark = read_mark(row.get("comment"))
        if isinstance(mark, OfService):
            self.own_queues.setdefault(mark.service_id, []).append(row)
            self._own_names.setdefault(row.get("name", ""), set()).add(mark.service_id)
            return
        self._names.add(row.get("name", ""))
        if is_on(row, "disabled"):
            return
        targets = targets_of(row.get("target", ""))
        only = next(iter(targets)) if len(targets) == 1 else ""
        if not isinstance(only, str) and _is_host(only):
            self._hosts.setdefault(only, []).append(place)
        else:
            self._wide.append((place, targets))

    def _take_entry(self, menu: Menu, row: Row) -> None:
        mark = read_mark(row.get("comment"))
        if isinstance(mark, OfService):
            self.own_entries.setdefault(mark.service_id, []).append((menu, row))
        elif (network := network_of(row.get("address", ""))) is not None:
            place = (menu, row.get("list", ""), network)
            if is_on(row, "disabled"):
                self.others_off.add(place)
            else:
                self.others_entries.setdefault(place, row)

    def services(self) -> frozenset[UUID]:
        """Return whose marks stand here."""
        return frozenset(self.own_queues.keys() | self.own_entries.keys())

    def has_name(self, name: str) -> bool:
        """Tell whether a queue that is not ours is called so."""
        return name in self._names

    def is_taken(self, name: str, service_id: UUID) -> bool:
        """Tell whether a queue is called so that is not this service's: a router has no name twice."""
        return self.has_name(name) or bool(self._own_names.get(name, set()) - {service_id})

    def in_the_way(self, networks: Sequence[Network]) -> list[int]:
        """Return the places of others' queues that would take packets of these networks, the first one first."""
        found: set[int] = set()
        for network in networks:
            if _is_host(network):
                found.update(self._hosts.get(network, ()))
            else:
                hosts = (places for host, places in self._hosts.items() if _overlap(host, network))
                found.update(place for places in hosts for place in places)
            found.update(place for place, targets in self._wide if _touches(targets, network))
        return sorted(found)

    def after(
        self, changes: Iterable[tuple[RouterOrder, str | None]], seen: Mapping[tuple[Menu, str], Row]
    ) -> "Picture":
        """Return how it looks after orders.

        Args:
            changes: orders that were carried out, with the number that the router gave to what was added.
            seen: what was read again, by menu and number; what is not among it is gone.
        """
        queues = list(self.queues)
        entries = {menu: list(rows) for menu, rows in self.entries.items()}
        for order, new_id in changes:
            item_id = order.item_id or new_id or ""
            row = seen.get((order.menu, item_id))
            rows = queues if order.menu is Menu.QUEUES else entries.setdefault(order.menu, [])
            at = next((place for place, one in enumerate(rows) if one.get(".id") == item_id), None)
            if at is not None:
                del rows[at]
            if row is None:
                continue
            if order.verb is Verb.SET and at is not None:
                rows.insert(at, row)
            else:
                before = (place for place, one in enumerate(rows) if one.get(".id") == order.before_id)
                rows.insert(next(before, len(rows)), row)
        return Picture(queues, entries)


def _is_host(network: Network) -> bool:
    return network.prefixlen == network.max_prefixlen


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _touches(targets: frozenset[Network | str], network: Network) -> bool:
    """Tell whether a queue may take packets of a network; one for everybody does, and one for an interface may."""
    return not targets or any(isinstance(target, str) or _overlap(target, network) for target in targets)
