"""The NAS table of an edge's RADIUS ports, read from the store and kept as it is there."""

import logging
from collections.abc import Sequence
from ipaddress import ip_network
from uuid import UUID

from netbilld.accounting.counting import counting
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.radius_edge import RadiusEdge
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, secret_place
from netbilld.model.router_login import RouterLogin, password_place
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client, ClientTable, RequireMessageAuthenticator
from netbilld.radius.mschap import nt_hash
from netbilld.radius.router_access import RouterAccount

logger = logging.getLogger("netbilld.radius")


class ClientKeeper:
    """Keeps the NAS table of one process: read again after a change, and written to with what it has learned."""

    def __init__(
        self,
        edge: RadiusEdge,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        default_policy: RequireMessageAuthenticator,
    ) -> None:
        self._edge = edge
        self._database = database
        self._box = box
        self._clock = clock
        self._default_policy = default_policy

    async def load(self) -> None:
        """Read the table again."""
        await take_clients(self._edge, self._database, self._box, self._default_policy)

    async def keep_learned(self) -> None:
        """Write down which NAS have been found to sign their requests."""
        learned = self._edge.take_learned()
        if not learned:
            return
        now = self._clock.now()
        async with self._database.write() as work:
            for nas_id in learned:
                await work.nas.sent_message_authenticator(nas_id, now)
        await self.load()


async def take_clients(
    edge: RadiusEdge, database: Database, box: SecretBox, default_policy: RequireMessageAuthenticator
) -> None:
    """Give both ports every NAS in service.

    Raises:
        StoreUnavailableError: the database is away; what they have stays.
    """
    async with database.read() as work:
        rows = await work.nas.all()
        router_logins = await work.router_logins.all()
    put_clients(edge, rows, router_logins, box, default_policy)


def put_clients(
    edge: RadiusEdge,
    rows: Sequence[Nas],
    router_logins: Sequence[RouterLogin],
    box: SecretBox,
    default_policy: RequireMessageAuthenticator,
) -> None:
    """Give both ports these NAS; one whose secret does not open is left out, and said."""
    accounts = _router_accounts(router_logins, box)
    clients = []
    for row in rows:
        try:
            clients.append(_client(row, box, default_policy, accounts))
        except NetbilldError as error:
            logger.error("NAS %s is not served: %s", row.name, error, extra={"event": "nas_unusable", "nas": row.name})  # noqa: TRY400 - the line says all
    edge.clients = ClientTable(clients)
    flags = {row.id: counting(row.swap_octets, row.counter_unit, row.ipv6_octets) for row in rows}
    for recorder in edge.recorders:
        recorder.counting = {nas_id: number for nas_id, number in flags.items() if number}


def _router_accounts(logins: Sequence[RouterLogin], box: SecretBox) -> list[tuple[UUID | None, bytes, RouterAccount]]:
    """Return each account with the NAS it opens and its key; one whose password does not open is left out, and said."""
    accounts = []
    for login in logins:
        try:
            password = box.open(login.password_sealed, password_place(login.id))
        except NetbilldError as error:
            logger.error("router account %s is not served: %s", login.name, error)  # noqa: TRY400 - the line says all
            continue
        account = RouterAccount(login.name, password, nt_hash(password), login.router_group)
        accounts.append((login.nas_id, login.name_key.encode(), account))
    return accounts


def _client(
    row: Nas,
    box: SecretBox,
    default_policy: RequireMessageAuthenticator,
    accounts: list[tuple[UUID | None, bytes, RouterAccount]],
) -> Client:
    own: RequireMessageAuthenticator = "true" if row.require_message_authenticator == "true" else "auto"
    if row.require_message_authenticator == "false":
        own = "false"
    return Client(
        nas_id=row.id,
        name=row.name,
        address=ip_network(row.address),
        secret=Secret(box.open(row.secret_sealed, secret_place(row.id))),
        vendor=row.vendor,
        # a NAS left at `auto` follows the setting
        require_message_authenticator=default_policy if own == "auto" else own,
        seen_message_authenticator=row.seen_message_authenticator_at is not None,
        radsec_name=row.radsec_name,
        wall_by=row.wall_by,
        holds_limits=row.holds_limits,
        router_accounts={key: account for nas_id, key, account in accounts if nas_id in {None, row.id}},
        told_by=row.told_by.encode(),
    )
