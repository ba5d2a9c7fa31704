"""What ties a NAS to its certificate is kept in one form, belongs to one NAS, and can be taken away."""

from datetime import UTC, datetime

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.manage_nas import ManageNas, NasFields

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
STAFF = Actor("siti@example.org", "192.0.2.7")
SECRET = "a-secret-of-the-tests"


@pytest.fixture
def manage(database: Database) -> ManageNas:
    return ManageNas(database, SecretBox(bytes(32)))


async def test_a_binding_is_set_changed_and_taken_away(manage: ManageNas) -> None:
    added = await manage.add(NasFields("pop1", "192.0.2.1", SECRET, radsec_name="POP1.example.net."), STAFF, NOW)
    assert added.nas.radsec_name == "pop1.example.net"
    fingerprint = ":".join(["AB"] * 32)
    changed = await manage.set("pop1", NasFields(radsec_name=fingerprint), STAFF, NOW)
    assert changed.nas.radsec_name == "ab" * 32
    assert changed.changed == ("radsec_name",)
    same = await manage.set("pop1", NasFields(radsec_name="ab" * 32), STAFF, NOW)
    assert same.changed == ()
    freed = await manage.set("pop1", NasFields(radsec_name=""), STAFF, NOW)
    assert freed.nas.radsec_name is None
    with pytest.raises(InvalidInputError, match="the certificate name 'two words' is not allowed"):
        await manage.set("pop1", NasFields(radsec_name="two words"), STAFF, NOW)


async def test_a_certificate_is_one_nas_s_but_any_may_be_many_s(manage: ManageNas) -> None:
    await manage.add(NasFields("pop1", "192.0.2.1", SECRET, radsec_name="pop1.example.net"), STAFF, NOW)
    await manage.add(NasFields("pop2", "192.0.2.2", SECRET), STAFF, NOW)
    with pytest.raises(RefusedError, match="NAS 'pop1' is bound to the certificate"):
        await manage.set("pop2", NasFields(radsec_name="POP1.example.net"), STAFF, NOW)
    for name in ("pop1", "pop2"):
        kept = await manage.set(name, NasFields(radsec_name="*"), STAFF, NOW)
        assert kept.nas.radsec_name == "*"
    await manage.set("pop1", NasFields(radsec_name="pop1.example.net"), STAFF, NOW)
    await manage.remove("pop1", STAFF, NOW)
    moved = await manage.set("pop2", NasFields(radsec_name="pop1.example.net"), STAFF, NOW)
    assert moved.nas.radsec_name == "pop1.example.net"
