"""Fills a fresh database with numbered subscribers, in bulk, for the load client."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import insert

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, nas, plan_versions, plans, services, subscribers
from netbilld.adapters.secretbox import SecretBox, read_key_file
from netbilld.billing.plan_file import parse_plan
from netbilld.radius.mschap import nt_hash
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
CHUNK = 2_000


async def seed_database(database_url: str, key_file: Path, count: int) -> None:
    """Add one NAS (127.0.0.0/8), one plan and `count` subscribers userNNNNNN with passwords passNNNNNN."""
    box = read_key_file(key_file)
    database = Database(database_url)
    now, nas_id, plan_id, version_id = datetime.now(UTC), uuid4(), uuid4(), uuid4()
    try:
        async with database.write() as work:
            run = work.connection.execute
            await run(
                insert(nas).values(
                    id=nas_id,
                    name="bench",
                    name_key="bench",
                    address="127.0.0.0/8",
                    secret_sealed=box.seal(SECRET.encode(), f"nas.secret:{nas_id}"),
                    vendor="mikrotik",
                    coa_port=3799,
                    require_message_authenticator="auto",
                    swap_octets=False,
                    portal_sources=[],
                    created_at=now,
                )
            )
            await run(
                insert(plans).values(id=plan_id, code="BENCH20", code_key="bench20", on_sale=True, created_at=now)
            )
            await run(
                insert(plan_versions).values(
                    id=version_id,
                    plan_id=plan_id,
                    version=1,
                    name="Bench 20 Mbps",
                    definition=parse_plan(PLAN, "bench.toml", "IDR"),
                    created_at=now,
                    actor="bench",
                )
            )
        for start in range(0, count, CHUNK):
            rows = [_rows(number, version_id, now, box) for number in range(start, min(start + CHUNK, count))]
            async with database.write() as work:
                for position, table in enumerate((subscribers, services, credentials)):
                    await work.connection.execute(insert(table), [row[position] for row in rows])
    finally:
        await database.close()


def _rows(number: int, version_id: UUID, now: datetime, box: SecretBox) -> tuple[dict[str, object], ...]:
    subscriber_id, service_id, credential_id = uuid4(), uuid4(), uuid4()
    name, password = f"user{number:06d}", f"pass{number:06d}"
    return (
        {
            "id": subscriber_id,
            "number": str(500_000 + number),
            "name": name,
            "currency": "IDR",
            "status": "active",
            "created_at": now,
        },
        {
            "id": service_id,
            "subscriber_id": subscriber_id,
            "plan_version_id": version_id,
            "status": "active",
            "status_since_at": now,
            "billing_day": 1,
            "timezone": "Asia/Jakarta",
            "activated_on": date(2026, 1, 1),
            "created_at": now,
        },
        {
            "id": credential_id,
            "service_id": service_id,
            "kind": "password",
            "name": name,
            "name_key": lookup_key(name.encode()).decode(),
            "password_sealed": box.seal(password.encode(), f"credential.password:{credential_id}"),
            "nt_hash_sealed": box.seal(nt_hash(password.encode()), f"credential.nt_hash:{credential_id}"),
            "created_at": now,
        },
    )
