"""A router swapped for another: the NAS stays who it is, and the old one's sessions end with what is known of them."""

from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.nas import Nas, secret_place
from netbilld.services.manage_nas import NasFields
from netbilld.services.replace_nas import ReplaceNas
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import everywhere, metering, prepared
from tests.people_world import STAFF

SECRET = "the new router's secret"


def replace(database: Database) -> ReplaceNas:
    return ReplaceNas(database, SecretBox(bytes(32)))


async def gate(database: Database) -> Nas:
    async with database.read() as work:
        nas = await work.nas.by_name("gerbang")
    assert nas is not None
    return nas


async def test_a_new_router_takes_the_place_and_what_was_counted_stays(database: Database, tmp_path: Path) -> None:
    """Issue 5, swapping: identity, services and history stay."""
    async with metering(database, tmp_path) as m:
        (budi,) = await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 300, up=10, down=100)
        await m.run()
        async with database.write() as work:
            await work.nas.heard(NAS, T0, reported_ip="10.0.0.1", identifier="RB-OLD", clock_off_seconds=90)
            await work.locks.set(budi.service_id, "nas", [str(NAS)], learned=False, created_at=T0)
        fields = NasFields(address="192.0.2.9", secret=SECRET, api_url="api://netbilld:x@192.0.2.9")
        replaced = await replace(database).handle("gerbang", fields, STAFF, T0)
        assert (replaced.ended_sessions, replaced.warnings) == (1, ())
        nas = await gate(database)
        assert (nas.id, nas.name, nas.address) == (NAS, "gerbang", "192.0.2.9/32")
        assert SecretBox(bytes(32)).open(nas.secret_sealed, secret_place(NAS)) == SECRET.encode()
        assert (nas.reported_ip, nas.identifier, nas.clock_off_seconds, nas.last_heard_at) == (None, None, None, None)
        assert nas.portal_sources == ("10.0.0.0/24",)
        (row,) = await m.rows(sessions)
        assert (row.state, row.terminate_cause, row.stopped_at) == ("closed", "replaced", row.updated_at)
        assert (row.upload_octets, row.download_octets, row.session_seconds) == (10, 100, 300)
        async with database.read() as work:
            assert [lock.shown for lock in await work.locks.of(budi.service_id)] == ["gerbang"]
            newest = max(await work.changes.about("nas", NAS), key=lambda one: one.id)
        assert newest.action == "nas.replace"
        assert newest.details["ended_session_ids"] == [row.id]
        assert newest.details["service_ids"] == [str(budi.service_id)]
        assert SECRET not in str(newest.details)

        # the new router begins its numbers anew
        await m.hear("start", 600, ip="10.0.0.9", source="192.0.2.9")
        await m.hear("interim", 900, up=5, down=50, seconds=300, ip="10.0.0.9", source="192.0.2.9")
        await m.run()
        old, new = await m.rows(sessions)
        assert (old.upload_octets, new.upload_octets, new.stopped_at) == (10, 5, None)
        assert await m.sums() == everywhere(15, 150)


async def test_a_report_that_was_on_its_way_meanwhile_is_still_counted(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 300, up=10, down=100)
        await m.hear("interim", 600, up=20, down=200)
        await m.run()
        await m.hear("interim", 900, up=30, down=300)  # journalled, not yet metered
        await replace(database).handle("gerbang", NasFields(address="192.0.2.9"), STAFF, T0)
        await m.run()
        (row,) = await m.rows(sessions)
        assert (row.state, row.upload_octets) == ("closed", 30)
        assert await m.sums() == everywhere(30, 300)


async def test_what_may_no_longer_fit_is_said(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m)
    replaced = await replace(database).handle("gerbang", NasFields(address="192.0.2.1"), STAFF, T0)
    assert replaced.warnings == ("kept as with the old router: RADIUS secret",)
    assert replaced.ended_sessions == 0


@pytest.mark.parametrize(
    ("name", "fields", "error"),
    [
        ("gerbang", {}, InvalidInputError),
        ("gerbang", {"address": "nowhere"}, InvalidInputError),
        ("gerbang", {"address": "192.0.2.9", "coa_port": 0}, InvalidInputError),
        ("other", {"address": "192.0.2.9"}, NotFoundError),
    ],
)
async def test_a_wrong_field_ends_no_session(
    database: Database, tmp_path: Path, name: str, fields: dict[str, Any], error: type[Exception]
) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.run()
        with pytest.raises(error):
            await replace(database).handle(name, NasFields(**fields), STAFF, T0)
        (row,) = await m.rows(sessions)
        assert row.stopped_at is None
