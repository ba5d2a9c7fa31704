"""Every credential with what its service is due, in memory: what the authentication path asks instead of a database."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.overshoot import is_near
from netbilld.enforcement.edge import edge
from netbilld.enforcement.limits import may_have_limits
from netbilld.enforcement.policy import ServiceFacts, entitlement
from netbilld.enforcement.profile import Access, ServiceProfile, WalledGarden
from netbilld.model.address_pool import PoolKind
from netbilld.model.errors import NetbilldError
from netbilld.radius.access import AccessView, CredentialKind
from netbilld.radius.access import Reason as Refusal
from netbilld.radius.attributes import CLASS
from netbilld.radius.grant import Grant, encode_grant
from netbilld.radius.mschap import NT_HASH_OF_NOTHING, nt_hash, prepare
from netbilld.radius.packet import encode_attribute
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import lookup_key
from netbilld.services.access_terms import TermsBook
from netbilld.services.own_pools import OwnPools, PoolNeeds, told_to_nas
from netbilld.services.profile_replies import ProfileReplies, Replies
from netbilld.services.reply_limits import ReplyLimits
from netbilld.services.reply_messages import outage_message, reply_message

_log = logging.getLogger("netbilld.access")


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A credential as it is kept, its secrets encrypted."""

    credential_id: UUID
    service_id: UUID
    kind: CredentialKind
    name: str
    name_key: str
    password_sealed: bytes | None = field(repr=False)
    nt_hash_sealed: bytes | None = field(repr=False)

    @property
    def key(self) -> bytes:
        """The folded name, as `lookup_key` makes it."""
        return self.name_key.encode()


class SecretOpener(Protocol):
    """Opens what is encrypted at rest."""

    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class OpenedCredential:
    """A credential ready to be checked."""

    key: bytes
    name: str
    kind: CredentialKind
    password: bytes = field(repr=False)
    nt_hash: bytes = field(repr=False)
    mschap_keys: bytes = field(default=b"", repr=False)


def open_credential(sealed: SealedCredential, box: SecretOpener) -> OpenedCredential:
    """Return the credential with its secrets in the clear.

    Raises:
        NetbilldError: they were encrypted with another key.
    """
    password = hashed = b""
    if sealed.password_sealed:
        password = box.open(sealed.password_sealed, f"credential.password:{sealed.credential_id}")
    if sealed.nt_hash_sealed:
        hashed = box.open(sealed.nt_hash_sealed, f"credential.nt_hash:{sealed.credential_id}")
    elif password:
        hashed = nt_hash(password)
    if hashed == NT_HASH_OF_NOTHING:
        hashed = b""
    keys = prepare(hashed) if hashed and sealed.kind == "password" else b""
    return OpenedCredential(sealed.key, sealed.name, sealed.kind, password, hashed, keys)


@dataclass(slots=True)
class _Answer:
    """What the credentials of a service are answered with, until time alone changes it."""

    replies: Mapping[str, bytes]
    refusal: str | None
    reply_message: bytes
    terms: AccessTerms | None
    walled: str | None
    limits: ReplyLimits | None
    until_at: datetime | None


class _Service:
    __slots__ = ("answer", "facts", "logins", "read_at")

    def __init__(self) -> None:
        self.facts: ServiceFacts
        self.read_at: datetime
        self.answer: _Answer | None = None
        self.logins: tuple[_Login, ...] = ()

    def forget_answer(self) -> None:
        self.answer = None
        for login in self.logins:
            login.view = None


class _Login:
    """One credential, sealed until somebody asks for it; from then on its last view holds its secrets."""

    __slots__ = ("box", "credential", "key", "service", "until_at", "view")

    def __init__(
        self, credential: OpenedCredential | SealedCredential, service: _Service, box: SecretOpener | None
    ) -> None:
        self.key = credential.key
        self.credential: SealedCredential | OpenedCredential | AccessView = credential
        self.service = service
        self.box = box
        self.view: AccessView | None = None
        self.until_at: datetime | None = None

    def opened(self) -> OpenedCredential | AccessView:
        """Return the credential with its secrets; without them where they can't be opened, so that none is right."""
        credential = self.credential
        if not isinstance(credential, SealedCredential):
            return credential
        assert self.box is not None  # noqa: S101 - set_credentials was given it with what is sealed
        try:
            return open_credential(credential, self.box)
        except NetbilldError as error:
            _log.error("%r can't log in: %s", credential.name, error, extra={"event": "credential_unusable"})
            return OpenedCredential(self.key, credential.name, credential.kind, b"", b"")


