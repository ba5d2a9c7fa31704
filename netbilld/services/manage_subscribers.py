"""Adding, changing, suspending, resuming and terminating subscribers and their services."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.billing.terms import StopKind
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import (
    PERSON_FIELDS,
    Credential,
    CredentialKind,
    FoundService,
    PlanOffer,
    Service,
    Subscriber,
    SubscriberStatus,
)
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Outbox
from netbilld.services import change_terms, pause_service, take_plan
from netbilld.services.change_terms import TermsOfService
from netbilld.services.contact_change import tell_old_address
from netbilld.services.find_service import find_service
from netbilld.services.fixed_addresses import Addresses, fixed_addresses, parse_fixed_prefix
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.live_rating import Counting
from netbilld.services.new_service import (
    CheckedService,
    Defaults,
    NewService,
    Sealer,
    check,
    make_credential,
    make_credentials,
    make_service,
    make_subscriber,
    sealed_password,
)
from netbilld.services.stop_service import begin_stop, ended_service, set_status
from netbilld.services.subscriber_fields import (
    LONGEST_NAME,
    check_password,
    clean_text,
    name_key,
    optional_email,
    optional_locale,
    optional_phone,
    optional_text,
    parse_billing_day,
    parse_circuit,
    parse_mac,
    parse_number,
    parse_static_ip,
    parse_username,
)
from netbilld.services.take_plan import change_plan, known_group, offer_of, refuse_offer

_ADD = "subscriber add"
_FIXED = ("static_ip", "ipv6_prefix", "delegated_prefix")


class Subscribers(Protocol):
    async def next_numbers(self, count: int) -> list[str]: ...

    async def add(self, *added: Subscriber) -> None: ...

    async def update(self, subscriber_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...

    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


class Services(Protocol):
    async def add(self, *added: Service, actor: str = ...) -> None: ...

    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def of_subscriber(self, subscriber_id: UUID) -> list[Service]: ...

    async def live_with_address(self, addresses: Sequence[str]) -> dict[str, UUID]: ...

    async def offers(self, codes: Collection[str], on: date) -> dict[str, PlanOffer]: ...

    async def taken_names(self, names: Sequence[str]) -> dict[str, bool]: ...

    async def credentials_of(self, *service_ids: UUID) -> list[Credential]: ...

    async def add_credentials(self, *added: Credential) -> None: ...

    async def update_credential(self, credential_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def remove_credential(self, credential_id: UUID) -> None: ...


class Terms(change_terms.TermsBook, pause_service.Stops, Protocol): ...


class Change(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def at(self) -> datetime: ...

    @property
    def actor(self) -> str: ...


class Trail(Changes, Protocol):
    async def about(self, entity: str, entity_id: UUID | int | str, limit: int = ...) -> Sequence[Change]: ...


class Work(Counting, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...

    @property
    def services(self) -> Services: ...

    @property
    def addresses(self) -> Addresses: ...

    @property
    def groups(self) -> take_plan.Groups: ...

    @property
    def plans(self) -> change_terms.Plans: ...

    @property
    def terms(self) -> Terms: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def changes(self) -> Trail: ...

    @property
    def idempotency(self) -> Idempotency: ...

    @property
    def logins(self) -> "PortalLogins": ...


class PortalLogins(Protocol):
    async def end_of_subscriber(self, subscriber_id: UUID, *, but: str) -> None: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Added:
    """A service that was made, and for whom; `repeated` where an idempotency key says it had been made before."""

    subscriber_no: str
    username: str
    service_id: str
    plan: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class SubscriberChanges:
    """What to set, as written; None leaves a field as it is, empty text clears it where it may be empty."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    plan: str | None = None
    plan_from: str | None = None  # now, next or a day; None: an upgrade now, a downgrade from the next period
    billing_day: str | int | None = None
    active_until_on: date | None = None
    mac: str | None = None
    circuit: str | None = None
    ip: str | None = None
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    site: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    area: str | None = None
    locale: str | None = None
    group: str | None = None


