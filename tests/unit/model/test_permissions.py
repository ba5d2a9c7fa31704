"""Roles and rights."""

import pytest

from netbilld.model.permissions import PERMISSIONS, Permission, Role, allowed


def test_every_role_has_its_row_in_the_table() -> None:
    """BANG-2.7d: several access levels exist."""
    assert set(PERMISSIONS) == set(Role)


def test_an_admin_may_do_everything() -> None:
    assert all(allowed(Role.ADMIN, permission) for permission in Permission)


@pytest.mark.parametrize("permission", [Permission.VIEW_MONEY, Permission.EDIT_MONEY, Permission.RECORD_PAYMENTS])
def test_technical_staff_see_no_money(permission: Permission) -> None:
    """BANG-2.7e."""
    assert not allowed(Role.TECHNICAL, permission)


def test_accounting_can_not_touch_nas_secrets() -> None:
    """BANG-2.7e."""
    assert not allowed(Role.ACCOUNTING, Permission.EDIT_NETWORK)


def test_a_cashier_takes_payments_and_corrects_none() -> None:
    assert allowed(Role.CASHIER, Permission.RECORD_PAYMENTS)
    assert not allowed(Role.CASHIER, Permission.EDIT_MONEY)


def test_readonly_staff_change_nothing() -> None:
    assert {permission.value.split("_")[0] for permission in PERMISSIONS[Role.READONLY]} == {"view"}


def test_only_an_admin_manages_staff() -> None:
    assert [role for role in Role if allowed(role, Permission.MANAGE_STAFF)] == [Role.ADMIN]


def test_nobody_can_widen_the_table() -> None:
    with pytest.raises(TypeError):
        PERMISSIONS[Role.READONLY] = frozenset(Permission)  # type: ignore[index]  # that it can't be written is the test
