"""CompareLines: what a router has of lines with fixed addresses beside what it should have; nothing is changed."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from netbilld.enforcement.router_items import RouterOrder, major_version
from netbilld.enforcement.router_picture import Picture
from netbilld.enforcement.static_lines import Difference, LineTerms, StaticLine, clearing, difference_of
from netbilld.ports.static_router import RouterState, StaticRouters
from netbilld.services.static_book import LineState, LineToKeep, RouterRecord, StaticLines

LINES_A_TURN: Final = 250  # compared before other work gets its turn


class Work(Protocol):
    @property
    def static_lines(self) -> StaticLines: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class Case:
    """A line, or what is left of one, and how it stands.

    Attributes:
        kept: None for what is left of a line that is on record no more.
        state: what was last seen of it.
        error: what went wrong with its orders.
    """

    service_id: UUID
    kept: LineToKeep | None
    difference: Difference
    state: LineState | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A router that was read: what stands there, case by case, and what is odd about it."""

    record: RouterRecord | None
    lists: tuple[str, ...]
    state: RouterState
    picture: Picture
    version: int | None
    lines: int
    cases: Sequence[Case]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What would be changed on a router, why some of it can't be, and what of others' is beside it."""

    lines: int
    differ: int
    orders: tuple[RouterOrder, ...] = ()
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class CompareLines:
    """Reads one router at a time."""

    def __init__(self, store: Store, routers: StaticRouters, terms: LineTerms) -> None:
        self._store = store
        self._routers = routers
        self._terms = terms

    async def run(self, nas_id: UUID) -> Compared:
        """Return what would be changed on a router.

        Raises:
            RouterAwayError: it can't be asked.
            StoreUnavailableError: the database is away.
        """
        looked = await self.look(nas_id)
        if looked is None:
            return Compared(0, 0)
        cases = looked.cases
        return Compared(
            looked.lines,
            sum(not case.difference.agrees for case in cases),
            tuple(order for case in cases for order in case.difference.orders),
            tuple(
                f"{_name(case)}: {case.difference.obstacle}" for case in cases if case.difference.obstacle is not None
            ),
            (*looked.notes, *(f"{_name(case)}: {words}" for case in cases for words in case.difference.notes)),
        )

    async def look(self, nas_id: UUID) -> Looked | None:
        """Read a router and compare each of its lines; None where it has none and should have none.

        Raises:
            RouterAwayError: it can't be asked.
            StoreUnavailableError: the database is away.
        """
        async with self._store.read() as work:
            lines = await work.static_lines.to_keep(nas_id)
            record = await work.static_lines.router(nas_id)
        if not lines:
            return None
        known = record.lists if record is not None else ()
        lists = tuple(sorted({self._terms.walled_list, self._terms.blocked_list, *known}))
        state = await self._routers.read(nas_id, lists)
        picture = Picture(state.queues, state.entries)
        version = major_version(state.version)
        strays, notes = await self._strays(nas_id, lines, picture)
        cases = await self._cases(lines, strays, picture, version)
        return Looked(record, lists, state, picture, version, len(lines), cases, tuple(notes))

    def difference(
        self, kept: LineToKeep | None, service_id: UUID, picture: Picture, version: int | None
    ) -> Difference:
        """Return how a line stands, or what is left of one."""
        if kept is None or kept.is_over or kept.desired is None:
            return clearing(service_id, picture)
        line = StaticLine(service_id, kept.name, kept.line.targets, kept.desired.profile)
        return difference_of(line, picture, self._terms, version=version)

    async def _strays(
        self, nas_id: UUID, lines: Sequence[LineToKeep], picture: Picture
    ) -> tuple[list[UUID], list[str]]:
        """Return services that stand on the router and have no line there, and what is odd about others' marks.

        A mark of a service that this database does not know is another installation's, and one that has its line on
        another router may be that one's under a second name: both are left alone.
        """
        strange = picture.services() - {kept.line.service_id for kept in lines}
        if not strange:
            return [], []
        async with self._store.read() as work:
            known = set(await work.static_lines.known_services(strange))
            elsewhere = await work.static_lines.elsewhere(strange, nas_id)
        notes = [
            f"the line of service {service_id} stands here too, and is one of NAS {elsewhere[service_id]}: left alone"
            for service_id in sorted(elsewhere)
        ]
        if unknown := strange - known:
            notes.append(f"{len(unknown)} marks are of services not known here, such as {min(unknown)}: left alone")
        return sorted((strange & known) - elsewhere.keys()), notes

    async def _cases(
        self, lines: Sequence[LineToKeep], strays: Sequence[UUID], picture: Picture, version: int | None
    ) -> list[Case]:
        cases = []
        in_use = {kept.line.service_id for kept in lines if not kept.is_over}
        for count, kept in enumerate(lines, 1):
            service_id = kept.line.service_id
            came_back = kept.is_over and service_id in in_use
            unknown = kept.desired is None and not kept.is_over  # what it is due was not worked out yet
            if not came_back and not unknown:
                cases.append(Case(service_id, kept, self.difference(kept, service_id, picture, version), kept.state))
            if count % LINES_A_TURN == 0:
                await asyncio.sleep(0)
        cases += [Case(stray, None, self.difference(None, stray, picture, version), None) for stray in strays]
        return cases


def _name(case: Case) -> str:
    return case.kept.name if case.kept is not None else str(case.service_id)
