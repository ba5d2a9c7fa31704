"""Whatever a database that is away makes the driver say, services hear one error."""

from pathlib import Path
from unittest import mock

import asyncpg
import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.model.errors import StoreUnavailableError
from tests.peers import free_tcp_port


async def _read(url: str) -> None:
    database = Database(url)
    try:
        async with database.read():
            pass
    finally:
        await database.close()


async def test_a_port_nobody_listens_on() -> None:
    with pytest.raises(StoreUnavailableError, match="can't be reached"):
        await _read(f"postgresql+asyncpg://netbilld@127.0.0.1:{free_tcp_port()}/netbilld")


async def test_a_socket_file_that_is_gone_with_its_server(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="can't be reached"):
        await _read(f"postgresql+asyncpg://netbilld@/netbilld?host={tmp_path}")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_server_that_comes_goes_is_full_or_hangs(error: Exception) -> None:
    with mock.patch("asyncpg.connect", side_effect=error), pytest.raises(StoreUnavailableError):
        await _read("postgresql+asyncpg://netbilld@127.0.0.1/netbilld")


async def test_after_abandon_nothing_begins(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    database.abandon()
    with pytest.raises(StoreUnavailableError):
        async with database.write():
            pass
    await database.close()


async def test_no_parameter_of_a_statement_is_in_an_error(tmp_path: Path) -> None:
    """Errors end in logs, and parameters may be what nobody should read there."""
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    with pytest.raises(Exception, match="no such table") as caught:
        async with database.write() as work:
            await work.connection.exec_driver_sql("INSERT INTO nowhere VALUES (?)", ("a secret",))
    await database.close()
    assert "a secret" not in str(caught.value)
