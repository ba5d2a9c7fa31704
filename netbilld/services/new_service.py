"""A new service as it is asked for, made ready to store: subscriber, service and credentials, secrets sealed."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID, uuid4

from netbilld.model.periods import local_date
from netbilld.model.subscriber import (
    Credential,
    CredentialKind,
    PlanOffer,
    Service,
    Subscriber,
    SubscriberStatus,
    nt_hash_place,
    password_place,
)
from netbilld.radius.mschap import nt_hash
from netbilld.services.fixed_addresses import parse_fixed_prefix
from netbilld.services.subscriber_fields import (
    LONGEST_NAME,
    check_password,
    clean_text,
    credential_kind,
    name_key,
    optional_email,
    optional_locale,
    optional_phone,
    optional_text,
    parse_billing_day,
    parse_mac,
    parse_static_ip,
    parse_username,
)


class Sealer(Protocol):
    """What encrypts a secret for its place in the store."""

    def seal(self, clear: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new subscriber or service takes from the settings."""

    currency: str
    timezone: str


@dataclass(frozen=True, slots=True)
class NewService:
    """What `subscriber add`, a form or a row of an import asks for, as written; empty text counts as not given.

    `of` is the number of the subscriber it is for; without it a new subscriber is made.
    """

    username: str
    plan: str
    password: str | None = field(default=None, repr=False)
    of: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    area: str | None = None
    locale: str | None = None
    mac: str | None = None
    ip: str | None = None
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    billing_day: str | int | None = None
    active_until_on: date | None = None
    activated_on: date | None = None  # None: today
    installed_on: date | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedService:
    """A NewService whose every field is right by itself."""

    username: str
    kind: CredentialKind
    password: str | None = field(repr=False)
    plan: str
    of: str | None
    name: str | None
    phone: str | None
    email: str | None
    address: str | None
    area: str | None
    locale: str | None
    mac: str | None
    ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    billing_day: int
    active_until_on: date | None
    activated_on: date
    installed_on: date | None
    customer_group: str | None = None

    @property
    def fixed(self) -> tuple[str | None, ...]:
        """Return what is to be fixed for it: address, prefix of its link, prefix of its network."""
        return (self.ip, self.ipv6_prefix, self.delegated_prefix)

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name to log in with."""
        return (self.username, self.mac) if self.mac is not None else (self.username,)


def check(new: NewService, defaults: Defaults, now: datetime) -> CheckedService:
    """Return the request with its fields normalised; the billing day is the day of activation unless given.

    Raises:
        InvalidInputError: the first field that is wrong, by name.
    """
    username = parse_username(new.username)
    password = check_password(new.password) if new.password else None
    kind = credential_kind(username, has_password=password is not None)
    mac = parse_mac(new.mac) if new.mac else None
    if mac is not None and name_key(username) == name_key(mac):
        mac = None  # the user name is the MAC address already
    activated_on = new.activated_on or local_date(now, defaults.timezone)
    given_day = new.billing_day not in {None, ""}
    return CheckedService(
        username=username,
        kind=kind,
        password=password,
        plan=clean_text("plan", new.plan, 64),
        of=new.of or None,
        name=optional_text("name", new.name, LONGEST_NAME),
        phone=optional_phone(new.phone),
        email=optional_email(new.email),
        address=optional_text("address", new.address, 1000),
        area=optional_text("area", new.area, 100),
        locale=optional_locale(new.locale),
        mac=mac,
        ip=parse_static_ip(new.ip) if new.ip else None,
        ipv6_prefix=parse_fixed_prefix("IPv6 prefix", new.ipv6_prefix) if new.ipv6_prefix else None,
        delegated_prefix=(
            parse_fixed_prefix("delegated prefix", new.delegated_prefix) if new.delegated_prefix else None
        ),
        billing_day=parse_billing_day(new.billing_day or "") if given_day else activated_on.day,
        active_until_on=new.active_until_on,
        activated_on=activated_on,
        installed_on=new.installed_on,
        customer_group=optional_text("group", new.group, 64),
    )


def make_subscriber(checked: CheckedService, number: str, defaults: Defaults, now: datetime) -> Subscriber:
    """Return the subscriber of a checked request; without a name the user name serves."""
    return Subscriber(
        id=uuid4(),
        number=number,
        name=checked.name or checked.username[:LONGEST_NAME],
        phone=checked.phone,
        email=checked.email,
        address=checked.address,
        area=checked.area,
        currency=defaults.currency,
        status=SubscriberStatus.ACTIVE.value,
        created_at=now,
        locale=checked.locale,
        customer_group=checked.customer_group,
    )


def make_service(
    checked: CheckedService, subscriber_id: UUID, offer: PlanOffer, defaults: Defaults, now: datetime
) -> Service:
    """Return the service of a checked request, active from now on."""
    return Service(
        id=uuid4(),
        subscriber_id=subscriber_id,
        plan_version_id=offer.plan_version_id,
        status="active",
        status_reason=None,
        status_since_at=now,
        billing_day=checked.billing_day,
        timezone=defaults.timezone,
        activated_on=checked.activated_on,
        paid_until_on=checked.active_until_on,
        static_ip=checked.ip,
        created_at=now,
        ended_at=None,
        installed_on=checked.installed_on,
        ipv6_prefix=checked.ipv6_prefix,
        delegated_prefix=checked.delegated_prefix,
    )


def make_credentials(checked: CheckedService, service_id: UUID, box: Sealer, now: datetime) -> list[Credential]:
    """Return the user name, and the MAC address where one came beside it."""
    made = [make_credential(service_id, checked.kind, checked.username, checked.password, box, now)]
    if checked.mac is not None:
        made.append(make_credential(service_id, CredentialKind.MAC, checked.mac, None, box, now))
    return made


def make_credential(
    service_id: UUID, kind: CredentialKind, name: str, password: str | None, box: Sealer, now: datetime
) -> Credential:
    """Return a credential with its password sealed, and the NT hash of it, which MS-CHAP needs."""
    credential_id = uuid4()
    return Credential(
        id=credential_id,
        service_id=service_id,
        kind=kind.value,
        name=name,
        name_key=name_key(name),
        **sealed_password(credential_id, password, box),
        created_at=now,
    )


def sealed_password(credential_id: UUID, password: str | None, box: Sealer) -> dict[str, bytes | None]:
    """Return the two columns that hold a password, by name."""
    if password is None:
        return {"password_sealed": None, "nt_hash_sealed": None}
    return {
        "password_sealed": box.seal(password.encode(), password_place(credential_id)),
        "nt_hash_sealed": box.seal(nt_hash(password), nt_hash_place(credential_id)),
    }
