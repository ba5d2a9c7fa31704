"""Log-in attempts come back from both databases as they were, whatever a NAS has put into them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from netbilld.adapters.database.attempt_row import ATTEMPT_COLUMNS, attempt_row
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import auth_attempts
from netbilld.radius.access import Reason
from netbilld.services.attempt_buffer import LoginAttempt

AT = datetime(2026, 3, 17, 5, 0, 0, 123_457, tzinfo=UTC)
NAS_ID, SERVICE_ID = UUID(int=1), UUID(int=2)
USUAL = LoginAttempt(
    AT, NAS_ID, b"Andi", SERVICE_ID, "pap", "accept", Reason.OK, 150, b"00:11:22:AA:BB:CC", "by the front door"
)
ODD = [
    USUAL,
    USUAL._replace(service_id=None, mac=None, detail=None),
    USUAL._replace(user_name=b"", mac=b"", detail=""),
    USUAL._replace(user_name=b"aa-bb-cc-dd-ee-ff", mac=b"aabb.ccdd.eeff"),
    USUAL._replace(user_name="Adé@isp.id".encode(), detail="ditolak: «penuh»"),
    USUAL._replace(user_name=b"\xff\xfe\0x\0", mac=b"192.0.2.7", detail="a\0b"),
    USUAL._replace(user_name=b"tab\tline\nback\\slash", mac=b"\t\n\\N"),
    USUAL._replace(user_name=b"n" * 253, mac=b"m" * 253, detail="d" * 400),
    USUAL._replace(latency_us=2**40, at=AT.replace(microsecond=999_999)),
    USUAL._replace(at=datetime(1970, 1, 1, tzinfo=UTC), method="eap-peap", result="reject", reason="outside_hours"),
]


@pytest.mark.parametrize("count", [1, 1_700])
async def test_what_is_logged_is_read_back_value_by_value(database: Database, count: int) -> None:
    attempts = [ODD[number % len(ODD)] for number in range(max(count, len(ODD)))]
    async with database.write() as work:
        await work.auth_log.add(attempts)
    table = auth_attempts.c
    query = select(*(table[name] for name in ATTEMPT_COLUMNS)).order_by(table.id)
    async with database.read() as work:
        found = [tuple(row) for row in await work.connection.execute(query)]
    assert found == [attempt_row(attempt) for attempt in attempts]


async def test_a_batch_that_fails_leaves_nothing_behind(database: Database) -> None:
    async with database.write() as work:
        await work.auth_log.add([USUAL])

    async def fail() -> None:
        async with database.write() as work:
            await work.auth_log.add([USUAL._replace(at=AT + timedelta(seconds=1))] * 600)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    async with database.read() as work:
        assert [logged.at for logged in await work.auth_log.list()] == [AT]
