import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema, current_version, newest_version, upgrade
from netbilld.adapters.database.tables import metadata
from netbilld.model.errors import NetbilldError

PARTITIONED = ("usage_slices", "usage_hours", "accounting_records")


def _differences(connection: Connection) -> list[object]:
    partitions = {
        name
        for name in inspect(connection).get_table_names()
        if name.removesuffix("_default") in PARTITIONED and name not in PARTITIONED
    }

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name not in partitions

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_lead_to_the_tables_the_program_uses(database: Database) -> None:
    async with database.write() as work:
        assert await work.connection.run_sync(_differences) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert await upgrade(database) == []
    assert await current_version(database) == newest_version()


async def test_a_database_without_a_schema_is_refused_with_the_next_command(database_url: str) -> None:
    empty = Database(database_url)
    try:
        with pytest.raises(NetbilldError, match="netbilld init"):
            await check_schema(empty)
    finally:
        await empty.close()


async def test_a_schema_newer_than_the_program_is_refused(database: Database) -> None:
    async with database.write() as work:
        await work.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NetbilldError, match="newer"):
        await check_schema(database)
