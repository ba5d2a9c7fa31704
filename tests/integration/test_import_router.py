"""A router's own accounts taken over, turned off and on again, over the API of a fake router, in either database."""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import plan_versions
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_accounts import RouterosAccounts
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import RefusedError
from netbilld.ports.local_accounts import RouterRefusalError
from netbilld.services.import_router import ImportRouter, RouterImport
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.router_rows import parse_map
from netbilld.services.switch_local_accounts import Switching, SwitchLocalAccounts
from tests.people_world import DEFAULTS, NOW, SECRET, STAFF, People, with_plans
from tests.routeros.fake_router import FakeRouter


@pytest.fixture
async def people(database: Database, box: SecretBox) -> People:
    people = await with_plans(database, box, "HOME20", "HOME50")
    await ManageNas(database, box).add(NasFields("gate", "192.0.2.1", SECRET), STAFF, NOW)
    return people


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as router:
        router.store["/ppp/aaa"].only.values["use-radius"] = "true"
        router.store["/radius"].add({"service": "ppp,hotspot", "address": "192.0.2.10", "secret": "x"})
        yield router


class Town:
    """A router and what is done with it."""

    def __init__(self, people: People, router: FakeRouter) -> None:
        address = parse_api_address(router.url)
        assert address is not None
        self.people, self.router = people, router
        self.connection = RouterosConnection(
            address,
            timeout_seconds=5,
            monotonic=time.monotonic,
            jitter=lambda: secrets.randbelow(10) / 10,
            errors="surrogateescape",
        )
        self.accounts = RouterosAccounts(self.connection)
        self.undo: list[str] = []

    def secret(self, name: str, password: str = "rahasia", profile: str = "HOME20", **more: str) -> None:
        said = {name.replace("_", "-"): value for name, value in more.items()}
        self.router.store["/ppp/secret"].add({"name": name, "password": password, "profile": profile, **said})

    async def take_over(
        self, *, dry_run: bool = False, plans: Sequence[str] = (), encoding: str = "cp1252", now: datetime = NOW
    ) -> RouterImport:
        importing = ImportSubscribers(self.people.database, self.people.box, DEFAULTS, due_days=10)
        return await ImportRouter(self.people.database, importing, self.accounts, DEFAULTS.timezone).run(
            "gate",
            parse_map(plans),
            STAFF,
            now,
            encoding=encoding,
            billing_day=None,
            progress=lambda _: None,
            dry_run=dry_run,
        )

    @property
    def switching(self) -> SwitchLocalAccounts:
        return SwitchLocalAccounts(self.people.database, self.people.box, self.accounts)

    async def turn_off(self, most: int = 50, *, dry_run: bool = False) -> Switching:
        return await self.switching.disable("gate", most, STAFF, NOW, undo=self.undo.extend, dry_run=dry_run)

    async def heard(self) -> None:
        async with self.people.database.write() as work:
            nas = await work.nas.by_name("gate")
            assert nas is not None
            await work.nas.heard(nas.id, datetime(2026, 11, 22, tzinfo=UTC))

    def off(self) -> list[str]:
        table = self.router.store["/ppp/secret"]
        return [row["name"] for _, row in table.rows() if row["disabled"] == "true"]


@pytest.fixture
async def town(people: People, router: FakeRouter) -> AsyncIterator[Town]:
    town = Town(people, router)
    yield town
    town.connection.close()


async def test_secrets_and_hotspot_users_become_subscribers_and_only_once(town: Town) -> None:
    """Issue 5, moving in."""
    town.secret("budi", comment="Budi Santoso", caller_id="AA:BB:CC:00:00:01", remote_address="10.9.0.7")
    town.secret("1001", "no", "50M", comment="Café Ünal", remote_address="pool-50", disabled="yes")
    town.secret("siti", profile="default")
    town.router.store["/ip/hotspot/user"].add(
        {"name": "voucher1", "password": "v", "profile": "HOME20", "limit-uptime": "1h"}
    )
    plans = ["50M=HOME50"]
    tried = await town.take_over(dry_run=True, plans=plans)
    assert await town.people.counts() == (0, 0, 0)
    done = await town.take_over(plans=plans)
    for found in (tried, done):
        assert (found.accounts, found.imported, found.suspended, found.known) == (4, 3, 1, 0)
        assert [(one.name, one.reason.partition(";")[0]) for one in found.left_out] == [
            ("siti", "profile 'default' has no plan")
        ]
        assert [name for name, _ in found.notes] == ["1001", "voucher1"]
        assert {(use.profile, use.accounts, use.plan) for use in found.profiles} == {
            ("HOME20", 2, "HOME20"), ("50M", 1, "HOME50"), ("default", 1, None),
        }  # fmt: skip
    budi, numbered = await town.people.found("budi"), await town.people.found("1001")
    assert (budi.subscriber.name, budi.service.static_ip, budi.service.status) == ("Budi Santoso", "10.9.0.7", "active")
    assert (numbered.subscriber.name, numbered.plan_code) == ("Café Ünal", "HOME50")
    assert (numbered.service.status, numbered.service.status_reason) == ("suspended", "disabled on the router")
    async with town.people.database.read() as work:
        (lock,) = await work.locks.of(budi.service.id)
    assert (lock.kind, lock.value, lock.learned) == ("mac", "AA:BB:CC:00:00:01", False)
    again = await town.take_over(plans=plans)
    assert (again.imported, again.known, len(again.left_out)) == (0, 3, 1)
    assert (await town.people.counts())[1] == 3


