from uuid import UUID

from netbilld.accounting.usage import MeteredService
from netbilld.services.book_usage import RememberedServices


def service(number: int, billing_day: int = 1) -> MeteredService:
    return MeteredService(UUID(int=number), billing_day, "Asia/Jakarta", UUID(int=2), UUID(int=3), "100001", "IDR")


def test_a_service_is_remembered_until_it_is_told_to_have_changed() -> None:
    services = RememberedServices()
    services.put([service(7), service(8)], services.state)
    assert services.get(7) == service(7)
    services.forget([UUID(int=7)])
    assert services.get(7) is None
    assert services.get(8) == service(8)
    services.forget()
    assert services.get(8) is None


def test_what_was_read_before_a_change_and_arrives_after_it_is_not_kept() -> None:
    services = RememberedServices()
    before = services.state
    services.forget([UUID(int=9)])
    services.put([service(7)], before)
    assert services.get(7) is None


def test_no_more_services_are_remembered_than_allowed() -> None:
    services = RememberedServices(most=2)
    for number in range(1, 10):
        services.put([service(number)], services.state)
    assert services.get(9) == service(9)
    assert sum(services.get(number) is not None for number in range(1, 10)) <= 2
