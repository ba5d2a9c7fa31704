"""Makes a report: rows go from the store to the writer one by one, and are summed on their way."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from netbilld.services.reports.table import Control, Source, Span, Sums, Table, Writer

PROGRESS_ROWS: Final = 2_000  # told after each so many
MOST_KEPT: Final = 60  # tables of reports


class Work(Protocol):
    @property
    def reports(self) -> Source: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and whether the ledger agrees."""

    sums: Sums
    controls: Sequence[Control]

    @property
    def is_equal(self) -> bool:
        """Return whether every sum that the ledger knows equals it."""
        return all(control.is_equal for control in self.controls)


Shown = tuple[Sequence[Sequence[Any]], Made]


class MakeReport:
    """Writes reports from one consistent state each; rows are kept by nobody but a writer that has to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # what took long to sum up, with the mark that it holds for; the newest last
        self._kept: OrderedDict[tuple[Table, Span, int], tuple[Hashable, Shown]] = OrderedDict()

    async def run(
        self, table: Table, span: Span, writer: Writer, progress: Callable[[int], None] = lambda _rows: None
    ) -> Made:
        """Write one table; `progress` is told how many rows are done."""
        sums = Sums(table)
        async with self._store.read() as work:
            ledger = await work.reports.ledger(table, span)
            writer.begin(table, span)
            async for cells in work.reports.rows(table, span):
                self._take(cells, sums, writer)
                if sums.rows % PROGRESS_ROWS == 0:
                    progress(sums.rows)
        controls = _controls(sums, ledger)
        writer.end(sums, controls)
        return Made(sums, controls)

    async def first(self, table: Table, span: Span, most: int) -> Shown:
        """Return the first rows, so many at most, with the sums of all and what the ledger says of them.

        What was shown before is shown again while its mark says that nothing it is made of has changed.
        """
        async with self._store.read() as work:
            mark = await work.reports.mark(table)
            kept = self._kept.get((table, span, most))
            if kept is not None and mark is not None and kept[0] == mark:
                return kept[1]
            ledger = await work.reports.ledger(table, span)
            rows, sums = await work.reports.first(table, span, most)
        shown = rows, Made(sums, _controls(sums, ledger))
        if mark is not None:
            self._kept.pop((table, span, most), None)
            self._kept[table, span, most] = mark, shown
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return shown

    @staticmethod
    def _take(cells: Sequence[Any], sums: Sums, writer: Writer) -> None:
        sums.add(cells)
        writer.row(cells)


def _controls(sums: Sums, ledger: Mapping[tuple[str, str], int]) -> list[Control]:
    return [
        Control(what, currency, sums.of(what, currency), ledger_minor)
        for (what, currency), ledger_minor in sorted(ledger.items())
    ]
