"""The schema as Python has it, apart from any migration."""

import subprocess
import sys

from sqlalchemy import create_engine, inspect, text

from netbilld.adapters.database.tables import metadata

LIMITED = {
    "uq_services_static_ip": "ended_at IS NULL",
    "uq_nas_name_key": "removed_at IS NULL",
    "uq_nas_address": "removed_at IS NULL",
    "ix_sessions_open": "stopped_at IS NULL AND framed_ip IS NOT NULL",
    "ix_sessions_open_nas": "stopped_at IS NULL",
}


def test_an_index_of_some_rows_is_made_as_one() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        made = {row.name: row.sql for row in connection.execute(text("SELECT name, sql FROM sqlite_schema"))}
        assert inspect(connection).get_table_names()
    engine.dispose()
    for name, where in LIMITED.items():
        assert made[name].endswith(f"WHERE {where}")


def test_a_command_on_sqlite_does_not_load_the_other_dialect() -> None:
    """Start-up time: the PostgreSQL dialect takes longer to load than a command takes to run."""
    said = "import sys, netbilld.cli.commands.payment_command, netbilld.adapters.database.enforcement, netbilld.cli.context"
    said += "; print([name for name in sys.modules if name.startswith(('sqlalchemy.dialects.postgresql', 'asyncpg'))])"
    finished = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
