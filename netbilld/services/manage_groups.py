"""Customer groups and areas, which plans' prices and sale may name."""

import re
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

from netbilld.billing.prices import area_parts
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.ports.changes import Changes
from netbilld.services.subscriber_fields import clean_text

LONGEST_AREA: Final = 100
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Groups(Protocol):
    async def add_group(self, code: str, name: str, at: datetime) -> None: ...
    async def add_area(self, path: str, name: str, at: datetime) -> None: ...
    async def remove_group(self, code: str) -> bool: ...
    async def remove_area(self, path: str) -> bool: ...


class Work(Protocol):
    @property
    def groups(self) -> Groups: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManageGroups:
    """Lists them; whoever is in one keeps it when it is taken off the list."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, kind: str, code: str, name: str | None, actor: Actor, now: datetime) -> str:
        """Add a `group` by its code or an `area` by its path; return it as it is written.

        Raises:
            InvalidInputError: it can't be written so.
            RefusedError: it exists.
        """
        written = _group(code) if kind == "group" else _area(code)
        said = clean_text("name", name, 200) if name else written
        async with self._store.write() as work:
            await (work.groups.add_group if kind == "group" else work.groups.add_area)(written, said, now)
            await work.changes.record(actor, now, f"{kind}.add", kind, written, {"name": said})
        return written

    async def remove(self, kind: str, code: str, actor: Actor, now: datetime) -> None:
        """Take one off the list.

        Raises:
            NotFoundError: there is none.
        """
        async with self._store.write() as work:
            found = await (work.groups.remove_group if kind == "group" else work.groups.remove_area)(code)
            if not found:
                raise NotFoundError(f"no {kind} {code!r}", hint=f"`netbilld {kind} list` shows all")
            await work.changes.record(actor, now, f"{kind}.remove", kind, code, {})


def _group(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise InvalidInputError(f"group {code[:80]!r} is not 1 to 64 letters, digits, '.', '_' or '-'")
    return code


def _area(path: str) -> str:
    written = clean_text("area", path, LONGEST_AREA)
    if not area_parts(written):
        raise InvalidInputError("the area is empty", hint="write jabar/bandung/rw05")
    return written
