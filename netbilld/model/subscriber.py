"""Subscriber, service and credential: who owes, one connection, and a name to log in with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from netbilld.model.errors import NotFoundError


class SubscriberStatus(StrEnum):
    ACTIVE = "active"
    TERMINATED = "terminated"


class CredentialKind(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    MAC = "mac"
    CIRCUIT = "circuit"


LOCALES: Final = ("id", "en")  # languages a subscriber is spoken to in
# what is known of a person, apart from number and money
PERSON_FIELDS: Final = ("name", "phone", "email", "address", "area", "locale")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person or company that owes and pays; `number` is digits and never reused."""

    id: UUID
    number: str
    name: str
    phone: str | None
    email: str | None
    address: str | None
    area: str | None
    currency: str
    status: str
    created_at: datetime
    locale: str | None = None  # None: the provider's
    customer_group: str | None = None  # code of the group whose prices it has


@dataclass(frozen=True, slots=True)
class Service:
    """One connection with one plan version.

    `status` is active, suspended, paused or ended; `billing_day` is as wanted (1 to 31); `paid_until_on` is the last
    day a prepaid service is paid for; fees begin on `activated_on`; `installed_on` is known where it came by an import.
    """

    id: UUID
    subscriber_id: UUID
    plan_version_id: UUID
    status: str
    status_reason: str | None
    status_since_at: datetime
    billing_day: int
    timezone: str
    activated_on: date
    paid_until_on: date | None
    static_ip: str | None
    created_at: datetime
    ended_at: datetime | None
    installed_on: date | None = None
    ipv6_prefix: str | None = None  # fixed, in CIDR form
    delegated_prefix: str | None = None
    site: str | None = None  # where it is: a company's invoice is grouped by it
    overrides: Mapping[str, Any] | None = field(default=None, hash=False)  # see billing.overrides


@dataclass(frozen=True, slots=True)
class Credential:
    """A name to log in with; `name_key` is what makes it unique. The secrets are encrypted and stay out of a repr."""

    id: UUID
    service_id: UUID
    kind: str
    name: str
    name_key: str
    password_sealed: bytes | None = field(repr=False)
    nt_hash_sealed: bytes | None = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundService:
    """What a user name leads to, with the code of its plan."""

    subscriber: Subscriber
    service: Service
    credential: Credential
    plan_code: str


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """The newest version of a plan, as far as taking it up needs to know."""

    plan_version_id: UUID
    code: str
    on_sale: bool
    timing: str  # prepaid, postpaid
    currency: str


def password_place(credential_id: UUID) -> str:
    """Return where a sealed password belongs."""
    return f"credential.password:{credential_id}"


def nt_hash_place(credential_id: UUID) -> str:
    """Return where a sealed NT hash belongs."""
    return f"credential.nt_hash:{credential_id}"


def unknown_username(username: str) -> NotFoundError:
    """Return the refusal of a user name that is nobody's."""
    return NotFoundError(f"nobody has the user name {username!r}", hint="`netbilld subscriber list` shows them")
