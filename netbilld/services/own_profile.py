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
from netbilld.services.contact_change import Confirms
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.own_terms import OwnTerms
from netbilld.services.sign_in import Lockout, Logins
from netbilld.services.subscriber_fields import check_password, name_key, optional_email, optional_phone

LEAST_PASSWORD: Final = 8
REMINDERS: Final = "reminders"
PURPOSES: Final = (REMINDERS, "offers", "quality")
_OWN_REALM: Final = "portal_own"  # wrong passwords here are counted apart from those at the sign-in


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Services(Protocol):
    async def credentials_of(self, *service_ids: UUID) -> Sequence[Credential]: ...


class Consents(Protocol):
    async def consents(self, subscriber_id: UUID) -> Mapping[str, tuple[bool, datetime]]: ...

    async def say_consent(
        self, subscriber_id: UUID, purpose: str, *, given: bool, actor: str, origin: str, now: datetime
    ) -> None: ...


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
    def logins(self) -> Logins: ...
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
    has_password: bool


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What was typed to change a password."""

    present: str = field(repr=False)
    wanted: str = field(repr=False)
    repeated: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewContact:
    """How a subscriber wants to be reached and spoken to, as typed."""

    phone: str
    email: str
    locale: str


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
        return Profile(subscriber, consents, self._allowed.password and password is not None, password is not None)

    async def change(
        self, file: ServiceFile, wanted: NewContact, proof: str, codes: Confirms, actor: Actor, now: datetime
    ) -> Sequence[str]:
        """Set how a subscriber is reached and spoken to; return what has changed.

        Where one-time codes go is changed only by who knows the password, or a code sent to where they go until now:
        whoever finds the pages open takes no account over. The old address is told.

        Args:
            file: whose.
            wanted: what was typed.
            proof: password of the line, or a one-time code.
            codes: looks at codes.
            actor: who.
            now: when.

        Raises:
            InvalidInputError: no telephone number, or no e-mail address.
            RefusedError: the proof is missing or not right, or was tried too often.
        """
        read: dict[str, str | None] = {}
        for name, parse, text in (("phone", optional_phone, wanted.phone), ("email", optional_email, wanted.email)):
            try:
                read[name] = parse(text)
            except InvalidInputError as error:
                raise InvalidInputError(str(error), code=f"{name}_invalid") from None
        async with self._store.read() as work:
            subscriber = await work.subscribers.by_id(file.subscriber_id)
        if subscriber is None:
            raise RefusedError("there is no such subscriber", code="not_active")
        if read["phone"] != subscriber.phone or read["email"] != subscriber.email:
            await self._prove(file, proof, codes, actor, now)
        changes = SubscriberChanges(phone=wanted.phone, email=wanted.email, locale=wanted.locale)
        return await self._manage.set(file.username, changes, actor, now, tells_old_address=True)

    async def _prove(self, file: ServiceFile, proof: str, codes: Confirms, actor: Actor, now: datetime) -> None:
        """Let pass who gives the password of the line, or a code.

        Raises:
            RefusedError: it is neither.
        """
        if not proof:
            raise RefusedError("password or code is missing", code="proof_missing")
        if await self._is_password(file, proof, actor.origin, now):
            return
        if not await codes.confirm(file.subscriber_id, proof, actor.origin, now):
            raise RefusedError("neither the password nor a code", code="proof_wrong")
        await self._lockout.succeeded(_attempts_key(file), actor.origin)

    async def _is_password(self, file: ServiceFile, typed: str, source: str, now: datetime) -> bool:
        """Return whether that is the password of the line; guesses are counted.

        Raises:
            RefusedError: too many.
        """
        if await self._lockout.begin(_attempts_key(file), source, now) is not None:
            raise RefusedError("too many wrong attempts", code="locked_out")
        async with self._store.read() as work:
            credential = await self._password(work, file)
        sealed = None if credential is None else credential.password_sealed
        if credential is None or sealed is None:
            return False
        present = self._box.open(sealed, password_place(credential.id))
        right = compare_digest(present, typed.encode("utf-8", "replace"))
        if right:
            await self._lockout.succeeded(_attempts_key(file), source)
        return right

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
        async with self._store.read() as work:
            credential = await self._password(work, file)
        if credential is None or not self._allowed.password:
            raise RefusedError("passwords are not changed here", code="refused")
        if not await self._is_password(file, typed.present, actor.origin, now):
            raise RefusedError("the present password is wrong", code="wrong_current_password")
        changes = SubscriberChanges(password=typed.wanted)
        await self._manage.set(credential.name, changes, actor, now, keeps_login=token_hash)

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


def _attempts_key(file: ServiceFile) -> str:
    return f"password of {name_key(file.username)}"