class Unused(Protocol):
    """Vouchers that nobody has used yet: names without a service."""

    def find(self, key: bytes) -> AccessView | None: ...


class AccessDirectory:
    """Every credential with what its service is due, in memory; kept fresh by `Entitle`.

    It holds facts. What follows from them is worked out when somebody logs in, and kept until they change: a hundred
    thousand services are known within seconds of the start, and usage metered again and again costs next to nothing.

    Attributes:
        unused: asked for names that nobody has; None where there are no vouchers.
    """

    def __init__(
        self, walled_garden: WalledGarden, interim_seconds: int, locale: str, interim_near_limit: int | None = None
    ) -> None:
        """Take what replies say to everybody.

        Args:
            walled_garden: where walled sessions live.
            interim_seconds: how often a session is to report.
            locale: of those who have none of their own.
            interim_near_limit: how often one whose limit could be reached before its first report; None for no oftener.
        """
        self._walled_garden = walled_garden
        self._interim_seconds = interim_seconds
        self._interim_near_limit = min(interim_near_limit or interim_seconds, interim_seconds)
        self._locale = locale
        self._by_key: dict[bytes, _Login] = {}
        self._services: dict[UUID, _Service] = {}
        self._profiles: dict[tuple[str, tuple[object, ...] | None, PoolNeeds, int], ProfileReplies] = {}
        self._terms = TermsBook()
        self._own_pools: Final = OwnPools()
        self._is_doubted = False
        self.unused: Unused | None = None

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, user_name: bytes, now: datetime) -> AccessView | None:
        """Return the view a User-Name leads to, decided anew when time has changed what is due; None for nobody."""
        key = lookup_key(user_name)
        login = self._by_key.get(key)
        if login is None:
            return None if self.unused is None else self.unused.find(key)
        view = login.view
        if view is None or (login.until_at is not None and login.until_at <= now):
            view = self._view(login, now)
        return view

    def undecided(self) -> list[bytes]:
        """Return the names whose next log-in has to be decided first, to be asked for in `find` ahead of it."""
        return [key for key, login in self._by_key.items() if login.view is None]

    def name(self, user_name: bytes) -> str | None:
        """Return the name that a User-Name leads to, as it is stored; None for nobody."""
        login = self._by_key.get(lookup_key(user_name))
        return None if login is None else login.credential.name

    def facts(self, service_id: UUID) -> ServiceFacts | None:
        """Return the facts a service was last decided by."""
        service = self._services.get(service_id)
        return None if service is None else service.facts

    def terms(self, service_id: UUID) -> AccessTerms | None:
        """Return what admission holds a service's log-ins against; None for nothing."""
        service = self._services.get(service_id)
        if service is None:
            return None
        return (service.answer or self._answer(service, service.read_at)).terms

    def service_ids(self) -> frozenset[UUID]:
        """Return every service that is held."""
        return frozenset(self._services)

    def put(self, facts: ServiceFacts, now: datetime) -> None:
        """Take the facts of a service as they were read at `now`; its credentials answer by them from now on."""
        service = self._services.get(facts.service_id)
        if service is None:
            service = self._services[facts.service_id] = _Service()
        service.facts = facts
        service.read_at = now
        service.forget_answer()

    def use_pools(self, names: Iterable[tuple[PoolKind, str]]) -> None:
        """Take the kinds and folded names of all pools of ours; everybody is decided on anew where they have changed.

        What services are due is the same as before, so that nothing need be read of them.
        """
        if self._own_pools.set(names):
            for service in self._services.values():
                service.forget_answer()

    def doubt(self, doubted: bool) -> None:
        """Say whether what is held is too old to let in those whose plan fails closed."""
        if doubted == self._is_doubted:
            return
        self._is_doubted = doubted
        for service in self._services.values():
            if service.facts.plan.fails_closed:
                service.forget_answer()

    def set_credentials(
        self,
        service_id: UUID,
        credentials: Iterable[OpenedCredential | SealedCredential],
        box: SecretOpener | None = None,
    ) -> None:
        """Replace the credentials of a service; those not named are forgotten.

        A service that was not `put` before is unknown, and so are its names. `box` opens what is sealed, when it is
        first asked for.
        """
        service = self._services.get(service_id)
        if service is None:
            return
        self._forget(service)
        for credential in credentials:
            self.add_credential(service_id, credential, box)

    def add_credential(
        self, service_id: UUID, credential: OpenedCredential | SealedCredential, box: SecretOpener | None = None
    ) -> None:
        """Let a service that was `put` before be known by one more name."""
        service = self._services.get(service_id)
        if service is None:
            return
        login = _Login(credential, service, box)
        previous = self._by_key.get(login.key)
        if previous is not None:  # the name has moved here from another service
            other = previous.service
            other.logins = tuple(each for each in other.logins if each is not previous)
        self._by_key[login.key] = login
        service.logins = (*service.logins, login) if service.logins else (login,)

    def remove(self, service_id: UUID) -> None:
        """Forget a service and its credentials."""
        service = self._services.pop(service_id, None)
        if service is not None:
            self._forget(service)

    def _forget(self, service: _Service) -> None:
        for login in service.logins:
            self._by_key.pop(login.key, None)
        service.logins = ()

    def _view(self, login: _Login, now: datetime) -> AccessView:
        service = login.service
        answer = service.answer
        if answer is None or (answer.until_at is not None and answer.until_at <= now):
            answer = self._answer(service, now)
        credential = login.opened()
        login.until_at = answer.until_at
        login.credential = login.view = AccessView(
            credential.name,
            credential.kind,
            credential.password,
            credential.nt_hash,
            service.facts.service_id,
            answer.replies,
            answer.refusal,
            answer.reply_message,
            answer.terms,
            answer.walled,
            answer.limits,
            mschap_keys=credential.mschap_keys,
        )
        return login.view

    def _answer(self, service: _Service, now: datetime) -> _Answer:
        """Decide what the service is due and keep what follows."""
        facts = service.facts
        due = entitlement(facts, self._walled_garden, now)
        access, profile = due.access, due.profile
        needs = self._own_pools.needs(profile)
        replies: Mapping[str, bytes] = {}
        refusal: str | None = str(due.reason)
        if access is not Access.BLOCKED:
            key = profile.key
            grant = encode_grant(Grant(facts.service_id, access.value, key))
            interim_seconds = self._interim_of(facts, access, now)
            replies = Replies(self._shared(key, profile, needs, interim_seconds), encode_attribute(CLASS, grant))
            refusal = None
        message = b""  # said to who is refused, be it by us or for want of a wall
        if access in {Access.BLOCKED, Access.WALLED}:
            message = reply_message(due.reason, facts.locale or self._locale)
        elif self._is_doubted and facts.plan.fails_closed:
            replies, refusal = {}, str(Refusal.DATABASE_AWAY)
            message = outage_message(facts.locale or self._locale)
        may_end = access in {Access.ACTIVE, Access.THROTTLED} and may_have_limits(facts)
        service.answer = _Answer(
            replies,
            refusal,
            message,
            self._terms.of(facts, needs),
            str(due.reason) if access is Access.WALLED else None,
            ReplyLimits(facts, access) if may_end else None,
            due.until_at,
        )
        return service.answer

    def _interim_of(self, facts: ServiceFacts, access: Access, now: datetime) -> int:
        """Return how often a session that begins now is to report."""
        if access is Access.ACTIVE and self._interim_near_limit < self._interim_seconds:
            ahead = edge(facts, facts.usage, now)
            if ahead is not None and is_near(ahead.left_octets, ahead.line_rate_bps, self._interim_seconds):
                return self._interim_near_limit
        return self._interim_seconds

    def _shared(self, key: str, profile: ServiceProfile, needs: PoolNeeds, interim_seconds: int) -> ProfileReplies:
        if profile.has_own_address:  # one service's own: nobody to share it with
            return ProfileReplies(told_to_nas(profile, needs), interim_seconds)
        name = (key, profile.at_log_in, needs, interim_seconds)
        shared = self._profiles.get(name)
        if shared is None:
            shared = self._profiles[name] = ProfileReplies(told_to_nas(profile, needs), interim_seconds)
        return shared
