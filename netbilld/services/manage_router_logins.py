"""Who may log in to routers themselves: named accounts with a password of their own, apart from every subscriber."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.nas import Nas
from netbilld.model.router_login import RouterLogin, password_place
from netbilld.ports.changes import Changes
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.new_service import Sealer
from netbilld.services.subscriber_fields import check_password, clean_text, name_key, parse_username

SHORTEST_PASSWORD: Final = 12
_LONGEST_GROUP: Final = 100


class NasNames(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...


class RouterLogins(Protocol):
    async def add(self, added: RouterLogin) -> None: ...

    async def remove(self, name_key: str) -> UUID | None: ...


class Work(Protocol):
    @property
    def nas(self) -> NasNames: ...

    @property
    def router_logins(self) -> RouterLogins: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManageRouterLogins:
    """The use cases of router accounts; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, box: Sealer) -> None:
        self._store = store
        self._box = box

    async def add(
        self, name: str, password: str, group: str, nas_name: str | None, actor: Actor, now: datetime
    ) -> RouterLogin:
        """Make an account.

        Raises:
            InvalidInputError: a field is wrong.
            NotFoundError: no NAS has that name.
            RefusedError: there is an account of that name.
        """
        username = parse_username(name)
        if len(check_password(password)) < SHORTEST_PASSWORD:
            raise InvalidInputError(f"the password of a router account has at least {SHORTEST_PASSWORD} characters")
        router_group = clean_text("group", group, _LONGEST_GROUP)
        if not router_group:
            raise InvalidInputError("the group is empty", hint="write the router's own word, such as full or read")
        login_id = uuid4()
        async with self._store.write() as work:
            nas = None
            if nas_name is not None:
                nas = await work.nas.by_name(nas_name)
                if nas is None:
                    raise unknown_nas(nas_name)
            added = RouterLogin(
                id=login_id,
                name=username,
                name_key=name_key(username),
                router_group=router_group,
                nas_id=None if nas is None else nas.id,
                password_sealed=self._box.seal(password.encode(), password_place(login_id)),
                created_at=now,
                nas_name=None if nas is None else nas.name,
            )
            await work.router_logins.add(added)
            details = {"name": username, "group": router_group, "nas": added.nas_name}
            # an entity of NAS, so that every process reads its NAS table again
            await work.changes.record(actor, now, "nas.login.add", "nas", login_id, details)
        return added

    async def remove(self, name: str, actor: Actor, now: datetime) -> None:
        """Forget an account.

        Raises:
            NotFoundError: there is none of that name.
        """
        async with self._store.write() as work:
            login_id = await work.router_logins.remove(name_key(name.strip()))
            if login_id is None:
                raise NotFoundError(f"no router account {name!r}", hint="see `netbilld nas login list`")
            await work.changes.record(actor, now, "nas.login.remove", "nas", login_id, {"name": name.strip()})
