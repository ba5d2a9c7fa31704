"""Every credential with what its service is due, in memory: what the authentication path asks instead of a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import Final, Protocol
from uuid import UUID

from netbilld.enforcement.limits import may_have_limits
from netbilld.enforcement.policy import Entitlement, Reason, ServiceFacts, entitlement
from netbilld.enforcement.profile import Access, ServiceProfile, WalledGarden
from netbilld.radius.access import AccessView, CredentialKind
from netbilld.radius.attributes import CLASS
from netbilld.radius.grant import Grant, encode_grant
from netbilld.radius.mschap import NT_HASH_OF_NOTHING, nt_hash
from netbilld.radius.packet import encode_attribute
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import lookup_key
from netbilld.services.access_terms import TermsBook
from netbilld.services.own_pools import NO_NEEDS, OwnPools, PoolNeeds, told_to_nas
from netbilld.services.profile_replies import ProfileReplies, Replies
from netbilld.services.reply_limits import ReplyLimits
from netbilld.services.reply_messages import reply_message


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
    return OpenedCredential(sealed.name_key.encode(), sealed.name, sealed.kind, password, hashed)


class _Service:
    __slots__ = (
        "access", "at_log_in", "facts", "keys", "limits", "needs", "profile_key", "refusal", "replies", "reply_message",
        "terms", "until_at", "walled",
    )  # fmt: skip

    def __init__(self) -> None:
        self.facts: ServiceFacts
        self.keys: tuple[bytes, ...] = ()
        self.access: Access = Access.BLOCKED
        self.profile_key = ""
        self.at_log_in: tuple[object, ...] | None = None
        self.needs = NO_NEEDS
        self.terms: AccessTerms | None = None
        self.replies: Mapping[str, bytes] = {}
        self.refusal: str | None = Reason.TERMINATED
        self.reply_message = b""
        self.until_at: datetime | None = None
        self.walled: str | None = None
        self.limits: ReplyLimits | None = None


class AccessDirectory:
    """Every credential with what its service is due, in memory; kept fresh by `Entitle`."""

    def __init__(self, walled_garden: WalledGarden, interim_seconds: int, locale: str) -> None:
        self._walled_garden = walled_garden
        self._interim_seconds = interim_seconds
        self._locale = locale
        self._by_key: dict[bytes, tuple[AccessView, _Service]] = {}
        self._services: dict[UUID, _Service] = {}
        self._profiles: dict[tuple[str, tuple[object, ...] | None, PoolNeeds], ProfileReplies] = {}
        self._at_log_in: dict[tuple[object, ...], tuple[object, ...]] = {}
        self._terms = TermsBook()
        self.own_pools: Final = OwnPools()

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, user_name: bytes, now: datetime) -> AccessView | None:
        """Return the view a User-Name leads to, decided anew when time has changed what is due; None for nobody."""
        found = self._by_key.get(lookup_key(user_name))
        if found is None:
            return None
        view, service = found
        if service.until_at is not None and service.until_at <= now:
            self.put(service.facts, entitlement(service.facts, self._walled_garden, now))
            view = self._by_key[lookup_key(user_name)][0]
        return view

    def facts(self, service_id: UUID) -> ServiceFacts | None:
        """Return the facts a service was last decided by."""
        service = self._services.get(service_id)
        return None if service is None else service.facts

    def terms(self, service_id: UUID) -> AccessTerms | None:
        """Return what admission holds a service's log-ins against; None for nothing."""
        service = self._services.get(service_id)
        return None if service is None else service.terms

    def service_ids(self) -> frozenset[UUID]:
        """Return every service that is held."""
        return frozenset(self._services)

    def put(self, facts: ServiceFacts, due: Entitlement) -> None:
        """Take what a service is due; its credentials answer by it from now on."""
        service = self._services.get(facts.service_id)
        if service is None:
            service = self._services[facts.service_id] = _Service()
        service.facts = facts
        service.until_at = due.until_at
        key = intern(due.profile.key)  # one of few, kept for every service
        at_log_in = due.profile.at_log_in
        if at_log_in is not None and not due.profile.has_own_address:
            at_log_in = self._at_log_in.setdefault(at_log_in, at_log_in)
        needs = self.own_pools.needs(due.profile)
        service.terms = self._terms.of(facts, needs)
        may_end = due.access in {Access.ACTIVE, Access.THROTTLED} and may_have_limits(facts)
        service.limits = ReplyLimits(facts, due.access) if may_end else None
        service.walled = str(due.reason) if due.access is Access.WALLED else None
        service.reply_message = b""  # said to who is refused, be it by us or for want of a wall
        if due.access in {Access.BLOCKED, Access.WALLED}:
            service.reply_message = reply_message(due.reason, facts.locale or self._locale)
        if due.access is Access.BLOCKED:
            service.replies = {}
            service.refusal = str(due.reason)
        elif (
            service.profile_key != key
            or service.at_log_in != at_log_in
            or service.access is not due.access
            or service.needs is not needs
        ):
            grant = encode_grant(Grant(facts.service_id, due.access.value, key))
            service.replies = Replies(self._shared(key, due.profile, needs), encode_attribute(CLASS, grant))
            service.refusal = None
        service.access, service.profile_key, service.at_log_in, service.needs = due.access, key, at_log_in, needs
        for name_key in service.keys:
            view = self._by_key[name_key][0]
            self._by_key[name_key] = (
                AccessView(
                    view.name,
                    view.kind,
                    view.password,
                    view.nt_hash,
                    view.service_id,
                    service.replies,
                    service.refusal,
                    service.reply_message,
                    service.terms,
                    service.walled,
                    service.limits,
                ),
                service,
            )

    def set_credentials(self, service_id: UUID, credentials: Iterable[OpenedCredential]) -> None:
        """Replace the credentials of a service; those not named are forgotten.

        A service that was not `put` before is unknown, and so are its names.
        """
        service = self._services.get(service_id)
        if service is None:
            return
        self._forget(service)
        keys = []
        for credential in credentials:
            view = AccessView(
                credential.name,
                credential.kind,
                credential.password,
                credential.nt_hash,
                service_id,
                service.replies,
                service.refusal,
                service.reply_message,
                service.terms,
                service.walled,
                service.limits,
            )
            keys.append(credential.key)
            previous = self._by_key.get(credential.key)
            if previous is not None:  # the name has moved here from another service
                previous[1].keys = tuple(key for key in previous[1].keys if key != credential.key)
            self._by_key[credential.key] = (view, service)
        service.keys = tuple(keys)

    def remove(self, service_id: UUID) -> None:
        """Forget a service and its credentials."""
        service = self._services.pop(service_id, None)
        if service is not None:
            self._forget(service)

    def _forget(self, service: _Service) -> None:
        for key in service.keys:
            self._by_key.pop(key, None)
        service.keys = ()

    def _shared(self, key: str, profile: ServiceProfile, needs: PoolNeeds) -> ProfileReplies:
        told = told_to_nas(profile, needs)
        if profile.has_own_address:
            return ProfileReplies(told, self._interim_seconds)  # one service's own: nobody to share it with
        shared = self._profiles.get((key, profile.at_log_in, needs))
        if shared is None:
            shared = self._profiles[key, profile.at_log_in, needs] = ProfileReplies(told, self._interim_seconds)
        return shared
