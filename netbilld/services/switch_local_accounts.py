"""SwitchLocalAccounts: turns a router's own accounts off, so that their subscribers log in here, and on again.

A router asks RADIUS nothing about a name that it knows itself. Whoever is online stays so: what was switched decides
the next time the modem dials.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.nas import Nas
from netbilld.model.subscriber import Credential, CredentialKind, FoundService, password_place
from netbilld.ports.changes import Changes
from netbilld.ports.local_accounts import LocalAccount, LocalAccounts, Menu
from netbilld.services.access_directory import SecretOpener
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.router_rows import shown
from netbilld.services.subscriber_fields import name_key

A_BATCH: Final = 50
_PATHS: Final[dict[Menu, str]] = {"ppp": "/ppp secret", "hotspot": "/ip hotspot user"}


class Nases(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...


class Subscribers(Protocol):
    async def by_credential_names(self, names: Collection[str]) -> dict[str, FoundService]: ...


class Switched(Protocol):
    async def disabled_on(self, nas_id: UUID) -> set[tuple[str, str]]: ...

    async def note(self, nas_id: UUID, accounts: Collection[tuple[str, str]], at: datetime) -> None: ...

    async def forget(self, nas_id: UUID, accounts: Collection[tuple[str, str]] | None = None) -> None: ...


class Work(Protocol):
    @property
    def nas(self) -> Nases: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def local_accounts(self) -> Switched: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class Switching:
    """How it went.

    Attributes:
        done: switched, as read back from the router; in a dry run those that would be.
        failed: told to the router, and not so afterwards.
        waiting: how many could be switched and are left for another run.
        already: how many are switched already.
        left_out: menu, name and reason of those that are better left alone.
    """

    done: list[LocalAccount] = field(default_factory=list)
    failed: list[LocalAccount] = field(default_factory=list)
    waiting: int = 0
    already: int = 0
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


class SwitchLocalAccounts:
    """Switches the accounts of one router."""

    def __init__(self, store: Store, box: SecretOpener, router: LocalAccounts) -> None:
        self._store = store
        self._box = box
        self._router = router

    async def disable(
        self,
        nas_name: str,
        most: int,
        actor: Actor,
        now: datetime,
        *,
        undo: Callable[[Sequence[str]], None],
        dry_run: bool = False,
    ) -> Switching:
        """Turn off the accounts of subscribers who can log in here.

        Args:
            nas_name: the router's NAS.
            most: how many at once; another run takes the next ones.
            actor: who.
            now: when.
            undo: is given the router's own lines that turn them on again, before any is turned off.
            dry_run: only tell.

        Raises:
            NotFoundError: no NAS has that name.
            RefusedError: the router does not ask RADIUS, or was never heard here: they would all be locked out.
            RouterRefusalError: the router can't be asked, or refuses.
        """
        nas = await self._nas(nas_name)
        accounts = await self._router.read()
        result = Switching(already=sum(account.is_disabled for account in accounts))
        enabled = [account for account in accounts if not account.is_disabled]
        async with self._store.read() as work:
            found = await work.subscribers.by_credential_names([shown(account.name) for account in enabled])
        able = []
        for account in enabled:
            reason = self._why_not(account, found.get(name_key(shown(account.name))))
            if reason is None:
                able.append(account)
            else:
                result.left_out.append((account.menu, shown(account.name), reason))
        now_ones, result.waiting = able[:most], max(0, len(able) - most)
        if not now_ones:
            return result
        await self._refuse_lock_out(nas, {account.menu for account in now_ones})
        if dry_run:
            result.done = now_ones
            return result
        undo([enable_line(account) for account in now_ones])
        async with self._store.write() as work:
            await work.local_accounts.note(nas.id, [(one.menu, one.name) for one in now_ones], now)
            await work.changes.record(actor, now, "nas.local.disable", "nas", nas.id, _details(nas.name, now_ones))
        result.done = await self._router.switch(now_ones, on=False)
        done = {one.number for one in result.done}
        result.failed = [one for one in now_ones if one.number not in done]
        if result.failed:
            async with self._store.write() as work:
                await work.local_accounts.forget(nas.id, [(one.menu, one.name) for one in result.failed])
        return result

    async def enable(self, nas_name: str, actor: Actor, now: datetime, *, dry_run: bool = False) -> Switching:
        """Turn on what was turned off here.

        Raises:
            NotFoundError: no NAS has that name.
            RouterRefusalError: the router can't be asked, or refuses.
        """
        nas = await self._nas(nas_name)
        async with self._store.read() as work:
            ours = await work.local_accounts.disabled_on(nas.id)
        accounts = [one for one in await self._router.read() if (one.menu, one.name) in ours]
        there = {(one.menu, one.name) for one in accounts}
        off = [one for one in accounts if one.is_disabled]
        result = Switching(already=len(accounts) - len(off))
        result.left_out = [(menu, name, "it is no longer on the router") for menu, name in sorted(ours - there)]
        if dry_run:
            result.done = off
            return result
        if off:
            result.done = await self._router.switch(off, on=True)
        done = {one.number for one in result.done}
        result.failed = [one for one in off if one.number not in done]
        failed = {(one.menu, one.name) for one in result.failed}
        async with self._store.write() as work:
            await work.local_accounts.forget(nas.id, ours - failed)
            if result.done:
                details = _details(nas.name, result.done)
                await work.changes.record(actor, now, "nas.local.enable", "nas", nas.id, details)
        return result

    async def _nas(self, name: str) -> Nas:
        async with self._store.read() as work:
            nas = await work.nas.by_name(name)
        if nas is None:
            raise unknown_nas(name)
        return nas

    def _why_not(self, account: LocalAccount, found: FoundService | None) -> str | None:
        """Return why an account is better left on; None where its subscriber can log in here."""
        if shown(account.name) != account.name:
            return "its name is not UTF-8 text"
        if found is None:
            return "nobody here has that user name"
        if found.service.status != "active":
            return f"its service here is {found.service.status}"
        return self._password_trouble(found.credential, account)

    def _password_trouble(self, credential: Credential, account: LocalAccount) -> str | None:
        if credential.kind == CredentialKind.MAC.value:
            return None
        if credential.password_sealed is None:
            return "it has no password here"
        if account.password is None:
            return None  # what the router does not show can't be compared
        ours = self._box.open(credential.password_sealed, password_place(credential.id))
        if not compare_digest(ours, account.password.encode("utf-8", "surrogateescape")):
            return "the password here is another one: its modem could not log in"
        return None

    async def _refuse_lock_out(self, nas: Nas, menus: Collection[Menu]) -> None:
        for menu in sorted(menus):
            line = await self._router.asks_radius(menu)
            if line is not None:
                raise RefusedError(
                    f"NAS {nas.name!r} does not ask RADIUS for {menu}: they could not log in",
                    hint=f"on it: {line}",
                    code="no_radius",
                )
        if nas.last_heard_at is None:
            raise RefusedError(
                f"NAS {nas.name!r} was never heard here: they could not log in",
                hint=f"see `netbilld doctor nas {nas.name}`, and let one subscriber log in by RADIUS first",
                code="never_heard",
            )


def enable_line(account: LocalAccount) -> str:
    """Return the router's own line that turns an account on."""
    return f"{_PATHS[account.menu]} enable [find name={quoted(account.name)}]"


def quoted(text: str) -> str:
    r"""Return text as a RouterOS console takes it literally; odd octets as \XX. Source: its manual, page Scripting."""
    written = []
    for octet in text.encode("utf-8", "surrogateescape"):
        character = chr(octet)
        if character in '"\\$?':
            written.append("\\" + character)
        elif 0x20 <= octet < 0x7F:
            written.append(character)
        else:
            written.append(f"\\{octet:02X}")
    return f'"{"".join(written)}"'


def _details(nas_name: str, accounts: Sequence[LocalAccount]) -> dict[str, Any]:
    return {"name": nas_name, "accounts": [f"{one.menu} {shown(one.name)}" for one in accounts]}
