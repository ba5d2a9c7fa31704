"""After an interruption a node decides on everybody anew for what others may have told meanwhile, if there are others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from netbilld.daemon.nodes import Nodes
from netbilld.daemon.settings import Settings
from netbilld.model.errors import StoreUnavailableError

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
OURS, OTHER = UUID(int=1), UUID(int=2)


class _Store:
    """The table of nodes, in a database that may be away."""

    is_sqlite = False

    def __init__(self, *node_ids: UUID) -> None:
        self.nodes = self
        self.away = 0
        self.lines = [SimpleNamespace(id=one, name=str(one), is_there=False, started_at=NOW) for one in node_ids]

    @asynccontextmanager
    async def read(self) -> AsyncIterator["_Store"]:
        if self.away:
            self.away -= 1
            raise StoreUnavailableError("away")
        yield self

    async def all(self) -> list[Any]:
        return self.lines


async def _decided(store: _Store, tmp_path: Path, times: int = 1) -> list[Any]:
    """Return what was decided on after an interruption."""
    asked: list[Any] = []

    async def run(service_ids: Any, cause: str, now: datetime) -> list[UUID]:
        asked.append((service_ids, cause, now))
        return []

    clock: Any = SimpleNamespace(now=lambda: NOW)
    database: Any = store
    nodes = Nodes(Settings.model_validate({"data_dir": tmp_path}), database, clock, OURS)
    entitle: Any = SimpleNamespace(run=run)
    orders: Any = SimpleNamespace(take=None, nudge=lambda _ids: None)
    directory: Any = None
    nodes.connect(directory, entitle, orders)
    assert nodes.news is not None
    nodes.news.on_gap()
    for _ in range(times):
        with suppress(TimeoutError, StoreUnavailableError):
            async with asyncio.timeout(0.05):
                await nodes.loops()["doubts"]()
    return asked


@pytest.mark.parametrize("others", [(), (OTHER,)])
async def test_everybody_is_decided_on_anew_only_where_somebody_else_may_have_told_something(
    tmp_path: Path, others: tuple[UUID, ...]
) -> None:
    assert await _decided(_Store(OURS, *others), tmp_path) == [(None, "start", NOW)] * len(others)


async def test_an_interruption_is_not_forgotten_while_the_database_is_away(tmp_path: Path) -> None:
    store = _Store(OURS, OTHER)
    store.away = 1
    assert await _decided(store, tmp_path, times=3) == [(None, "start", NOW)]
