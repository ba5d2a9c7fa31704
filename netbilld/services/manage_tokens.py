"""Tokens of the JSON API: made, listed and revoked; shown once, kept as a hash."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import uuid4

from netbilld.model.actor import Actor
from netbilld.model.api_token import DEFAULT_RATE_PER_MINUTE, MOST_RATE_PER_MINUTE, SCOPES, ApiToken
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.ports.changes import Changes
from netbilld.services.areas import parse_areas
from netbilld.services.sign_in import token_hash
from netbilld.services.subscriber_fields import clean_text

BEGINS: Final = "nbt_"  # scanners of leaked secrets know it by this
ENTROPY_OCTETS: Final = 32
LONGEST_NAME: Final = 100
LONGEST_LIFE: Final = timedelta(days=3660)
_HINT_LENGTH: Final = 8


class Tokens(Protocol):
    async def add(self, token: ApiToken, token_hash: str) -> bool: ...

    async def by_name(self, name: str) -> ApiToken | None: ...

    async def all(self) -> Sequence[ApiToken]: ...

    async def revoke(self, token: ApiToken, by: str, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def api_tokens(self) -> Tokens: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class NewToken:
    """What is asked for, as written: scopes and the rights of a role together.

    No expiry lasts until revoked, no areas are everywhere.
    """

    name: str
    scopes: Collection[str] = ()
    role: str | None = None
    expires_at: datetime | None = None
    rate_per_minute: int = DEFAULT_RATE_PER_MINUTE
    areas: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token, with what is shown of it only now."""

    token: ApiToken
    clear: str = field(repr=False)


class ManageTokens:
    """The use cases of tokens; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._store, self._entropy = store, entropy

    async def add(self, new: NewToken, actor: Actor, now: datetime) -> MadeToken:
        """Make a token.

        Raises:
            InvalidInputError: the name is empty, a scope unknown, there is none, or the expiry is not ahead.
            RefusedError: a token has that name; one that was revoked keeps it, since the trail names it.
        """
        name = clean_text("name", new.name, LONGEST_NAME)
        if not name or not name.isprintable():
            raise InvalidInputError("the token's name is empty or not one line", code="token_name")
        scopes = scopes_of(new.scopes, new.role)
        if new.expires_at is not None and not now < new.expires_at <= now + LONGEST_LIFE:
            raise InvalidInputError("the expiry is not within the next ten years", code="token_expiry")
        if not 1 <= new.rate_per_minute <= MOST_RATE_PER_MINUTE:
            raise InvalidInputError(f"the rate is 1 to {MOST_RATE_PER_MINUTE} requests a minute", code="token_rate")
        clear = BEGINS + urlsafe_b64encode(self._entropy(ENTROPY_OCTETS)).decode().rstrip("=")
        token = ApiToken(
            id=uuid4(),
            name=name,
            hint=clear[:_HINT_LENGTH],
            scopes=scopes,
            rate_per_minute=new.rate_per_minute,
            created_at=now,
            created_by=actor.name,
            expires_at=new.expires_at,
            areas=parse_areas(new.areas),
        )
        async with self._store.write() as work:
            if not await work.api_tokens.add(token, token_hash(clear)):
                raise RefusedError(f"there is a token {name!r} already", hint="take another name", code="token_taken")
            details = {
                "name": name,
                "scopes": sorted(scopes),
                "areas": list(token.areas),
                "rate_per_minute": new.rate_per_minute,
                "expires_at": new.expires_at.isoformat() if new.expires_at else None,
            }
            await work.changes.record(actor, now, "token.add", "token", token.id, details)
        return MadeToken(token, clear)

    async def list(self) -> Sequence[ApiToken]:
        """Return every token there is and was, by name."""
        async with self._store.read() as work:
            return await work.api_tokens.all()

    async def revoke(self, name: str, actor: Actor, now: datetime) -> bool:
        """End a token for good; False where it is revoked already.

        Raises:
            NotFoundError: no token has that name.
        """
        async with self._store.write() as work:
            token = await work.api_tokens.by_name(name)
            if token is None:
                raise NotFoundError(f"no token is called {name[:60]!r}", hint="`netbilld token list` shows them")
            if token.revoked_at is not None:
                return False
            await work.api_tokens.revoke(token, actor.name, now)
            await work.changes.record(actor, now, "token.revoke", "token", token.id, {"name": token.name})
        return True


def scopes_of(names: Collection[str], role: str | None = None) -> frozenset[Permission]:
    """Return the rights that are meant by names of scopes and of a role.

    Raises:
        InvalidInputError: one is not known, can't be a token's, or there is none.
    """
    allowed = ", ".join(SCOPES)
    wanted: set[Permission] = set()
    if role:
        try:
            wanted |= PERMISSIONS[Role(role)] & set(SCOPES)
        except ValueError:
            known = ", ".join(Role)
            raise InvalidInputError(f"role {role!r} is not known; allowed: {known}", code="token_scope") from None
    for name in names:
        if name not in set(SCOPES):
            raise InvalidInputError(f"scope {name[:40]!r} is not known; allowed: {allowed}", code="token_scope")
        wanted.add(Permission(name))
    if not wanted:
        raise InvalidInputError("a token needs a scope", hint=f"allowed: {allowed}", code="token_scope")
    return frozenset(wanted)
