"""The connection by which nodes tell each other, on a network that forgets it."""

import asyncio
from urllib.parse import urlsplit

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.daemon import node_news
from netbilld.daemon.node_news import NodeNews
from netbilld.model.errors import StoreUnavailableError
from tests.node_world import Wire, through

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_who_only_listens_notices_that_nothing_comes_through_and_looks_at_everybody_again(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_news, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(node_news, "ANSWER_SECONDS", 0.5)
    port = urlsplit(migrated_url).port
    assert port is not None
    with Wire(port) as wire:
        database = Database(through(migrated_url, wire))
        news, gaps = NodeNews(database), asyncio.Queue[None]()
        news.on_gap = lambda: gaps.put_nowait(None)
        async with asyncio.timeout(30):
            first = asyncio.ensure_future(news.run())
            await gaps.get()  # what was told before anybody listened is missed too
            wire.cut()
            with pytest.raises(ExceptionGroup) as told:
                await first
            assert told.group_contains(StoreUnavailableError)
            wire.mend()
            second = asyncio.ensure_future(news.run())
            await gaps.get()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await database.close()
