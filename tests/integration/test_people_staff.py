"""Staff, the first admin and the key, in either database."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, select

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, logins
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff
from netbilld.services.initialise import add_first_staff, tie_key, verify_key
from netbilld.services.manage_staff import ManageStaff, NewStaff, OwnProfile, StaffChanges
from tests.people_world import NOW, STAFF

LATER = NOW + timedelta(hours=1)
PASSWORD = "a long enough pass"


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def manage(database: Database, passwords: Argon2Passwords) -> ManageStaff:
    return ManageStaff(database, passwords)


async def add(manage: ManageStaff, email: str, role: str = "admin") -> Staff:
    return (await manage.add(NewStaff(email, PASSWORD, role), STAFF, NOW))[0]


async def found(database: Database, email: str) -> Staff:
    async with database.read() as work:
        member = await work.staff.by_email(email)
    assert member is not None
    return member


async def sign_in(database: Database, member: Staff, *tokens: str) -> None:
    async with database.write() as work:
        for token in tokens:
            await work.connection.execute(
                insert(logins).values(
                    token_hash=token, realm="panel", staff_id=member.id, csrf_token="c", origin="x",
                    created_at=NOW, last_seen_at=NOW, expires_at=LATER,
                )
            )  # fmt: skip


async def tokens(database: Database) -> set[str]:
    async with database.read() as work:
        return set(await work.connection.scalars(select(logins.c.token_hash)))


async def test_staff_are_kept_with_an_argon2id_hash(manage: ManageStaff, database: Database) -> None:
    member = await add(manage, "Siti@Example.org", "technical")
    kept = await found(database, "siti@example.org")
    assert kept == member
    assert (kept.role, kept.active, kept.must_change_password) == (Role.TECHNICAL, True, False)
    assert kept.password_hash.startswith("$argon2id$")
    assert PASSWORD not in kept.password_hash
    assert kept.password_hash not in repr(kept)
    with pytest.raises(RefusedError, match="already"):
        await add(manage, "SITI@example.org")


async def test_the_same_idempotency_key_adds_once(manage: ManageStaff) -> None:
    new = NewStaff("siti@example.org", PASSWORD, "cashier")
    first = await manage.add(new, STAFF, NOW, "k1")
    again = await manage.add(new, STAFF, LATER, "k1")
    assert (first[0].id, first[1], again[1]) == (again[0].id, False, True)


@pytest.mark.parametrize(
    ("email", "password", "role"),
    [("nope", PASSWORD, "admin"), ("a@b.org", "short", "admin"), ("a@b.org", PASSWORD, "root")],
)
async def test_a_wrong_field_adds_nobody(
    manage: ManageStaff, database: Database, email: str, password: str, role: str
) -> None:
    with pytest.raises(InvalidInputError):
        await manage.add(NewStaff(email, password, role), STAFF, NOW)
    async with database.read() as work:
        assert await work.staff.count() == 0


async def test_the_last_active_admin_stays_one(manage: ManageStaff, database: Database) -> None:
    await add(manage, "siti@example.org")
    await add(manage, "budi@example.org", "technical")
    for change in (StaffChanges(role="readonly"), StaffChanges(active=False)):
        with pytest.raises(RefusedError, match="last active admin"):
            await manage.set("siti@example.org", change, STAFF, LATER)
    await manage.set("budi@example.org", StaffChanges(role="admin"), STAFF, LATER)
    assert await manage.set("siti@example.org", StaffChanges(active=False), STAFF, LATER) == ["active"]
    assert not (await found(database, "siti@example.org")).active


async def test_two_admins_can_not_demote_one_another_at_once(manage: ManageStaff, database: Database) -> None:
    emails = ("siti@example.org", "budi@example.org")
    for email in emails:
        await add(manage, email)
    outcomes = await asyncio.gather(
        *(manage.set(email, StaffChanges(role="readonly"), STAFF, LATER) for email in emails), return_exceptions=True
    )
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 1
    roles = {(await found(database, email)).role for email in emails}
    assert roles == {Role.ADMIN, Role.READONLY}


@pytest.mark.parametrize("change", [StaffChanges(password=PASSWORD + "2"), StaffChanges(role="cashier")])
async def test_a_new_password_or_role_signs_out_everywhere(
    manage: ManageStaff, database: Database, change: StaffChanges
) -> None:
    await add(manage, "siti@example.org")
    budi = await add(manage, "budi@example.org")
    await sign_in(database, budi, "t1", "t2")
    await manage.set("budi@example.org", change, STAFF, LATER)
    assert await tokens(database) == set()
    with pytest.raises(NotFoundError):
        await manage.set("nobody@example.org", change, STAFF, LATER)


async def test_everybody_changes_their_own_password(
    manage: ManageStaff, database: Database, passwords: Argon2Passwords
) -> None:
    """ICON-10: the old password is required, the new one works, other sessions end, and it is written down."""
    member = await add(manage, "siti@example.org", "cashier")
    await sign_in(database, member, "mine", "other")
    new = "an even longer pass"
    with pytest.raises(RefusedError, match="old password"):
        await manage.change_own_password(member.id, "wrong", new, STAFF, LATER)
    with pytest.raises(InvalidInputError, match="old one"):
        await manage.change_own_password(member.id, PASSWORD, PASSWORD, STAFF, LATER)
    await manage.change_own_password(member.id, PASSWORD, new, STAFF, LATER, keep_token_hash="mine")
    kept = await found(database, "siti@example.org")
    assert await passwords.verify(kept.password_hash, new)
    assert not await passwords.verify(kept.password_hash, PASSWORD)
    assert await tokens(database) == {"mine"}
    async with database.read() as work:
        change = (await work.changes.about("staff", member.id))[0]
    assert (change.action, change.actor, change.details["fields"]) == ("staff.set", STAFF.name, {"password": "changed"})


async def test_everybody_changes_their_own_name_and_with_the_password_their_e_mail(
    manage: ManageStaff, database: Database
) -> None:
    """ICON-9: name and e-mail persist, the old address is nobody's afterwards, and it is written down."""
    member = await add(manage, "siti@example.org", "cashier")
    await add(manage, "budi@example.org")
    assert await manage.change_own_profile(member.id, OwnProfile(" Siti A. ", "siti@example.org"), STAFF, LATER) == [
        "name"
    ]
    for password in ("", "another pass"):
        with pytest.raises(RefusedError, match="current password"):
            await manage.change_own_profile(member.id, OwnProfile("S", "aminah@example.org", password), STAFF, LATER)
    for taken in ("budi@example.org", "BUDI@example.org"):
        with pytest.raises(RefusedError, match="already"):
            await manage.change_own_profile(member.id, OwnProfile("S", taken, PASSWORD), STAFF, LATER)
    for wrong in (OwnProfile(" ", "siti@example.org"), OwnProfile("S", "siti", PASSWORD)):
        with pytest.raises(InvalidInputError):
            await manage.change_own_profile(member.id, wrong, STAFF, LATER)
    moved = OwnProfile("Siti A.", "Aminah@Example.org", PASSWORD)
    assert await manage.change_own_profile(member.id, moved, STAFF, LATER) == ["email"]
    assert await manage.change_own_profile(member.id, moved, STAFF, LATER) == []
    kept = await found(database, "aminah@example.org")
    assert (kept.id, kept.name, kept.email, kept.role) == (member.id, "Siti A.", "Aminah@Example.org", Role.CASHIER)
    with pytest.raises(AssertionError):
        await found(database, "siti@example.org")
    async with database.read() as work:
        query = select(changes.c.details).where(changes.c.action == "staff.set").order_by(changes.c.id)
        lines = list(await work.connection.scalars(query))
    assert lines == [
        {"email": "siti@example.org", "fields": {"name": ["siti", "Siti A."]}},
        {"email": "siti@example.org", "fields": {"email": ["siti@example.org", "Aminah@Example.org"]}},
    ]


