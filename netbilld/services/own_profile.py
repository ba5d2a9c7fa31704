"""A subscriber's own profile: telephone, e-mail, language, the password of the line, and what they consent to."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.subscriber import Credential, CredentialKind, Subscriber, password_place
from netbilld.ports.changes import Changes
from netbilld.services.account_view import ServiceFile
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.own_terms import OwnTerms
from netbilld.services.sign_in import Lockout, Logins
from netbilld.services.subscriber_fields import check_password, name_key, optional_email, optional_phone

LEAST_PASSWORD: Final = 8
REMINDERS: Final = "reminders"
PURPOSES: Final = (REMINDERS, "offers", "quality")
_OWN_REALM: Final = "portal_own"  # wrong passwords here are counted apart from those at the sign-in
_MISSING: Final = b"\0no password\0"


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Services(Protocol):
    async def credentials_of(self, *service_ids: UUID) -> Sequence[Credential]: ...


class Consents(Protocol):
    async def consents(self, subscriber_id: UUID) -> Mapping[str, tuple[bool, datetime]]: ...

    async def say_consent(
        self, subscriber_id: UUID, purpose: str, *, given: bool, actor: str, origin: str, now: datetime
    ) -> None: ...


class OwnLogins(Logins, Protocol):
    async def end_of_subscriber(self, subscriber_id: UUID, *, but: str) -> None: ...


class Outbox(Protocol):
    async def wants_reminders(self, subscriber_id: UUID) -> bool: ...

    async def choose(self, subscriber_id: UUID, *, reminders: bool, actor: str, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def own_business(self) -> Consents: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def logins(self) -> OwnLogins: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """What a subscriber is shown of themself; `consents` says of each purpose whether it is given."""

    subscriber: Subscriber
    consents: Mapping[str, bool]
    may_change_password: bool


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What was typed to change a password."""

    present: str = field(repr=False)
    wanted: str = field(repr=False)
    repeated: str = field(repr=False)


class OwnProfile:
    """Shows and changes it."""

    def __init__(self, store: Store, box: Box, manage: ManageSubscribers, allowed: OwnTerms) -> None:
        self._store, self._box, self._manage, self._allowed = store, box, manage, allowed
        self._lockout = Lockout(store, _OWN_REALM)

    async def show(self, file: ServiceFile) -> Profile:
        """Return the profile of a service's subscriber."""
        async with self._store.read() as work:
            subscriber = await work.subscribers.by_id(file.subscriber_id)
            if subscriber is None:
                raise RefusedError("there is no such subscriber", code="not_active")
            said = await work.own_business.consents(subscriber.id)
            consents = {purpose: said.get(purpose, (False, None))[0] for purpose in PURPOSES}
            consents[REMINDERS] = await work.outbox.wants_reminders(subscriber.id)
            password = await self._password(work, file)
        return Profile(subscriber, consents, self._allowed.password and password is not None)

    async def change(
        self, file: ServiceFile, phone: str, email: str, locale: str, actor: Actor, now: datetime
    ) -> Sequence[str]:
        """Set how a subscriber is reached and spoken to; return what has changed.

        Raises:
            InvalidInputError: no telephone number, or no e-mail address.
        """
        for parse, text, code in ((optional_phone, phone, "phone_invalid"), (optional_email, email, "email_invalid")):
            try:
                parse(text)
            except InvalidInputError as error:
                raise InvalidInputError(str(error), code=code) from None
        wanted = SubscriberChanges(phone=phone, email=email, locale=locale)
        return await self._manage.set(file.username, wanted, actor, now)

    async def change_password(
        self, file: ServiceFile, typed: NewPassword, token_hash: str, actor: Actor, now: datetime
    ) -> None:
        """Change the password that the line logs in with; the subscriber's other log-ins to the portal end.

        Raises:
            InvalidInputError: the new one is too short, can't be carried, or differs from its repetition.
            RefusedError: the present one is not right, was tried too often, or passwords are not changed here.
        """
        if typed.wanted != typed.repeated:
            raise InvalidInputError("the two differ", code="password_repeated")
        if len(typed.wanted) < LEAST_PASSWORD:
            raise InvalidInputError("too short", code="password_short")
        try:
            check_password(typed.wanted)
        except InvalidInputError as error:
            raise InvalidInputError(str(error), code="password_unusable") from None
        key = f"password of {name_key(file.username)}"
        if await self._lockout.begin(key, actor.origin, now) is not None:
            raise RefusedError("too many wrong attempts", code="locked_out")
        async with self._store.read() as work:
            credential = await self._password(work, file)
        if credential is None or not self._allowed.password:
            raise RefusedError("passwords are not changed here", code="refused")
        sealed = credential.password_sealed
        present = self._box.open(sealed, password_place(credential.id)) if sealed is not None else _MISSING
        if not compare_digest(present, typed.present.encode("utf-8", "replace")):
            raise RefusedError("the present password is wrong", code="wrong_current_password")
        await self._lockout.succeeded(key, actor.origin)
        await self._manage.set(credential.name, SubscriberChanges(password=typed.wanted), actor, now)
        async with self._store.write() as work:
            await work.logins.end_of_subscriber(file.subscriber_id, but=token_hash)

    async def say(self, file: ServiceFile, given: Mapping[str, bool], actor: Actor, now: datetime) -> Sequence[str]:
        """Keep what a subscriber consents to; return the purposes to which they have said something else."""
        async with self._store.write() as work:
            said = await work.own_business.consents(file.subscriber_id)
            before = {purpose: said.get(purpose, (False, None))[0] for purpose in PURPOSES}
            before[REMINDERS] = await work.outbox.wants_reminders(file.subscriber_id)
            changed = [purpose for purpose in PURPOSES if given.get(purpose, False) != before[purpose]]
            for purpose in changed:
                now_given = given.get(purpose, False)
                await work.own_business.say_consent(
                    file.subscriber_id, purpose, given=now_given, actor=actor.name, origin=actor.origin, now=now
                )
                if purpose == REMINDERS:
                    await work.outbox.choose(file.subscriber_id, reminders=now_given, actor=actor.name, now=now)
            if changed:
                details = {"consents": {purpose: given.get(purpose, False) for purpose in changed}}
                await work.changes.record(actor, now, "portal.consent", "subscriber", file.subscriber_id, details)
        return changed

    async def _password(self, work: Work, file: ServiceFile) -> Credential | None:
        """Return the credential that is shown as the service's name, where it has a password."""
        for one in await work.services.credentials_of(file.service_id):
            if one.kind == CredentialKind.PASSWORD.value and one.name == file.username:
                return one
        return None
