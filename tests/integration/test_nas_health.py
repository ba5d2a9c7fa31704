"""What the store knows of a NAS that is examined, on SQLite and PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.manage_plans import ManagePlans
from tests.panel_fixture import NOW, PLANS, SYSTEM, PanelWorld

POOLED = PLANS["PAKAI"].replace("PAKAI", "POOLED") + '[address]\npool = "rumah"\n'


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


async def test_a_reading_of_ours_is_not_the_word_of_the_nas(world: PanelWorld) -> None:
    nas_id, other_id = await world.nas(), await world.nas("other", "192.0.2.2/32")
    began_at = NOW - timedelta(hours=2)
    told: dict[str, Any] = {"started_at": began_at, "updated_at": NOW, "session_seconds": 600, "interval_seconds": 300}
    await world.session(nas_id, None, **told)
    await world.session(nas_id, None, **told, ahead_download_octets=7, nas_source="192.0.2.99")
    await world.session(nas_id, None, **told, stopped_at=NOW, state="closed")
    await world.session(other_id, None, **told)
    async with world.database.read() as work:
        found = await work.nas_health.sessions(nas_id)
        assert [sample.heard_at for sample in found] == [began_at + timedelta(seconds=600), NOW]  # the newest first
        assert {(sample.started_at, sample.interval_seconds) for sample in found} == {(began_at, 300)}
        assert await work.nas_health.open_sessions(nas_id) == 2
        assert await work.nas_health.source(nas_id) == "192.0.2.99"


async def test_pools_are_those_of_plans_on_sale_and_of_plans_that_somebody_still_has(world: PanelWorld) -> None:
    await world.plans()
    manage = ManagePlans(world.database, "IDR")
    await manage.add(POOLED, "pooled.toml", actor=SYSTEM, now=NOW)
    async with world.database.read() as work:
        assert await work.nas_health.plan_pools() == {"rumah"}
    await world.person("budi", plan="POOLED")
    later = POOLED.replace("rumah", "baru")
    await manage.set("POOLED", toml_text=later, source_name="pooled.toml", on_sale=None, actor=SYSTEM, now=NOW)
    async with world.database.read() as work:
        assert await work.nas_health.plan_pools() == {"rumah", "baru"}
