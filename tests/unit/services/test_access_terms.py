"""The terms of access: made of facts, one object for all who have the same."""

from uuid import UUID

from netbilld.billing.plan import SessionLimit
from netbilld.services.access_terms import TermsBook
from netbilld.services.own_pools import NO_NEEDS
from tests.builders.plans import plan
from tests.builders.services import service_facts

ONE = plan(sessions=SessionLimit(1, "refuse"), lock_learn=("mac", "nas"))


def test_a_service_of_a_plan_without_terms_has_none() -> None:
    assert TermsBook().of(service_facts(), NO_NEEDS) is None


def test_several_values_of_a_kind_are_all_allowed_and_what_is_locked_is_not_learned() -> None:
    locked = service_facts(plan=ONE, locks=(("mac", "A"), ("mac", "B"), ("vlan", "7")))
    terms = TermsBook().of(locked, NO_NEEDS)
    assert terms is not None
    assert terms.locks == {"mac": frozenset("AB"), "vlan": frozenset("7")}
    assert terms.learn == frozenset(("nas",))
    assert (terms.sessions_allowed, terms.second_login) == (1, "refuse")


def test_services_of_one_plan_share_their_terms_and_locks_are_a_service_s_own() -> None:
    book = TermsBook()
    one, other = (service_facts(service_id=UUID(int=number), plan=ONE) for number in (1, 2))
    assert book.of(one, NO_NEEDS) is book.of(other, NO_NEEDS)
    mine = service_facts(plan=ONE, locks=(("mac", "A"),))
    assert book.of(mine, NO_NEEDS) is not book.of(one, NO_NEEDS)
