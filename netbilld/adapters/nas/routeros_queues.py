"""Which simple queue of a RouterOS router holds a session, and how fast it lets it be.

Simple queues are tried in their order, and the first whose target fits takes the traffic: a queue made by hand for an
address hides the one that the router made for the session, and no order changes that. A PPP session's own is called
like its interface, `<pppoe-budi>`; a second session of a name has a number behind it. Source: MikroTik's manual, pages
Queues, PPP AAA, HotSpot and DHCP.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from netbilld.adapters.nas.routeros import Row
from netbilld.adapters.nas.routeros_active import DHCP, PPP, Table

MENU: Final = "/queue/simple/print"
COLUMNS: Final = "name,target,max-limit,disabled,invalid,dynamic,dst,packet-marks"
# What a name's first few sessions may have behind it, where the first of them has gone.
_NUMBERS: Final = range(1, 5)
_ANYWHERE: Final = frozenset(("", "0.0.0.0/0", "::/0"))
_YES: Final = frozenset(("true", "yes"))
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)(?:bps)?", re.IGNORECASE)

Rate = tuple[int, int]


def rate_pair(text: str) -> Rate | None:
    """Return upload and download in bit/s of a `max-limit`, `5M/20M` or `5000000/20000000`; 0 is no limit.

    None for another text.
    """
    parts = text.split("/")
    rates = [_rate(part.strip()) for part in (parts if len(parts) == 2 else parts * 2)]
    if len(rates) != 2 or None in rates:
        return None
    return rates[0] or 0, rates[1] or 0


def _rate(text: str) -> int | None:
    if text.casefold() in {"unlimited", "none"}:
        return 0
    if (found := _RATE.fullmatch(text)) is None:
        return None
    return int(Decimal(found[1]) * _FACTORS[found[2].casefold()])


def links(table: Table, row: Row) -> list[str]:
    """Return what the queue of a session's own is called, by its row in a table of sessions."""
    if table is PPP:
        return [f"<{row.get('service', 'pppoe')}-{row.get('name', '')}>"]
    if table is DHCP:
        return [f"dhcp-ds<{row.get('active-mac-address') or row.get('mac-address', '')}>"]
    return []


def numbered(row: Row) -> list[str]:
    """Return what else the queue of a PPP session may be called: its name has, or had, other sessions."""
    return [f"<{row.get('service', 'pppoe')}-{row.get('name', '')}-{number}>" for number in _NUMBERS]


def address_of(row: Row) -> str | None:
    """Return the address that a session has, by its row in a table of sessions."""
    return row.get("active-address") or row.get("address") or None


def targets(row: Row) -> list[str]:
    """Return how a queue for a session's address says that."""
    address = address_of(row)
    return [] if address is None else [address, f"{address}/{128 if ':' in address else 32}"]


class Queues:
    """A router's queues, or those of them that were asked for, in its order."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[int, Row]] = {}
        self._by_target: dict[str, tuple[int, Row]] = {}
        self._by_hand: dict[str, tuple[int, Row]] = {}  # likewise, of those that people made
        self._turn = 0

    def add(self, row: Row) -> None:
        """Take the next queue; one that takes nothing, or only a part of what its target moves, does not count."""
        if not _takes_all(row):
            return
        self._turn += 1
        place = self._turn, row
        is_made_by_router = row.get("dynamic", "true") in _YES
        if is_made_by_router:
            self._by_name.setdefault(row.get("name", ""), place)
        aimed = self._by_target if is_made_by_router else self._by_hand
        for target in row.get("target", "").split(","):
            aimed.setdefault(target.strip(), place)

    def own(self, table: Table, row: Row) -> Row | None:
        """Return the queue that the router made for the only session of its name."""
        place = self._own(table, row)
        return place[1] if place is not None else None

    def in_front(self, table: Table, row: Row) -> str | None:
        """Return what a queue made by hand is called that takes a session's traffic first, and how fast it is."""
        aimed = [self._by_hand[one] for one in (*links(table, row), *targets(row)) if one in self._by_hand]
        if not aimed:
            return None
        turn, queue = min(aimed, key=lambda place: place[0])
        own = self._own(table, row)
        return f"{queue.get('name', '')} at {queue.get('max-limit', '?')}" if own is None or turn < own[0] else None

    def called(self, names: Iterable[str]) -> list[Row]:
        """Return the queues of these names that the router made."""
        return [self._by_name[name][1] for name in names if name in self._by_name]

    def _own(self, table: Table, row: Row) -> tuple[int, Row] | None:
        wanted = links(table, row)
        found = [
            *(self._by_name[link] for link in wanted if link in self._by_name),
            *(self._by_target[target] for target in (*wanted, *targets(row)) if target in self._by_target),
        ]
        return min(found, key=lambda place: place[0]) if found else None


def _takes_all(row: Row) -> bool:
    """Tell whether a queue is in use, and takes whatever its target sends and receives."""
    return (
        row.get("disabled", "false") not in _YES
        and row.get("invalid", "false") not in _YES
        and row.get("dst", "") in _ANYWHERE
        and row.get("packet-marks", "") in {"", "no-mark"}
    )


def rate_of(row: Row) -> Rate | None:
    """Return how fast a queue lets its target be; None where it does not say."""
    return rate_pair(row["max-limit"]) if "max-limit" in row else None


def shared_rate(rows: Sequence[Row], sessions: int) -> Rate | None:
    """Return the rate of several sessions of one name, whose queues can't be told apart but all say the same."""
    rates = {rate_of(row) for row in rows}
    return rates.pop() if len(rows) >= sessions > 0 and len(rates) == 1 else None
