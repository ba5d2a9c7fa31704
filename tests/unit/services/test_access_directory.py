"""What the directory holds: sealed until somebody logs in, decided when somebody asks, anew when facts change."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan import AfterAllowance, Pools
from netbilld.enforcement.policy import ServiceStatus
from netbilld.model.address_pool import PoolKind
from netbilld.radius.attributes import ACCT_INTERIM_INTERVAL
from netbilld.radius.codes import Code
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import encode_attribute
from netbilld.radius.values import encode_integer
from netbilld.services.access_directory import AccessDirectory, OpenedCredential, SealedCredential
from tests.builders.log_in_desk import Desk, facts
from tests.builders.plans import allowance, plan
from tests.builders.services import GARDEN, NOW, SERVICE_ID, service_facts, used


class CountingBox:
    """Opens what `box` sealed, and counts."""

    def __init__(self, box: SecretBox) -> None:
        self.box = box
        self.opened = 0

    def open(self, sealed: bytes, place: str) -> bytes:
        self.opened += 1
        return self.box.open(sealed, place)


def sealed(box: SecretBox, name: str = "Budi", password: bytes = b"rahasia") -> SealedCredential:
    credential_id = uuid4()
    return SealedCredential(
        credential_id,
        SERVICE_ID,
        "password",
        name,
        name.lower(),
        box.seal(password, f"credential.password:{credential_id}"),
        box.seal(nt_hash(password), f"credential.nt_hash:{credential_id}"),
    )


def directory() -> AccessDirectory:
    return AccessDirectory(GARDEN, 300, "id")


def test_secrets_stay_sealed_until_the_first_log_in_and_are_opened_once(box: SecretBox) -> None:
    known, counting = directory(), CountingBox(box)
    known.put(facts(), NOW)
    known.set_credentials(SERVICE_ID, [sealed(box)], counting)
    assert (len(known), known.name(b"BUDI"), counting.opened) == (1, "Budi", 0)
    view = known.find(b"budi", NOW)
    assert view is not None
    assert (view.password, view.nt_hash) == (b"rahasia", nt_hash(b"rahasia"))
    assert known.find(b"budi", NOW) is view
    known.put(facts(status=ServiceStatus.SUSPENDED), NOW)
    again = known.find(b"budi", NOW)
    assert again is not None
    assert (again.password, again.refusal) == (b"rahasia", "suspended")
    assert counting.opened == 2


def test_a_credential_that_can_not_be_opened_is_refused_and_said_and_costs_nobody_else(
    box: SecretBox, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.put(facts())
    broken = replace(sealed(box), nt_hash_sealed=b"damaged")
    desk.directory.set_credentials(SERVICE_ID, [broken, sealed(box, "Siti")], box)
    assert [desk.log_in(password=password).reason for password in (b"rahasia", b"")] == ["no_password"] * 2
    assert desk.log_in(b"siti").code == Code.ACCESS_ACCEPT
    (line,) = caplog.messages
    assert "'Budi' can't log in" in line


def test_pools_that_come_and_go_change_everybodys_answer_at_once_and_open_no_secret_again(box: SecretBox) -> None:
    known, counting = directory(), CountingBox(box)
    known.put(replace(facts(), plan=replace(facts().plan, pools=Pools(ipv4="Rumah"))), NOW)
    known.set_credentials(SERVICE_ID, [sealed(box)], counting)
    pools: list[str | None] = []
    for names in ([], [(PoolKind.IPV4, "rumah")], [(PoolKind.IPV4, "rumah"), (PoolKind.IPV4, "lain")], []):
        known.use_pools(names)
        view, terms = known.find(b"budi", NOW), known.terms(SERVICE_ID)
        assert view is not None
        assert view.terms is terms
        pools.append(None if terms is None else terms.pool)
    assert pools == [None, "rumah", "rumah", None]
    view = known.find(b"budi", NOW)
    known.use_pools([])
    assert known.find(b"budi", NOW) is view
    assert counting.opened == 2


def test_terms_are_known_of_a_service_that_nobody_has_logged_in_to() -> None:
    known = directory()
    known.put(facts(locks=(("mac", "02:00:00:00:00:01"),)), NOW)
    terms = known.terms(SERVICE_ID)
    assert terms is not None
    assert terms.locks == {"mac": frozenset({"02:00:00:00:00:01"})}
    assert known.terms(UUID(int=1)) is None


@pytest.mark.parametrize(
    ("used_octets", "near_limit", "seconds"),
    [(0, 60, 300), (9 * 10**9, 60, 60), (9 * 10**9, None, 300), (9 * 10**9, 600, 300), (10**10, 60, 300)],
)
def test_who_logs_in_with_little_left_is_told_to_report_more_often(
    used_octets: int, near_limit: int | None, seconds: int
) -> None:
    """10 GB are the limit; the line moves 1.1 GB in five minutes."""
    known = AccessDirectory(GARDEN, 300, "id", near_limit)
    sold = plan(allowance=allowance(AfterAllowance.THROTTLE, 10**10))
    known.put(service_facts(plan=sold, usage=used(0, used_octets)), NOW)
    known.set_credentials(SERVICE_ID, [OpenedCredential(b"budi", "Budi", "password", b"rahasia", b"")])
    view = known.find(b"budi", NOW)
    assert view is not None
    said = encode_attribute(ACCT_INTERIM_INTERVAL, encode_integer(seconds))
    assert view.replies["mikrotik"].count(said[:2]) == view.replies["mikrotik"].count(said) == 1