async def test_a_collector_with_another_e_mail_stays_that_collector(manage: ManageStaff, database: Database) -> None:
    """BANG-2.5: cash that somebody records is theirs to hand over, whatever they are written to."""
    member = await add(manage, "asep@example.org", "collector")
    async with database.write() as work:
        await work.collectors.add("asep", "Asep", "asep@example.org", LATER)
    await manage.change_own_profile(member.id, OwnProfile("Asep", "asep@desa.example", PASSWORD), STAFF, LATER)
    async with database.read() as work:
        assert await work.collectors.of_staff("asep@desa.example") == "asep"
    await manage.set("asep@desa.example", StaffChanges(email="asep@kota.example"), STAFF, LATER)
    async with database.read() as work:
        assert await work.collectors.of_staff("asep@kota.example") == "asep"


async def test_a_one_time_password_must_be_changed(manage: ManageStaff, database: Database) -> None:
    member = await add(manage, "siti@example.org")
    await manage.set("siti@example.org", StaffChanges(password="1" + PASSWORD, one_time=True), STAFF, LATER)
    assert (await found(database, "siti@example.org")).must_change_password
    await manage.change_own_password(member.id, "1" + PASSWORD, PASSWORD, STAFF, LATER)
    assert not (await found(database, "siti@example.org")).must_change_password


async def test_the_first_admin_is_made_once(database: Database, passwords: Argon2Passwords) -> None:
    first = await add_first_staff(database, passwords, STAFF, NOW, entropy)
    assert first is not None
    assert first.password is not None
    kept = await found(database, "admin@localhost")
    assert (kept.role, kept.must_change_password) == (Role.ADMIN, True)
    assert await passwords.verify(kept.password_hash, first.password)
    assert first.password not in repr(first)
    assert await add_first_staff(database, passwords, STAFF, NOW, entropy) is None


async def test_a_database_is_tied_to_one_key(database: Database, box: SecretBox) -> None:
    other = SecretBox(bytes(32))
    with pytest.raises(NetbilldError, match="netbilld init"):
        await verify_key(database, box)
    await tie_key(database, box)
    await tie_key(database, box)
    await verify_key(database, box)
    for tie in (tie_key, verify_key):
        with pytest.raises(NetbilldError, match="another key"):
            await tie(database, other)
    await verify_key(database, box)
