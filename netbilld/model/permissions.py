"""Who on the staff may do what: one frozen table, asked by every page and verb of the panel."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Permission(StrEnum):
    """One right. To view is to read and export; to edit is to add, change and remove."""

    VIEW_SUBSCRIBERS = "view_subscribers"
    EDIT_SUBSCRIBERS = "edit_subscribers"  # add, change, suspend, resume, terminate
    VIEW_USAGE = "view_usage"  # sessions, octets, log-in attempts, enforcement
    CONTROL_SESSIONS = "control_sessions"  # disconnect, repeat an order to a NAS
    VIEW_PLANS = "view_plans"
    EDIT_PLANS = "edit_plans"
    VIEW_MONEY = "view_money"  # invoices, payments, wallets, amounts due
    RECORD_PAYMENTS = "record_payments"
    EDIT_MONEY = "edit_money"  # invoice runs, credit notes, corrections
    VIEW_NETWORK = "view_network"  # NAS without their secrets
    EDIT_NETWORK = "edit_network"  # NAS with their secrets
    VIEW_COMPLAINTS = "view_complaints"  # complaints, work orders, outages of areas
    EDIT_COMPLAINTS = "edit_complaints"  # take in, assign, work on, close
    VIEW_CHATS = "view_chats"  # what subscribers write to us and are answered, amounts among it
    EDIT_CHATS = "edit_chats"  # answer them
    REVEAL_IDENTITY = "reveal_identity"  # an identity number (NIK) in full; each look is audited
    VIEW_AUDIT = "view_audit"
    MANAGE_STAFF = "manage_staff"  # staff, tokens, webhooks
    MANAGE_SETTINGS = "manage_settings"  # what the whole installation goes by


class Role(StrEnum):
    ADMIN = "admin"
    TECHNICAL = "technical"
    ACCOUNTING = "accounting"
    CASHIER = "cashier"
    COLLECTOR = "collector"
    SERVICE = "service"  # customer service: the desk and the telephone
    READONLY = "readonly"


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.TECHNICAL: frozenset(
            {
                Permission.VIEW_SUBSCRIBERS,
                Permission.EDIT_SUBSCRIBERS,
                Permission.VIEW_USAGE,
                Permission.CONTROL_SESSIONS,
                Permission.VIEW_PLANS,
                Permission.VIEW_NETWORK,
                Permission.EDIT_NETWORK,
                Permission.VIEW_COMPLAINTS,
                Permission.EDIT_COMPLAINTS,
            }
        ),
        Role.ACCOUNTING: frozenset(
            {
                Permission.VIEW_SUBSCRIBERS,
                Permission.EDIT_SUBSCRIBERS,
                Permission.VIEW_USAGE,
                Permission.VIEW_PLANS,
                Permission.EDIT_PLANS,
                Permission.VIEW_MONEY,
                Permission.RECORD_PAYMENTS,
                Permission.EDIT_MONEY,
                Permission.VIEW_CHATS,
                Permission.EDIT_CHATS,
                Permission.REVEAL_IDENTITY,  # tax documents carry it
                Permission.VIEW_AUDIT,
            }
        ),
        Role.CASHIER: frozenset({Permission.VIEW_SUBSCRIBERS, Permission.VIEW_MONEY, Permission.RECORD_PAYMENTS}),
        Role.COLLECTOR: frozenset({Permission.VIEW_SUBSCRIBERS, Permission.VIEW_MONEY, Permission.RECORD_PAYMENTS}),
        Role.SERVICE: frozenset(
            {
                Permission.VIEW_SUBSCRIBERS,
                Permission.EDIT_SUBSCRIBERS,
                Permission.VIEW_USAGE,
                Permission.VIEW_PLANS,
                Permission.VIEW_MONEY,
                Permission.VIEW_COMPLAINTS,
                Permission.EDIT_COMPLAINTS,
                Permission.VIEW_CHATS,
                Permission.EDIT_CHATS,
            }
        ),
        Role.READONLY: frozenset(
            {
                Permission.VIEW_SUBSCRIBERS,
                Permission.VIEW_USAGE,
                Permission.VIEW_PLANS,
                Permission.VIEW_MONEY,
                Permission.VIEW_NETWORK,
                Permission.VIEW_COMPLAINTS,
                Permission.VIEW_CHATS,
            }
        ),
    }
)


def allowed(role: Role, permission: Permission) -> bool:
    """Tell whether that role has that right."""
    return permission in PERMISSIONS[role]
