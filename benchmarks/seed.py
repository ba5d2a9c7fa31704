"""Fills fresh databases with the same numbered subscribers, in bulk, for the load clients."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import insert

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, nas, plan_versions, plans, services, subscribers
from netbilld.adapters.secretbox import SecretBox, read_key_file
from netbilld.billing.plan_file import parse_plan
from netbilld.radius.mschap import challenge_hash, challenge_response, nt_hash
from netbilld.radius.values import lookup_key

SECRET = "a-benchmark-secret"
PLAN = """
code = "BENCH20"
name = "Bench 20 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "300GB"
after = "throttle"
throttled = { down = "2M", up = "1M" }
"""
CHUNK = 5_000
FREERADIUS_SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql")

_TABLES = (
    (subscribers, ("id", "number", "name", "currency", "status", "created_at")),
    (
        services,
        (
            "id", "subscriber_id", "plan_version_id", "status", "status_since_at", "billing_day", "timezone",
            "activated_on", "created_at",
        ),
    ),
    (
        credentials,
        ("id", "service_id", "kind", "name", "name_key", "password_sealed", "nt_hash_sealed", "created_at"),
    ),
)  # fmt: skip


def name_and_password(number: int) -> tuple[str, str]:
    """Return what a numbered subscriber logs in with."""
    return f"user{number:06d}", f"pass{number:06d}"


async def seed_database(
    database_url: str, key_file: Path, count: int, sources: Sequence[str], plan: str = PLAN
) -> None:
    """Add a NAS for each source, one plan, and `count` subscribers."""
    box = read_key_file(key_file)
    database = Database(database_url)
    now, plan_id, version_id = datetime.now(UTC), uuid4(), uuid4()
    definition = parse_plan(plan, "bench.toml", "IDR")
    try:
        async with database.write() as work:
            run = work.connection.execute
            await run(insert(nas), [_nas(number, source, box, now) for number, source in enumerate(sources)])
            await run(
                insert(plans).values(id=plan_id, code="BENCH20", code_key="bench20", on_sale=True, created_at=now)
            )
            await run(
                insert(plan_versions).values(
                    id=version_id,
                    plan_id=plan_id,
                    version=1,
                    name="Bench 20 Mbps",
                    definition=definition,
                    created_at=now,
                    actor="bench",
                )
            )
        for start in range(0, count, CHUNK):
            rows = [_rows(number, version_id, now, box) for number in range(start, min(start + CHUNK, count))]
            async with database.write() as work:
                for position, (table, columns) in enumerate(_TABLES):
                    await insert_rows(work.connection, table, columns, [row[position] for row in rows])
        if not database.is_sqlite:  # as autovacuum would a minute later, and in the midst of what is measured
            async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                await connection.exec_driver_sql("VACUUM ANALYZE")
    finally:
        await database.close()


def _nas(number: int, source: str, box: SecretBox, now: datetime) -> dict[str, Any]:
    nas_id = uuid4()
    return {
        "id": nas_id,
        "name": f"nas{number}",
        "name_key": f"nas{number}",
        "address": source,
        "secret_sealed": box.seal(SECRET.encode(), f"nas.secret:{nas_id}"),
        "vendor": "mikrotik",
        "coa_port": 3799,
        "require_message_authenticator": "auto",
        "swap_octets": False,
        "portal_sources": [],
        "created_at": now,
    }


def _rows(number: int, version_id: UUID, now: datetime, box: SecretBox) -> tuple[tuple[Any, ...], ...]:
    subscriber_id, service_id, credential_id = uuid4(), uuid4(), uuid4()
    name, password = name_and_password(number)
    activated_on = (now + timedelta(days=31)).date()  # there is nothing to invoice, or that would be measured too
    return (
        (subscriber_id, str(500_000 + number), name, "IDR", "active", now),
        (service_id, subscriber_id, version_id, "active", now, 1, "Asia/Jakarta", activated_on, now),
        (
            credential_id,
            service_id,
            "password",
            name,
            lookup_key(name.encode()).decode(),
            box.seal(password.encode(), f"credential.password:{credential_id}"),
            box.seal(nt_hash(password.encode()), f"credential.nt_hash:{credential_id}"),
            now,
        ),
    )


async def seed_freeradius(dsn: str, count: int, reply: Sequence[tuple[str, str]]) -> None:
    """Give FreeRADIUS's own schema the same subscribers, all in one group that says the reply."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        await connection.execute(FREERADIUS_SCHEMA.read_text())  # noqa: ASYNC240 - nothing else goes on
        names = [name_and_password(number) for number in range(count)]
        await connection.copy_records_to_table(
            "radcheck",
            records=[(name, "Cleartext-Password", ":=", password) for name, password in names],
            columns=["username", "attribute", "op", "value"],
        )
        await connection.copy_records_to_table(
            "radusergroup",
            records=[(name, "bench20", 1) for name, _ in names],
            columns=["username", "groupname", "priority"],
        )
        await connection.copy_records_to_table(
            "radgroupreply",
            records=[("bench20", attribute, ":=", value.strip('"')) for attribute, value in reply],
            columns=["groupname", "attribute", "op", "value"],
        )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def write_responses(path: Path, count: int) -> None:
    """Write what MS-CHAPv2 sends for each subscriber: 16 octets of challenge, 50 of MS-CHAP2-Response."""
    with path.open("wb") as file:
        for name, password in map(name_and_password, range(count)):
            challenge, peer = hashlib.md5(name.encode()).digest(), hashlib.md5(password.encode()).digest()
            hashed = challenge_hash(peer, challenge, name.encode())
            response = challenge_response(hashed, nt_hash(password))
            file.write(challenge + b"\0\0" + peer + bytes(8) + response)
