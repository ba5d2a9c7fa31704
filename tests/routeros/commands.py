"""Commands over the API: which policy each needs, what it does to the menus, what it answers (manual, pages API and User)."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.routeros.store import ARGUMENT, MISSING, Item, Row, Store, Table, TrapError
from tests.routeros.wire import Words, attributes, passes

_PRINT_WORDS: Final = frozenset(
    (
        ".proplist",
        "stats",
        "detail",
        "count-only",
        "without-paging",
        "from",
        "once",
        "interval",
        "where",
        "as-value",
        "terse",
    )
)
_NEEDS_POLICY: Final = ("/user", "/user/group", "/user/aaa", "/radius/incoming")
Monitor = Callable[[Item | None], Mapping[str, str]]


class Commands:
    """Carries out what one user asks.

    Attributes:
        monitors: what `monitor` says in a menu.
        actions: commands of no menu, such as `/system/reboot`, with the policy they need.
    """

    def __init__(self, store: Store, *, says_empty: bool) -> None:
        self.store = store
        self.monitors: dict[str, Monitor] = {}
        self.actions: dict[str, tuple[str, Callable[[Mapping[str, str]], list[Row]]]] = {}
        self._says_empty = says_empty

    def answer(self, command: str, sentence: Words, policies: frozenset[str]) -> list[Words]:
        """Return the reply sentences to a command."""
        try:
            return self._answer(command, sentence, policies)
        except TrapError as trap:
            return trapped(trap)

    def _answer(self, command: str, sentence: Words, policies: frozenset[str]) -> list[Words]:
        said = attributes(sentence)
        if command in self.actions:
            policy, action = self.actions[command]
            _require(policies, policy)
            return self._rows(action(said))
        path, _, verb = command.rpartition("/")
        table = self.store[path]
        if verb in {"print", "getall"}:
            _require(policies, "read")
            return self._print(table, sentence, said, policies)
        if verb == "monitor":
            _require(policies, "read")
            return self._monitor(table, said)
        if verb not in {"add", "set", "remove", "enable", "disable", "move", "unset", "comment", "reset-counters"}:
            raise TrapError("no such command", MISSING)
        _require(policies, "write")
        if path in _NEEDS_POLICY[:3]:
            _require(policies, "policy")
        return self._change(table, verb, said)

    def _change(self, table: Table, verb: str, said: dict[str, str]) -> list[Words]:
        if verb == "add":
            before = said.pop("place-before", None)
            item = table.add({name: value for name, value in said.items() if name != "copy-from"}, place_before=before)
            return [[b"!done", b"=ret=" + item.id.encode()]]
        named = said.pop(".id", None) or said.pop("numbers", None)
        if table.menu.single:
            if verb != "set":
                raise TrapError("no such command", MISSING)
            table.set(table.only, said)
            return [[b"!done"]]
        if named is None:
            raise TrapError("missing value(s) of argument(s) numbers", MISSING)
        items = [table.find(reference) for reference in named.split(",")]
        destination = said.pop("destination", None)
        for item in items:
            self._change_one(table, verb, item, said, destination)
        return [[b"!done"]]

    def _change_one(self, table: Table, verb: str, item: Item, said: dict[str, str], destination: str | None) -> None:
        if verb == "set":
            table.set(item, said)
        elif verb == "remove":
            table.remove(item)
        elif verb in {"enable", "disable"}:
            table.set(item, {"disabled": "no" if verb == "enable" else "yes"})
        elif verb == "comment":
            table.set(item, {"comment": said.get("comment", "")})
        elif verb == "move":
            table.move(item, destination)
        elif verb == "unset":
            table.unset(item, said.get("value-name", ""))
        elif table.path == "/queue/simple" and not item.dynamic:  # reset-counters
            item.values["bytes"] = "0/0"

    def _print(self, table: Table, sentence: Words, said: dict[str, str], policies: frozenset[str]) -> list[Words]:
        if unknown := [name for name in said if name not in _PRINT_WORDS]:
            raise TrapError(f"unknown parameter {unknown[0]}", MISSING)
        rows = [row for _, row in table.rows()]
        if "from" in said:
            wanted = {table.find(reference).id for reference in said["from"].split(",")}
            rows = [row for row in rows if row[".id"] in wanted]
        if "sensitive" not in policies:
            rows = [{name: value for name, value in row.items() if name not in table.menu.secret} for row in rows]
        rows = [row for row in rows if passes(row, sentence)]
        if "count-only" in said:
            return [[b"!done", f"=ret={len(rows)}".encode()]]
        wanted_names = said.get(".proplist")
        if wanted_names:
            names = wanted_names.split(",")
            rows = [{name: value for name, value in row.items() if name in names} for row in rows]
        return self._rows(rows)

    def _monitor(self, table: Table, said: dict[str, str]) -> list[Words]:
        monitor = self.monitors.get(table.path)
        if monitor is None:
            raise TrapError("no such command", MISSING)
        if "once" not in said:
            raise TrapError("this router answers once only", ARGUMENT)
        named = said.get(".id") or said.get("numbers")
        return self._rows([dict(monitor(table.find(named) if named else None))])

    def _rows(self, rows: list[Row]) -> list[Words]:
        if not rows:
            return [[b"!empty"], [b"!done"]] if self._says_empty else [[b"!done"]]
        said = [[b"!re", *(_word(name, value) for name, value in row.items())] for row in rows]
        return [*said, [b"!done"]]


def trapped(trap: TrapError) -> list[Words]:
    category = [] if trap.category < 0 else [f"=category={trap.category}".encode()]
    return [[b"!trap", *category, f"=message={trap.message}".encode()], [b"!done"]]


def _require(policies: frozenset[str], policy: str) -> None:
    if policy not in policies:
        raise TrapError("not enough permissions (9)")


def _word(name: str, value: str) -> bytes:
    return f"={name}={value}".encode("utf-8", "surrogateescape")
