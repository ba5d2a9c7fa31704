"""Locks set, taken off and forgotten by people."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, get_args
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.nas import Nas
from netbilld.model.service_lock import LockKind, ServiceLock
from netbilld.model.subscriber import FoundService, unknown_username
from netbilld.ports.changes import Changes
from netbilld.radius.location import normalise_port, normalise_vlan
from netbilld.services.subscriber_fields import parse_mac

KINDS: Final[tuple[LockKind, ...]] = get_args(LockKind)
VALUES_LIMIT: Final = 50
_FORGET: Final = "lock.forget"
_SET: Final = "lock.set"
LOCK_ACTIONS: Final = (_FORGET, _SET)  # of a person, as the audit trail names them


class Locks(Protocol):
    async def of(self, service_id: UUID) -> list[ServiceLock]: ...

    async def set(
        self, service_id: UUID, kind: str, values: Collection[str], *, learned: bool, created_at: datetime
    ) -> None: ...

    async def remove(self, service_id: UUID, kinds: Collection[str] | None, *, learned_only: bool = False) -> int: ...


class Subscribers(Protocol):
    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


class Nases(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...


class Work(Protocol):
    @property
    def locks(self) -> Locks: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def nas(self) -> Nases: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class LockChanges:
    """What to change, as written; a list replaces what there is of its kind.

    Attributes:
        mac, vlan, nas_port: values to lock to; None leaves that kind as it is.
        nas: names of NAS to lock to.
        unlock: kinds to take off, learned ones too.
        forget: take off what was learned: the next log-in teaches anew.
    """

    mac: Sequence[str] | None = None
    vlan: Sequence[str] | None = None
    nas_port: Sequence[str] | None = None
    nas: Sequence[str] | None = None
    unlock: Collection[LockKind] = ()
    forget: bool = False

    def __bool__(self) -> bool:
        return self.forget or bool(self.unlock) or any((self.mac, self.vlan, self.nas_port, self.nas))


class ManageLocks:
    """Takes effect at the next log-in; a running session is left alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def set(self, username: str, wanted: LockChanges, actor: Actor, now: datetime) -> list[str]:
        """Change the locks of a service; return the kinds that did change.

        Raises:
            InvalidInputError: a value is none of its kind.
            NotFoundError: nobody has that user name, or no NAS that name.
        """
        values: dict[LockKind, list[str]] = {
            "mac": [parse_mac(value) for value in wanted.mac or ()],
            "vlan": [_vlan(value) for value in wanted.vlan or ()],
            "nas_port": [_port(value) for value in wanted.nas_port or ()],
        }
        async with self._store.write() as work:
            found = await work.subscribers.by_credential_name(username, lock=True)
            if found is None:
                raise unknown_username(username)
            values["nas"] = [await _nas(work, name) for name in wanted.nas or ()]
            service_id = found.service.id
            before = await work.locks.of(service_id)
            if wanted.unlock:
                await work.locks.remove(service_id, wanted.unlock)
            if wanted.forget:
                await work.locks.remove(service_id, None, learned_only=True)
            for kind, allowed in values.items():
                unique = list(dict.fromkeys(allowed))
                if len(unique) > VALUES_LIMIT:
                    raise InvalidInputError(f"at most {VALUES_LIMIT} values of one kind")
                if unique:
                    await work.locks.set(service_id, kind, unique, learned=False, created_at=now)
            after = await work.locks.of(service_id)
            fields = {
                f"lock {kind}": [_said(before, kind), _said(after, kind)]
                for kind in KINDS
                if _said(before, kind) != _said(after, kind)
            }
            if fields or wanted.forget or wanted.unlock:  # what was learned just now may not be written yet
                details = {
                    "service_ids": [str(service_id)],
                    "username": found.credential.name,
                    "fields": fields,
                }
                action = _FORGET if wanted.forget else _SET
                await work.changes.record(actor, now, action, "subscriber", found.subscriber.id, details)
        return [field.removeprefix("lock ") for field in fields]


def lock_words(locks: Sequence[ServiceLock]) -> dict[str, list[str]]:
    """Return locks for people, by kind, those that were learned marked as such."""
    words: dict[str, list[str]] = {}
    for lock in locks:
        words.setdefault(lock.kind, []).append(f"{lock.shown} (learned)" if lock.learned else lock.shown)
    return words


def _said(locks: Sequence[ServiceLock], kind: LockKind) -> str | None:
    return ", ".join(lock_words(locks).get(kind, ())) or None


def _vlan(value: str) -> str:
    vlan = normalise_vlan(value)
    if vlan is None:
        raise InvalidInputError(f'{value!r} is not a VLAN; write "100", or "100.200" for outer and inner')
    return vlan


def _port(value: str) -> str:
    port = normalise_port(value)
    if not port:
        raise InvalidInputError("the port is empty; write it as the NAS says it in NAS-Port-Id")
    return port


async def _nas(work: Work, name: str) -> str:
    found = await work.nas.by_name(name)
    if found is None:
        raise NotFoundError(f"no NAS is named {name!r}", hint="`netbilld nas list` shows them")
    return str(found.id)
