"""A database with two plans, and the use cases of people on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from netbilld.adapters.database.changes import Change
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts, credentials, services, subscribers
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan_file import parse_plan
from netbilld.cli.main import main
from netbilld.model.actor import Actor
from netbilld.model.subscriber import FoundService
from netbilld.services.manage_subscribers import Added, ManageSubscribers
from netbilld.services.new_service import Defaults, NewService

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
STAFF = Actor("siti@example.org", "192.0.2.7")
SECRET = "a secret of some length"
DEFAULTS = Defaults("IDR", "Asia/Jakarta")
PLAN = """
code = "{code}"
name = "{code}"
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
throttled = {{ down = "2M", up = "1M" }}
"""


@dataclass(frozen=True)
class People:
    database: Database
    box: SecretBox

    @property
    def manage(self) -> ManageSubscribers:
        return ManageSubscribers(self.database, self.box, DEFAULTS)

    async def add(self, username: str, **fields: Any) -> Added:
        fields = {"plan": "HOME20", "password": "rahasia", **fields}
        return await self.manage.add(NewService(username, **fields), STAFF, NOW)

    async def find(self, username: str) -> FoundService | None:
        async with self.database.read() as work:
            return await work.subscribers.by_credential_name(username)

    async def found(self, username: str) -> FoundService:
        found = await self.find(username)
        assert found is not None, f"{username} leads nowhere"
        return found

    async def changes(self, subscriber_id: UUID) -> Sequence[Change]:
        async with self.database.read() as work:
            return await work.changes.about("subscriber", subscriber_id)

    async def counts(self) -> tuple[int, int, int]:
        """Return how many subscribers, services and credentials there are."""
        async with self.database.read() as work:
            counted = [
                await work.connection.scalar(select(func.count()).select_from(table))
                for table in (subscribers, services, credentials)
            ]
        return int(counted[0] or 0), int(counted[1] or 0), int(counted[2] or 0)

    async def balance(self, code: str) -> int | None:
        async with self.database.read() as work:
            balance: int | None = await work.connection.scalar(
                select(accounts.c.balance_minor).where(accounts.c.code == code)
            )
            return balance


async def with_plans(database: Database, box: SecretBox, *codes: str) -> People:
    async with database.write() as work:
        for code in codes:
            definition = parse_plan(PLAN.format(code=code), f"{code}.toml", "IDR")
            await work.plans.add(uuid4(), uuid4(), definition, at=NOW, actor="test")
    return People(database, box)


class CommandLine:
    """Runs commands in this process against one data directory."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main(words)
        self.out, self.err = self._capture.readouterr()
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0, self.err
        return json.loads(self.out)

    def refused(self, *words: str) -> str:
        """Return the one line that a refusal is."""
        assert self(*words) == 1, self.out
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("netbilld: ")
        return lines[0]