class ManageSubscribers:
    """The use cases of people and their connections; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, box: Sealer, defaults: Defaults) -> None:
        self._store = store
        self._box = box
        self._defaults = defaults

    async def add(self, new: NewService, actor: Actor, now: datetime, idempotency_key: str | None = None) -> Added:
        """Make a service with its credentials, and its subscriber unless `new.of` names one.

        Raises:
            InvalidInputError: a field is wrong.
            NotFoundError: no such plan or subscriber.
            RefusedError: a name or address is taken, the plan is not for sale, the key was used for something else.
        """
        checked = check(new, self._defaults, now)
        of = parse_number(checked.of) if checked.of else None
        request = {name: value for name, value in asdict(new).items() if name != "password"}
        async with self._store.write() as work:
            if idempotency_key:
                done = await work.idempotency.claim(idempotency_key, _ADD, digest(request), now)
                if done is not None:
                    return Added(**done, repeated=True)
            offer = await offer_of(work, checked.plan, local_date(now, self._defaults.timezone))
            checked = replace(checked, customer_group=await known_group(work, checked.customer_group))
            subscriber = await self._subscriber(work, checked, of, now)
            await refuse_offer(work, offer, subscriber)
            await _refuse_taken(work, checked.names, checked.ip)
            if any(checked.fixed):
                (await fixed_addresses(work.addresses)).refuse(checked.fixed)
            service = make_service(checked, subscriber.id, offer, self._defaults, now)
            await work.services.add(service, actor=actor.name)
            await work.services.add_credentials(*make_credentials(checked, service.id, self._box, now))
            added = Added(subscriber.number, checked.username, str(service.id), offer.code)
            details = {
                "service_ids": [str(service.id)],
                "number": subscriber.number,
                "username": checked.username,
                "plan": offer.code,
            }
            await work.changes.record(actor, now, "subscriber.add", "subscriber", subscriber.id, details)
            if idempotency_key:
                result = {name: value for name, value in asdict(added).items() if name != "repeated"}
                await work.idempotency.complete(idempotency_key, _ADD, result)
        return added

    async def _subscriber(self, work: Work, checked: CheckedService, of: str | None, now: datetime) -> Subscriber:
        if of is None:
            number = (await work.subscribers.next_numbers(1))[0]
            subscriber = make_subscriber(checked, number, self._defaults, now)
            await work.subscribers.add(subscriber)
            return subscriber
        found = await work.subscribers.by_number(of, lock=True)
        if found is None:
            raise NotFoundError(f"no subscriber has number {of}", hint="`netbilld subscriber list` shows them")
        told = {
            name: value
            for name in (*PERSON_FIELDS, "customer_group")
            if (value := getattr(checked, name)) is not None and value != getattr(found, name)
        }
        if found.status == SubscriberStatus.TERMINATED.value:
            told["status"] = SubscriberStatus.ACTIVE.value  # one who comes back keeps the number
        if not told:
            return found
        await work.subscribers.update(found.id, told)
        now_is = replace(found, **told)
        await self._follow_person(work, found, now_is, now)
        return now_is

    async def set(
        self,
        username: str,
        wanted: SubscriberChanges,
        actor: Actor,
        now: datetime,
        *,
        seen: int | None = None,
        tells_old_address: bool = False,
        keeps_login: str = "",
    ) -> list[str]:
        """Change a subscriber, their service or its credentials; return the names of what did change.

        Args:
            username: any name the service logs in with.
            wanted: what to set.
            actor: who.
            now: when.
            seen: the newest change of the subscriber that whoever asks has seen; None does not mind others' changes.
            keeps_login: the token's hash of the portal log-in that a new password leaves; it ends all others.
            tells_old_address: another e-mail or telephone is told to where they were reached until now.

        Raises:
            InvalidInputError: a field is wrong.
            NotFoundError: nobody has that user name, or there is no such plan.
            RefusedError: a name or address is taken, the plan is not for sale, the service has ended; or somebody has
                changed the subscriber since (`stale`).
        """
        person = _person(wanted)
        new_name = parse_username(wanted.username) if wanted.username is not None else None
        password = check_password(wanted.password) if wanted.password is not None else None
        billing_day = parse_billing_day(wanted.billing_day) if wanted.billing_day is not None else None
        beside = {
            CredentialKind.MAC: parse_mac(wanted.mac) if wanted.mac else wanted.mac,
            CredentialKind.CIRCUIT: parse_circuit(wanted.circuit) if wanted.circuit else wanted.circuit,
        }
        ip = parse_static_ip(wanted.ip) if wanted.ip else None
        site = optional_text("site", wanted.site, 100)
        prefixes = {
            "ipv6_prefix": parse_fixed_prefix("IPv6 prefix", wanted.ipv6_prefix) if wanted.ipv6_prefix else None,
            "delegated_prefix": (
                parse_fixed_prefix("delegated prefix", wanted.delegated_prefix) if wanted.delegated_prefix else None
            ),
        }
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            subscriber, service, credential = found.subscriber, found.service, found.credential
            if seen is not None:
                await _refuse_stale(work.changes, subscriber, seen)
            changed: dict[str, Any] = {}
            if wanted.group is not None:
                person["customer_group"] = await known_group(work, wanted.group or None)
            told = {name: value for name, value in person.items() if value != getattr(subscriber, name)}
            concerned = {service.id}
            if told:
                await work.subscribers.update(subscriber.id, told)
                if tells_old_address:
                    await tell_old_address(work.outbox, subscriber, told, now)
                changed |= {
                    "group" if name == "customer_group" else name: [getattr(subscriber, name), value]
                    for name, value in told.items()
                }
                now_is = replace(subscriber, **told)  # type: ignore[arg-type]  # each is text
                concerned |= await self._follow_person(work, subscriber, now_is, now)
                found = replace(found, subscriber=now_is)
            columns: dict[str, Any] = {}
            if wanted.plan is not None:
                if service.status == "ended":
                    raise ended_service(username)
                changed |= await change_plan(work, found, wanted.plan, wanted.plan_from, now)
            if billing_day is not None and billing_day != service.billing_day:
                columns["billing_day"] = billing_day
                changed["billing_day"] = [service.billing_day, billing_day]
            if wanted.active_until_on is not None and wanted.active_until_on != service.paid_until_on:
                columns["paid_until_on"] = wanted.active_until_on
                changed["active_until"] = [
                    service.paid_until_on and service.paid_until_on.isoformat(),
                    wanted.active_until_on.isoformat(),
                ]
            if wanted.site is not None and site != service.site:
                columns["site"] = site
                changed["site"] = [service.site, site]
            if wanted.ip is not None and ip != service.static_ip:
                if ip is not None:
                    await _refuse_taken(work, (), ip)
                columns["static_ip"] = ip
                changed["ip"] = [service.static_ip, ip]
            for name, prefix in prefixes.items():
                if getattr(wanted, name) is not None and prefix != getattr(service, name):
                    columns[name] = prefix
                    changed[name] = [getattr(service, name), prefix]
            if any(columns.get(name) is not None for name in _FIXED):
                fixed = await fixed_addresses(work.addresses, but=service.id)
                fixed.refuse(columns.get(name, getattr(service, name)) for name in _FIXED)
            if columns:
                if service.status == "ended":
                    raise ended_service(username)
                await work.services.update(service.id, columns)
            if new_name is not None:
                changed |= await self._rename(work, found, new_name)
            for kind, stands_for in beside.items():
                if stands_for is not None:
                    changed |= await self._set_beside(work, found, kind, stands_for or None, now)
            if password is not None:
                await work.services.update_credential(
                    credential.id, sealed_password(credential.id, password, self._box)
                )
                # whoever is in by the old one is out, whoever has changed it
                await work.logins.end_of_subscriber(subscriber.id, but=keeps_login)
                changed["password"] = "changed"  # noqa: S105 - a word for the audit trail
            if changed:
                action = "service.plan" if "plan" in changed else "subscriber.set"
                ids = sorted(map(str, concerned))
                details = {"service_ids": ids, "username": credential.name, "fields": changed}
                await work.changes.record(actor, now, action, "subscriber", subscriber.id, details)
        return sorted(changed)

    async def _follow_person(self, work: Work, before: Subscriber, after: Subscriber, now: datetime) -> frozenset[UUID]:
        """Bill the subscriber's services by their new group and area from today on; return those services."""
        told = {
            name: value
            for name in ("customer_group", "area")
            if (value := getattr(after, name)) != getattr(before, name)
        }
        if not told:
            return frozenset()
        followed = []
        for service in await work.services.of_subscriber(after.id):
            if service.status != "ended":
                terms = await TermsOfService.load(work, service)
                await terms.change(terms.today(now), now, **told)
                followed.append(service.id)
        return frozenset(followed)

    async def _rename(self, work: Work, found: FoundService, new_name: str) -> dict[str, Any]:
        credential = found.credential
        if new_name == credential.name:
            return {}
        if credential.kind == CredentialKind.MAC.value:
            new_name = parse_mac(new_name)
        elif credential.kind == CredentialKind.CIRCUIT.value:
            new_name = parse_circuit(new_name)
        if name_key(new_name) != credential.name_key:
            await _refuse_taken(work, (new_name,), None)
        await work.services.update_credential(credential.id, {"name": new_name, "name_key": name_key(new_name)})
        return {"username": [credential.name, new_name]}

    async def _set_beside(
        self, work: Work, found: FoundService, kind: CredentialKind, name: str | None, now: datetime
    ) -> dict[str, Any]:
        """Let a station or a line log in beside the name that was asked for, instead of any other; None for none."""
        credential = found.credential
        beside = [
            other
            for other in await work.services.credentials_of(found.service.id)
            if other.kind == kind.value and other.id != credential.id
        ]
        if name is None and not beside:
            return {}
        if name is not None:
            if any(other.name_key == name_key(name) for other in (*beside, credential)):
                return {}
            await _refuse_taken(work, (name,), None)
        for other in beside:
            await work.services.remove_credential(other.id)
        if name is not None:
            await work.services.add_credentials(make_credential(found.service.id, kind, name, None, self._box, now))
        return {kind.value: [beside[0].name if beside else None, name]}

    async def suspend(self, username: str, reason: str | None, actor: Actor, now: datetime) -> bool:
        """Suspend a service; False where it is suspended for that reason already."""
        said = optional_text("reason", reason, 200)
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            if found.service.status == "ended":
                raise ended_service(username)
            if found.service.status == "suspended" and found.service.status_reason == said:
                return False
            await set_status(work, found, "suspended", said, "subscriber.suspend", actor, now)
            if found.service.status != "suspended":
                await begin_stop(work, found.service, StopKind.SUSPENDED, said, actor, now)
        return True

    async def resume(self, username: str, actor: Actor, now: datetime) -> bool:
        """End a suspension or pause, or take back one that is planned; False where the service is active anyway."""
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            if found.service.status == "ended":
                raise ended_service(username)
            if found.service.status == "active":
                today = local_date(now, found.service.timezone)
                stops = (await work.terms.stops([found.service.id])).get(found.service.id, ())
                if not any(stop.from_on > today for stop in stops):
                    return False
            await set_status(work, found, "active", None, "subscriber.resume", actor, now)
            await work.terms.end_stops(found.service.id, local_date(now, found.service.timezone))
        return True

    async def terminate(self, username: str, reason: str | None, actor: Actor, now: datetime) -> bool:
        """End a service for good, and its subscriber with the last one; False where it has ended already.

        Nothing is deleted; the user name stays this service's until it is renamed.
        """
        said = optional_text("reason", reason, 200)
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            if found.service.status == "ended":
                return False
            await set_status(work, found, "ended", said, "subscriber.terminate", actor, now)
            others = await work.services.of_subscriber(found.subscriber.id)
            if all(other.status == "ended" or other.id == found.service.id for other in others):
                await work.subscribers.update(found.subscriber.id, {"status": SubscriberStatus.TERMINATED.value})
        return True