async def test_a_plan_that_is_sold_from_today_on_is_sold_at_the_providers_midnight(town: Town) -> None:
    async with town.people.database.write() as work:
        await work.connection.execute(update(plan_versions).values(effective_on=date(2026, 11, 23)))
    town.secret("budi")
    evening = datetime(2026, 11, 22, 16, 59, tzinfo=UTC)
    assert (await town.take_over(now=evening)).imported == 0
    assert (await town.take_over(now=evening + timedelta(minutes=1))).imported == 1


async def test_a_user_without_rights_is_said_before_anything_goes_in(town: Town, people: People) -> None:
    """Issue 5, bad input: an API user without rights."""
    town.secret("budi")
    group = town.router.store["/user/group"].where(name="full")[0]
    group.values["policy"] = "read,write,api"
    with pytest.raises(RefusedError, match="shows no passwords") as refused:
        await town.take_over()
    assert "sensitive" in str(refused.value)
    group.values["policy"] = "api"
    town.connection.close()
    with pytest.raises(RouterRefusalError, match="not enough permissions"):
        await town.take_over()
    assert await people.counts() == (0, 0, 0)


async def test_accounts_are_turned_off_in_batches_with_an_undo_and_on_again(town: Town) -> None:
    for name in ("budi", "siti", "tono"):
        town.secret(name)
    town.secret("lama", disabled="yes")
    await town.take_over()
    town.secret("unknown")
    await town.heard()
    tried = await town.turn_off(2, dry_run=True)
    assert ([one.name for one in tried.done], town.off(), town.undo) == (["budi", "siti"], ["lama"], [])
    first = await town.turn_off(2)
    assert [one.name for one in first.done] == ["budi", "siti"]
    assert (first.waiting, first.already) == (1, 1)
    assert [(name, reason) for _, name, reason in first.left_out] == [("unknown", "nobody here has that user name")]
    assert town.off() == ["budi", "siti", "lama"]
    assert town.undo == [f'/ppp secret enable [find name="{name}"]' for name in ("budi", "siti")]
    assert [one.name for one in (await town.turn_off(2)).done] == ["tono"]
    assert (await town.turn_off()).done == []
    back = await town.switching.enable("gate", STAFF, NOW)
    assert sorted(one.name for one in back.done) == ["budi", "siti", "tono"]
    assert town.off() == ["lama"]  # which nobody here has turned off
    assert (await town.switching.enable("gate", STAFF, NOW)).done == []


async def test_whoever_could_not_log_in_here_keeps_the_account(town: Town) -> None:
    for name in ("budi", "siti", "tono"):
        town.secret(name)
    await town.take_over()
    await town.heard()
    await town.people.manage.suspend("siti", None, STAFF, NOW)
    town.router.store["/ppp/secret"].where(name="tono")[0].values["password"] = "another"
    result = await town.turn_off()
    assert [one.name for one in result.done] == ["budi"]
    assert {name: reason for _, name, reason in result.left_out} == {
        "siti": "its service here is suspended",
        "tono": "the password here is another one: its modem could not log in",
    }


@pytest.mark.parametrize("fault", ["use-radius", "no server", "never heard"])
async def test_nobody_is_locked_out_of_a_router_that_does_not_ask_here(town: Town, fault: str) -> None:
    town.secret("budi")
    await town.take_over()
    if fault == "use-radius":
        town.router.store["/ppp/aaa"].only.values["use-radius"] = "false"
    elif fault == "no server":
        town.router.store["/radius"].where()[0].values["service"] = "hotspot,login"
    if fault != "never heard":
        await town.heard()
    with pytest.raises(RefusedError, match="they could not log in"):
        await town.turn_off()
    assert (town.off(), town.undo) == ([], [])


async def test_a_comment_in_an_old_code_page_becomes_a_name(town: Town) -> None:
    town.secret("ivan", comment="Иван".encode("cp1251").decode("utf-8", "surrogateescape"))
    await town.take_over(encoding="cp1251")
    assert (await town.people.found("ivan")).subscriber.name == "Иван"


async def test_what_was_turned_off_is_in_the_audit_trail(town: Town) -> None:
    town.secret("budi")
    await town.take_over()
    await town.heard()
    await town.turn_off()
    async with town.people.database.read() as work:
        nas: Any = await work.nas.by_name("gate")
        newest = max(await work.changes.about("nas", nas.id), key=lambda one: one.id)
    assert (newest.action, newest.actor, newest.details["accounts"]) == ("nas.local.disable", STAFF.name, ["ppp budi"])
