"""The first cause that `explain` names, for each cause of the issue, from real rows in both databases."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.explain import Explanation, State
from netbilld.model.address_pool import AddressPool, PoolKind
from netbilld.radius.realms import Realms
from netbilld.services.explain import Explain
from netbilld.services.explain_words import Teller
from tests.enforcement_world import FUP, GARDEN, NOW, PERIOD_START, POLICY, World

QUOTA: Final = FUP.replace('after = "throttle"\nthrottled = { down = "2M", up = "1M" }', 'after = "wall"')
PER_USE: Final = """
code = "FUP"
name = "Bayar Sesuai Pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "10M"
up = "5M"
[usage]
price_per_gb = 3000
"""
HOURS: Final = FUP + '\n[hours]\nallowed = ["daily 18:00-24:00"]\n'
PREPAID: Final = """
code = "FUP"
name = "Bulanan"
timing = "prepaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "10M"
up = "5M"
"""
MAC: Final = "48:8F:5A:11:22:33"
OTHER_MAC: Final = "48:8F:5A:99:99:99"


@dataclass
class Scene:
    """A provider with one subscriber, `budi`, on one NAS that is well."""

    world: World
    nas_id: UUID
    service_id: UUID
    realms: tuple[str, ...] = ()
    told: dict[str, Any] | None = field(default_factory=lambda: {"names": [], "sources": []})

    async def attempt(self, reason: str, seconds_ago: float = 30, **changes: Any) -> None:
        values = {
            "at": NOW - timedelta(seconds=seconds_ago),
            "nas_id": self.nas_id,
            "username": "budi",
            "username_key": "budi",
            "service_id": self.service_id,
            "method": "mschapv2",
            "result": "accept" if reason == "ok" else "reject",
            "reason": reason,
            "latency_us": 300,
            "mac": MAC,
        }
        await self.put(tables.auth_attempts, **(values | changes))

    async def put(self, table: Any, **values: Any) -> None:
        async with self.world.database.write() as work:
            await work.connection.execute(insert(table).values(**values))

    async def session(self, seconds_silent: float = 20, **changes: Any) -> int:
        values = {
            "started_at": NOW - timedelta(hours=2),
            "updated_at": NOW - timedelta(seconds=seconds_silent),
            "interval_seconds": 300,
            "mac": MAC,
        }
        return await self.world.log_in(self.nas_id, self.service_id, "budi", with_class=False, **(values | changes))

    async def heard(self, at: datetime | None) -> None:
        await self.world.set(tables.nas, tables.nas.c.id == self.nas_id, last_heard_at=at)

    def drop(self, reason: str, *, named: bool = True, nas: str | None = "pop1", seconds_ago: float = 10) -> None:
        assert self.told is not None
        line = {
            "reason": reason,
            "source": "192.0.2.1",
            "nas": nas,
            "port": "auth",
            "count": 7,
            "last_at": (NOW - timedelta(seconds=seconds_ago)).isoformat(),
        }
        self.told["sources"].append(line)
        if named:
            self.told["names"].append(line)

    async def explain(self, username: str = "budi") -> Explanation:
        async def ask(names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
            del names, nas
            return self.told

        service = Explain(
            self.world.database,
            POLICY,
            GARDEN,
            ask,
            realms=Realms.of(self.realms),
            interim_seconds=300,
            silent_after_seconds=900,
        )
        explained = await service.run(username, NOW)
        for locale in ("id", "en"):  # every check can be said, and nothing is left open in what is said
            for check in explained.checks:
                said = Teller(locale, "Asia/Jakarta", "IDR").say(check)
                assert said.text
                assert "{" not in said.text + said.action
                assert check.state != State.BLOCKING or said.action
        return explained


async def scene_of(database: Database, box: SecretBox, plan: str = FUP) -> Scene:
    world = await World(database, box).open(plan)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799, last_heard_at=NOW - timedelta(seconds=5))
    service_id = await world.add_service("budi", paid_until_on=date(2025, 4, 9))
    await world.wallet(service_id, 50_000)
    return Scene(world, nas_id, service_id)


Arrange = Callable[[Scene], Awaitable[None]]


async def _wrong_password(scene: Scene) -> None:
    await scene.attempt("wrong_password")


async def _wrong_method(scene: Scene) -> None:
    await scene.world.set(tables.credentials, tables.credentials.c.service_id == scene.service_id, password_sealed=None)
    await scene.attempt("wrong_method_stored", method="chap")


async def _suspended(scene: Scene) -> None:
    await scene.world.set(
        tables.services, tables.services.c.id == scene.service_id, status="suspended", status_reason="Modem dicuri"
    )
    await scene.attempt("suspended")


async def _overdue(scene: Scene) -> None:
    await scene.world.invoice(scene.service_id, date(2025, 3, 1))
    await scene.attempt("ok")


async def _wallet_empty(scene: Scene) -> None:
    await scene.world.set(tables.accounts, tables.accounts.c.code.like("wallet:%"), balance_minor=0)
    await scene.attempt("no_credit")


async def _expired(scene: Scene) -> None:
    await scene.world.set(tables.services, tables.services.c.id == scene.service_id, paid_until_on=date(2025, 3, 16))
    await scene.attempt("expired")


async def _quota(scene: Scene) -> None:
    await scene.world.use(scene.service_id, 10**9, PERIOD_START)
    await scene.attempt("ok")


async def _limit_real(scene: Scene) -> None:
    await scene.session(mac=OTHER_MAC)
    await scene.attempt("session_limit")


async def _limit_ghost(scene: Scene) -> None:
    await scene.session(seconds_silent=800, mac=OTHER_MAC, state="late")
    await scene.attempt("session_limit")


async def _limit_own_ghost(scene: Scene) -> None:
    await scene.session(mac=MAC)  # it reported lately, but the very same device dials again
    await scene.attempt("session_limit")


async def _mac_lock(scene: Scene) -> None:
    await scene.put(
        tables.service_locks, service_id=scene.service_id, kind="mac", value=OTHER_MAC, learned=True, created_at=NOW
    )
    await scene.attempt("mac_lock")


async def _nas_not_allowed(scene: Scene) -> None:
    other = await scene.world.add_nas("pop2", "192.0.2.2", 3799)
    await scene.put(
        tables.service_locks, service_id=scene.service_id, kind="nas", value=str(other), learned=False, created_at=NOW
    )
    await scene.attempt("nas_not_allowed")


async def _hours(scene: Scene) -> None:
    await scene.attempt("outside_hours", detail="open mon 18:00-24:00; came Mon 12:00")


async def _pool_full(scene: Scene) -> None:
    pool = AddressPool(uuid4(), "Rumah", "rumah", PoolKind.IPV4, "10.9.0.0/30", 32, (), NOW)
    async with scene.world.database.write() as work:
        await work.addresses.add(pool)
    for number in range(pool.size):
        await scene.put(
            tables.address_leases, pool_id=pool.id, address=pool.address(number), service_id=scene.service_id,
            nas_id=scene.nas_id, taken_at=NOW,
        )  # fmt: skip
    await scene.attempt("pool_full", detail="pool Rumah is full")


async def _wrong_secret(scene: Scene) -> None:
    await scene.attempt("ok", seconds_ago=86_400)
    scene.drop("bad_message_authenticator")


async def _wrong_secret_of_the_nas(scene: Scene) -> None:
    """The name itself was not read out of a packet, but its NAS is believed no more."""
    await scene.attempt("ok", seconds_ago=86_400)
    await scene.heard(NOW - timedelta(seconds=600))
    scene.drop("bad_message_authenticator", named=False)


async def _wrong_secret_by_password(scene: Scene) -> None:
    """PAP without Message-Authenticator: a wrong secret is only seen in passwords that come out as rubbish."""
    for name in ("siti", "agus", "dewi"):
        await scene.attempt("wrong_password", 60, method="pap", username=name, username_key=name, service_id=None)
    await scene.attempt("wrong_password", method="pap")


async def _missing_message_authenticator(scene: Scene) -> None:
    await scene.attempt("ok", seconds_ago=86_400)
    scene.drop("message_authenticator_missing")


async def _unknown_address(scene: Scene) -> None:
    scene.drop("unknown_client", nas=None)


async def _silent(scene: Scene) -> None:
    await scene.session(seconds_silent=7200, state="stale")
    await scene.heard(NOW - timedelta(hours=2))


async def _coa_refused(scene: Scene) -> None:
    """Paid and due again, but the NAS keeps the session inside the walls."""
    session_id = await scene.session()
    await scene.attempt("ok", seconds_ago=7_200)
    await scene.put(
        tables.observed, session_id=session_id, service_id=scene.service_id, access="walled", profile_key="x",
        evidence="login", observed_at=NOW,
    )  # fmt: skip
    await scene.put(
        tables.enforcement_attempts, service_id=scene.service_id, session_id=session_id, nas_id=scene.nas_id,
        action="coa", access="active", reason="ok", profile_key="y", due_at=NOW, sent_at=NOW, answered_at=NOW,
        outcome="nacked", error_cause=401,
    )  # fmt: skip
    await scene.put(
        tables.pending_orders, session_id=session_id, service_id=scene.service_id, profile_key="y", attempts=2,
        next_attempt_at=NOW + timedelta(seconds=30), coa_refused=True,
    )  # fmt: skip


CAUSES: Final[dict[str, tuple[str, str, str, Arrange]]] = {
    "wrong password": ("password", "wrong_password", FUP, _wrong_password),
    "wrong method stored": ("password", "wrong_method_stored", FUP, _wrong_method),
    "suspended": ("account", "suspended", FUP, _suspended),
    "overdue": ("money", "overdue", FUP, _overdue),
    "wallet empty": ("money", "wallet_empty", PER_USE, _wallet_empty),
    "prepaid period over": ("plan", "expired", PREPAID, _expired),
    "quota used up": ("quota", "quota_used_up", QUOTA, _quota),
    "session limit (real)": ("sessions", "session_limit", FUP, _limit_real),
    "session limit (ghost)": ("sessions", "session_limit_ghost", FUP, _limit_ghost),
    "session limit (the device's own ghost)": ("sessions", "session_limit_ghost", FUP, _limit_own_ghost),
    "MAC lock": ("lock", "mac_lock", FUP, _mac_lock),
    "NAS not allowed": ("lock", "nas_not_allowed", FUP, _nas_not_allowed),
    "hours": ("plan", "outside_hours", HOURS, _hours),
    "pool full": ("pool", "pool_full", FUP, _pool_full),
    "wrong NAS secret": ("nas", "wrong_nas_secret", FUP, _wrong_secret),
    "wrong NAS secret, told by its other packets": ("nas", "wrong_nas_secret", FUP, _wrong_secret_of_the_nas),
    "wrong NAS secret, PAP": ("nas", "wrong_nas_secret", FUP, _wrong_secret_by_password),
    "Message-Authenticator missing": (
        "nas", "message_authenticator_missing", FUP, _missing_message_authenticator,
    ),
    "address of no NAS": ("nas", "nas_address_unknown", FUP, _unknown_address),
    "NAS silent": ("nas", "nas_silent", FUP, _silent),
    "last CoA refused": ("coa", "coa_refused", FUP, _coa_refused),
}  # fmt: skip


@pytest.mark.parametrize("words", CAUSES, ids=[words.replace(" ", "-") for words in CAUSES])
async def test_the_first_cause_is_named(database: Database, box: SecretBox, words: str) -> None:
    check, cause, plan, arrange = CAUSES[words]
    scene = await scene_of(database, box, plan)
    await arrange(scene)
    explained = await scene.explain()
    first = explained.first
    assert first is not None, [(one.name.value, one.cause) for one in explained.checks]
    assert (first.name, first.cause) == (check, cause)
    assert explained.verdict == "blocked"


async def test_an_unknown_user_is_named_and_a_similar_name_is_suggested(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await scene.world.add_service("budi.santoso", "siti")
    await scene.attempt("unknown_user", username="budi.santso", username_key="budi.santso", service_id=None)
    explained = await scene.explain("budi.santso")
    assert explained.first is not None
    assert (explained.first.name, explained.first.cause) == ("account", "unknown_user")
    assert explained.similar[0] == "budi.santoso"
    assert "budi.santoso?" in Teller("id", "Asia/Jakarta", "IDR").say(explained.first).text


async def test_a_name_with_a_realm_too_many_finds_the_name_without(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    assert (await scene.explain("budi@rumahnet")).similar == ("budi",)


async def test_a_name_with_a_realm_of_ours_leads_to_its_service_and_its_attempts(
    database: Database, box: SecretBox
) -> None:
    scene = await scene_of(database, box)
    scene.realms = ("*",)
    await scene.attempt("wrong_password", username="budi@rumahnet", username_key="budi@rumahnet")
    for name in ("budi", "budi@rumahnet"):
        first = (await scene.explain(name)).first
        assert first is not None
        assert first.cause == "wrong_password"


async def test_a_scanner_on_the_internet_is_nobodys_cause(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await scene.heard(NOW - timedelta(seconds=300))
    await scene.attempt("ok", seconds_ago=86_400)
    scene.drop("unknown_client", nas=None, named=False)
    assert (await scene.explain()).first is not None
    nas = next(check for check in (await scene.explain()).checks if check.name == "nas")
    assert nas.state == State.OK


async def test_someone_online_has_nothing_against_them(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await scene.session()
    await scene.attempt("ok", seconds_ago=7_200)
    explained = await scene.explain()
    assert explained.first is None
    assert explained.verdict == "online"


async def test_a_modem_that_does_not_dial_is_the_link(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await scene.session(stopped_at=NOW - timedelta(hours=1), state="closed", terminate_cause="Lost-Carrier")
    explained = await scene.explain()
    assert explained.first is not None
    assert (explained.first.name, explained.first.cause) == ("link", "not_dialling")
    assert "Lost-Carrier" in Teller("en", "Asia/Jakarta", "IDR").say(explained.first).text


async def test_an_accepted_log_in_without_a_session_says_that_accounting_is_off(
    database: Database, box: SecretBox
) -> None:
    scene = await scene_of(database, box)
    await scene.attempt("ok", seconds_ago=200)
    explained = await scene.explain()
    assert explained.first is not None
    assert explained.first.cause == "accepted_without_session"


async def test_a_password_changed_since_is_not_held_against_anyone(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await scene.attempt("wrong_password", seconds_ago=300)
    async with database.read() as work:
        found = await work.subscribers.by_credential_name("budi")
    assert found is not None
    await scene.put(
        tables.changes, at=NOW - timedelta(seconds=60), actor="ani", origin="cli", action="subscriber.set",
        entity="subscriber", entity_id=str(found.subscriber.id),
        details={"service_ids": [str(scene.service_id)], "fields": {"password": "changed"}},
    )  # fmt: skip
    password = next(check for check in (await scene.explain()).checks if check.name == "password")
    assert (password.state, password.cause) == (State.UNKNOWN, "password_changed_since")


async def test_one_wrong_password_on_a_nas_that_lets_others_in_is_no_wrong_secret(
    database: Database, box: SecretBox
) -> None:
    scene = await scene_of(database, box)
    for name in ("siti", "agus", "dewi"):
        await scene.attempt("wrong_password", 60, method="pap", username=name, username_key=name, service_id=None)
    await scene.attempt("ok", 50, method="pap", username="eko", username_key="eko", service_id=None)
    await scene.attempt("wrong_password", method="pap")
    first = (await scene.explain()).first
    assert first is not None
    assert first.cause == "wrong_password"


async def test_drops_before_the_nas_was_believed_again_are_history(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    scene.drop("bad_message_authenticator", seconds_ago=1800)
    await scene.attempt("wrong_password", seconds_ago=60)
    first = (await scene.explain()).first
    assert first is not None
    assert first.cause == "wrong_password"


async def test_without_a_daemon_what_was_dropped_is_unknown(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    scene.told = None
    await scene.world.set(tables.nas, tables.nas.c.id == scene.nas_id, removed_at=NOW)
    nas = next(check for check in (await scene.explain()).checks if check.name == "nas")
    assert (nas.state, nas.cause) == (State.UNKNOWN, "nas_not_known_daemon_away")


async def test_a_mac_lock_that_was_reset_no_longer_blocks(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    await _mac_lock(scene)
    async with database.write() as work:
        await work.connection.execute(update(tables.service_locks).values(value=MAC))
    lock = next(check for check in (await scene.explain()).checks if check.name == "lock")
    assert (lock.state, lock.cause) == (State.WARNING, "lock_reset_since")


async def test_the_checks_come_in_their_order(database: Database, box: SecretBox) -> None:
    scene = await scene_of(database, box)
    assert [check.name.value for check in (await scene.explain()).checks] == [
        "account", "password", "plan", "money", "quota", "sessions", "lock", "pool", "nas", "link", "coa",
    ]  # fmt: skip