def _person(wanted: SubscriberChanges) -> dict[str, str | None]:
    """Return the columns of the subscriber that are to be set; the name may not become empty."""
    person: dict[str, str | None] = {}
    if wanted.name is not None:
        person["name"] = clean_text("name", wanted.name, LONGEST_NAME)
        if not person["name"]:
            raise InvalidInputError("the name is empty")
    if wanted.phone is not None:
        person["phone"] = optional_phone(wanted.phone)
    if wanted.email is not None:
        person["email"] = optional_email(wanted.email)
    if wanted.address is not None:
        person["address"] = optional_text("address", wanted.address, 1000)
    if wanted.area is not None:
        person["area"] = optional_text("area", wanted.area, 100)
    if wanted.locale is not None:
        person["locale"] = optional_locale(wanted.locale)
    return person


async def _refuse_stale(changes: Trail, subscriber: Subscriber, seen: int) -> None:
    newest = next(iter(await changes.about("subscriber", subscriber.id, 1)), None)
    if newest is not None and newest.id > seen:
        raise RefusedError(
            f"{newest.actor} has changed subscriber {subscriber.number} meanwhile",
            hint="look at it again",
            code="stale",
            values={"actor": newest.actor, "at": newest.at},
        )


async def _refuse_taken(work: Work, names: Sequence[str], ip: str | None) -> None:
    for name in names:
        live = (await work.services.taken_names([name])).get(name_key(name))
        if live is not None:
            raise taken_name(name, live=live)
    if ip is not None and await work.services.live_with_address([ip]):
        raise taken_address(ip)


def taken_name(name: str, *, live: bool) -> RefusedError:
    """Return the refusal of a name to log in with that is somebody's already."""
    hint = "choose another" if live else "a terminated service has it; rename that one first with --username"
    return RefusedError(f"user name {name!r} is taken (letter case does not count)", hint=hint, code="name_taken")


def taken_address(ip: str) -> RefusedError:
    """Return the refusal of a static address that is somebody's already."""
    return RefusedError(f"address {ip} is another live service's", hint="choose another", code="address_taken")
