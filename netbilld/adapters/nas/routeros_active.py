"""Where RouterOS shows the sessions there are, and which row is the one that its accounting told of.

Source: MikroTik's manual, pages API, PPP AAA, HotSpot and DHCP. PPP rows carry the Acct-Session-Id; hotspot users and
DHCP leases are told by name, address and MAC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from netbilld.accounting.record import session_key
from netbilld.adapters.nas.routeros import Row
from netbilld.ports.ask_nas import Presence

LOST: Final = "\ufffd"  # stands for octets of a name that were not UTF-8: the router knows them, we do not


class Known(Protocol):
    """What a session is known by."""

    @property
    def username(self) -> str: ...
    @property
    def acct_session_id(self) -> str: ...
    @property
    def framed_ip(self) -> str | None: ...
    @property
    def mac(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table of sessions.

    Attributes:
        menu: such as `/ppp/active`.
        columns: what is asked of it.
        name: the column that a session is asked for by: its user name, or for a lease its address.
    """

    menu: str
    columns: str
    name: str

    def words(self, marks: Sequence[Known]) -> list[str]:
        """Return query words that let the rows of these sessions pass."""
        return any_of([(self.name, value) for mark in marks if (value := self.value(mark))])

    def value(self, mark: Known) -> str:
        """Return what a session's row has in the column it is asked for by; empty where that is not known."""
        return (mark.framed_ip or "") if self is DHCP else mark.username


PPP: Final = Table("/ppp/active", ".id,name,service,session-id,address,caller-id", "name")
HOTSPOT: Final = Table("/ip/hotspot/active", ".id,user,address,mac-address", "user")
DHCP: Final = Table(
    "/ip/dhcp-server/lease", ".id,address,active-address,mac-address,active-mac-address,status,dynamic", "address"
)
# The first octet of an Acct-Session-Id says what it is a session of.
_TABLES: Final = {"80": HOTSPOT, "81": PPP, "83": DHCP}


class Found(NamedTuple):
    """What a table shows of one session: its row where it is there, and how many rows have its name."""

    presence: Presence
    row: Row | None = None
    of_name: int = 1


_GONE: Final = Found(Presence.GONE)
_UNKNOWN: Final = Found(Presence.UNKNOWN)


def table_of(mark: Known) -> Table | None:
    """Return where a session is shown; None where nothing is, or its name can't be asked for."""
    table = _TABLES.get(session_key(mark.acct_session_id.encode())[:2])
    if table is None or not table.value(mark) or LOST in mark.username:
        return None
    return table


def pick(table: Table, rows: Sequence[Row], mark: Known) -> Found:
    """Return which of a table's rows is this session, of those that have its name (`Table.name`)."""
    if table is PPP:
        return _pick_ppp(rows, mark)
    fitting = [row for row in rows if _fits(row, mark)]
    if table is DHCP:
        fitting = [row for row in fitting if row.get("status", "bound") == "bound"]
    if not fitting:
        return _GONE
    return Found(Presence.THERE, fitting[0], len(rows)) if len(fitting) == 1 else _UNKNOWN


def _pick_ppp(rows: Sequence[Row], mark: Known) -> Found:
    key = session_key(mark.acct_session_id.encode())
    for row in rows:
        if session_key(row.get("session-id", "").encode()) == key:
            return Found(Presence.THERE, row, len(rows))
    # which of its name's sessions is there can't be told where the rows don't say
    return _GONE if all("session-id" in row for row in rows) else _UNKNOWN


def _fits(row: Row, mark: Known) -> bool:
    address = row.get("active-address") or row.get("address")
    mac = row.get("active-mac-address") or row.get("mac-address")
    return mark.framed_ip in {None, address} and (mark.mac is None or mac is None or same_mac(mark.mac, mac))


def same_mac(one: str, other: str) -> bool:
    """Tell whether two MACs are one, however they are written."""
    return _digits(one) == _digits(other)


def _digits(mac: str) -> str:
    return "".join(letter for letter in mac.casefold() if letter.isalnum())


def any_of(conditions: Sequence[tuple[str, str]]) -> list[str]:
    """Return query words that let a row pass which meets one of the conditions."""
    unique = list(dict.fromkeys(conditions))
    return [f"?{name}={value}" for name, value in unique] + ["?#|"] * (len(unique) - 1)
