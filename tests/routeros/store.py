"""What a router knows: menus of entries with their numbers, what is dynamic, what expires, and what is refused."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.routeros.menus import MENUS, Menu
from tests.routeros.values import seconds, shown_duration

Value = str | Callable[[], str]
Row = dict[str, str]

MISSING, ARGUMENT, GENERAL = 0, 1, 4


class TrapError(Exception):
    """What the router answers instead of doing it."""

    def __init__(self, message: str, category: int = GENERAL) -> None:
        super().__init__(message)
        self.message, self.category = message, category


@dataclass(eq=False)
class Item:
    """One entry.

    Attributes:
        number: the `*1F` it is known by for now.
        dynamic: made by the router itself, or kept in its memory only.
        fixed: what the router made so that nobody can edit it.
        expires_at: by the router's clock.
        on_remove: told when somebody removes it; it may end a session.
    """

    number: int
    values: dict[str, Value] = field(default_factory=dict)
    dynamic: bool = False
    fixed: bool = False
    expires_at: float | None = None
    on_remove: Callable[[], None] | None = None

    @property
    def id(self) -> str:
        return f"*{self.number:X}"

    def get(self, name: str) -> str:
        value = self.values.get(name, "")
        return value() if callable(value) else value


class Table:
    """The entries of one menu, in their order."""

    def __init__(self, path: str, menu: Menu, major: int, now: Callable[[], float]) -> None:
        self.path, self.menu = path, menu
        self.items: list[Item] = []
        self.changes = 0  # how often somebody changed something here
        self._properties = menu.properties(major)
        self._now = now
        self._free = itertools.count(1)
        self._given_back: list[int] = []
        if menu.single:
            self.items.append(Item(0, self._defaults()))

    # -- reading -------------------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[tuple[Item, Row]]:
        self.expire()
        for item in list(self.items):
            yield item, self.row(item)

    def row(self, item: Item) -> Row:
        row = {} if self.menu.single else {".id": item.id}
        for name, value in item.values.items():
            row[name] = value() if callable(value) else value
        if item.expires_at is not None:
            row["timeout"] = shown_duration(max(0, int(item.expires_at - self._now())))
        if self.menu.dynamic:
            row["dynamic"] = "true" if item.dynamic else "false"
        return row

    def find(self, reference: str) -> Item:
        """Return the entry of a number, or of a name where entries have names."""
        self.expire()
        for item in self.items:
            if item.id.casefold() == reference.casefold():
                return item
        for item in self.items:
            if any(item.get(name) == reference for name in self.menu.names):
                return item
        raise TrapError("no such item", MISSING)

    def where(self, **said: str) -> list[Item]:
        """Return the entries that have these values, underscores standing for hyphens."""
        wanted = {name.replace("_", "-"): value for name, value in said.items()}
        return [item for item, row in self.rows() if all(row.get(name) == value for name, value in wanted.items())]

    @property
    def only(self) -> Item:
        """Return the thing that a menu without a list is about."""
        return self.items[0]

    def expire(self) -> None:
        now = self._now()
        for item in [item for item in self.items if item.expires_at is not None and item.expires_at <= now]:
            self.drop(item)

    # -- changing ------------------------------------------------------------------------------------------------------

    def add(self, values: Mapping[str, str], *, place_before: str | None = None) -> Item:
        """Take a new entry as somebody types it."""
        if self.menu.single or self.menu.fixed or not self._properties:
            raise TrapError("no such command", MISSING)
        for name in self.menu.needed:
            if name not in values:
                raise TrapError(f"missing value(s) of argument(s) {name}", MISSING)
        item = Item(self._number(), self._defaults())
        item.values |= self._read(values)
        if self.path == "/queue/simple" and "name" not in values:
            item.values["name"] = self._queue_name()
        try:
            self._settle(item, values)
            self._check_unique(item)
            place = self._place(place_before)
        except TrapError:
            self._given_back.append(item.number)
            raise
        self.items.insert(place, item)
        self.changes += 1
        return item

    def make(
        self, values: Mapping[str, Value], *, fixed: bool = True, on_remove: Callable[[], None] | None = None
    ) -> Item:
        """Make an entry as the router itself does: dynamic, and `fixed` where nobody can edit it."""
        item = Item(self._number(), {**self._defaults(), **values}, dynamic=True, fixed=fixed, on_remove=on_remove)
        self.items.append(item)
        return item

    def set(self, item: Item, values: Mapping[str, str]) -> None:
        if item.fixed:
            raise TrapError("failure: can not change dynamic object")
        if not self._properties:
            raise TrapError("no such command", MISSING)
        before = dict(item.values), item.dynamic, item.expires_at
        item.values |= self._read(values)
        try:
            self._settle(item, values)
            self._check_unique(item)
        except TrapError:
            item.values, item.dynamic, item.expires_at = before
            raise
        for name, text in values.items():
            if text == "" and self._properties.get(name) is None:
                item.values.pop(name, None)
        self.changes += 1

    def unset(self, item: Item, name: str) -> None:
        item.values.pop(name, None)
        self.changes += 1

    def remove(self, item: Item) -> None:
        if self.menu.single or self.menu.fixed:
            raise TrapError("no such command", MISSING)
        if item.fixed and item.on_remove is None:
            raise TrapError("failure: can not remove dynamic object")
        if item.get("default") == "true":
            raise TrapError("failure: can not remove default object")
        self.changes += 1
        if item.on_remove is not None:
            item.on_remove()
        self.drop(item)

    def drop(self, item: Item) -> None:
        """Let an entry be gone, whoever made it; its number is free again."""
        if item in self.items:
            self.items.remove(item)
            self._given_back.append(item.number)

    def move(self, item: Item, before: str | None) -> None:
        if not self.menu.ordered:
            raise TrapError("no such command", MISSING)
        self.items.remove(item)
        self.items.insert(self._place(before), item)
        self.changes += 1

    def reboot(self) -> None:
        """Forget what is dynamic; what stays gets other numbers."""
        if self.menu.single:
            return
        self.items = [item for item in self.items if not item.dynamic]
        self._free, self._given_back = itertools.count(1 + len(self.items) // 2), []
        for item in self.items:
            item.number = next(self._free)

    def _number(self) -> int:
        return self._given_back.pop() if self._given_back else next(self._free)

    def _defaults(self) -> dict[str, Value]:
        return {name: default for name, default in self._properties.items() if default is not None}

    def _queue_name(self) -> str:
        names = {item.get("name") for item in self.items}
        return next(name for count in itertools.count(1) if (name := f"queue{count}") not in names)

    def _place(self, before: str | None) -> int:
        if before is None:
            return len(self.items)
        if not self.menu.ordered:
            raise TrapError("unknown parameter place-before", MISSING)
        if before.isdecimal():
            return min(int(before), len(self.items))
        return self.items.index(self.find(before))

    def _read(self, values: Mapping[str, str]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, text in values.items():
            if name not in self._properties:
                raise TrapError(f"unknown parameter {name}", MISSING)
            kind = self.menu.kinds.get(name)
            if kind is None or (text == "" and not self._properties[name]):
                found[name] = text
                continue
            try:
                found[name] = kind(text)
            except ValueError:
                raise TrapError(f"invalid value for argument {name}", ARGUMENT) from None
        return found

    def _settle(self, item: Item, said: Mapping[str, str]) -> None:
        """See to what one value does to others."""
        if self.path.endswith("/address-list") and "timeout" in said:
            text = said["timeout"]
            if text in {"none-static", "0", "0s", ""}:
                item.expires_at, item.dynamic = None, False
            elif text == "none-dynamic":
                item.expires_at, item.dynamic = None, True
            else:
                item.expires_at, item.dynamic = self._now() + seconds(text), True
            item.values.pop("timeout", None)
        if self.path == "/queue/simple":
            limits = zip(item.get("limit-at").split("/"), item.get("max-limit").split("/"), strict=True)
            if any(int(most) and int(least) > int(most) for least, most in limits):
                raise TrapError("failure: limit-at can not be greater than max-limit")
            if not item.get("target") and "dst" not in item.values:
                raise TrapError("failure: at least one of target or dst must be specified")

    def _check_unique(self, item: Item) -> None:
        self.expire()
        unique = self.menu.unique
        if unique and any(
            other is not item and all(other.get(name) == item.get(name) for name in unique) for other in self.items
        ):
            raise TrapError("failure: already have such " + ("name" if unique == ("name",) else "entry"))


class Store:
    """Every menu of one router.

    Attributes:
        major: 6 or 7: what menus and properties there are.
    """

    def __init__(self, version: str, now: Callable[[], float]) -> None:
        self.version = version
        self.major: Final = int(version.partition(".")[0])
        self.tables = {
            path: Table(path, menu, self.major, now)
            for path, menu in MENUS.items()
            if menu.since <= self.major <= menu.until
        }

    def __getitem__(self, path: str) -> Table:
        try:
            return self.tables[path]
        except KeyError:
            raise TrapError("no such command prefix", MISSING) from None

    def reboot(self) -> None:
        for table in self.tables.values():
            table.reboot()

    def image(self, *paths: str) -> list[tuple[str, list[Row]]]:
        """Return these menus as they are, without numbers and counters: to be compared with what they are later."""
        return [(path, [_lasting(row) for _, row in self[path].rows()]) for path in paths or self.tables]


def _lasting(row: Row) -> Row:
    passing: Iterable[str] = (".id", "timeout", "bytes", "packets", "rate", "uptime", "idle-time", "rx-byte", "tx-byte")
    return {name: value for name, value in row.items() if name not in passing}
