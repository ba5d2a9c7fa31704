"""Staff passwords."""

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.model.permissions import Role
from netbilld.services.manage_staff import ONE_TIME_ENTROPY_OCTETS, check_password, one_time_password, parse_role


@pytest.mark.parametrize("password", ["", "short", "nine char", "aaaaaaaaaaaa", "Budi@Example.org", "x" * 201])
def test_a_password_that_is_short_or_easy_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_password(password, "budi@example.org")
    assert not password or password not in str(refused.value)


def test_a_one_time_password_is_long_and_easy_to_read_out() -> None:
    first = one_time_password(bytes(range(ONE_TIME_ENTROPY_OCTETS)))
    second = one_time_password(bytes(range(1, ONE_TIME_ENTROPY_OCTETS + 1)))
    assert first != second
    assert check_password(first, "a@b.org") == first
    assert [len(part) for part in first.split("-")] == [5, 5, 5, 5]
    assert not set(first) & set("0O1lIi")


def test_an_unknown_role_is_refused_with_those_there_are() -> None:
    assert parse_role(" Technical ") is Role.TECHNICAL
    with pytest.raises(InvalidInputError, match="admin, technical, accounting, cashier, collector, service, readonly"):
        parse_role("root")
