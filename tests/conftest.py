"""Fixtures that every test may use."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from tests import memory, postgres
from tests.migrated import migrate, migrated_file
from tests.peers import missing

# How long an example takes says something of the machine, and of who else works on it.
settings.register_profile("netbilld", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netbilld")

# What waits for minutes comes first, so that it is not what everything waits for at the end. Not all that is heavy:
# two daemons at once leave each other little of two cores.
LONG_FIRST = ("simulation/",)

# Ten thousand databases and journals that wait for a disk at each commit take minutes, and prove nothing more: what
# outlives a process that was killed is the same. (What has to be flushed, and when, is asked of the calls themselves.)
_ROOM_OCTETS = 8 << 30


def pytest_configure() -> None:
    """Have `tmp_path` lie in memory, where that is large enough and nobody has said another place."""
    if memory.has_room(_ROOM_OCTETS):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory.MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first, everything else as it was; each file stays together."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix().rpartition("/tests/")[2]
        return next((at for at, start in enumerate(LONG_FIRST) if path.startswith(start)), len(LONG_FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    if not postgres.available():
        missing("PostgreSQL")
    with postgres.cluster(fsync="off", autovacuum="off", max_connections="60") as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database; each test that takes it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "netbilld.db")
        return
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    with cluster.database() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    return migrated_file()


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: postgres.Cluster) -> str:
    url = postgres_cluster.new_database()
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database with the newest schema and nothing in it."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "netbilld.db")
        yield sqlite_url(tmp_path / "netbilld.db")
        return
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    with cluster.database(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """A migrated database; each test that takes it runs on SQLite and on PostgreSQL."""
    opened = Database(migrated_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def box() -> SecretBox:
    return SecretBox(bytes(range(32)))
