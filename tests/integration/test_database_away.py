"""A PostgreSQL that goes away in the midst of a word is a database that is away, whatever the word was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import make_url, text

from netbilld.adapters.database.engine import Database
from netbilld.model.errors import StoreUnavailableError
from tests.postgres import Cluster

pytestmark = pytest.mark.peer


@asynccontextmanager
async def hanging_up_at(word: bytes, port: int) -> AsyncIterator[int]:
    """Give the port of a server that is PostgreSQL until it is asked this; then it hangs up."""
    tasks: set[asyncio.Task[None]] = set()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while (octets := await source.read(65536)) and word not in octets:
                    sink.write(octets)
                    await sink.drain()
            writer.close()
            there_writer.close()

        tasks.update(
            {asyncio.create_task(carry(reader, there_writer)), asyncio.create_task(carry(there_reader, writer))}
        )

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("word", [b"show transaction isolation level", b"BEGIN", b"SELECT 41 + 1", b"COMMIT"])
async def test_a_server_that_hangs_up_in_the_midst_of_a_word_is_away(word: bytes, postgres_cluster: Cluster) -> None:
    with postgres_cluster.database() as url:
        async with hanging_up_at(word, postgres_cluster.port) as port:
            database = Database(make_url(url).set(port=port).render_as_string(hide_password=False))
            try:
                with pytest.raises(StoreUnavailableError):
                    async with database.write() as work:
                        await work.connection.execute(text("SELECT 41 + 1"))
            finally:
                await database.close()
