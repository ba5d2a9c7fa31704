"""Services: connections, what they are due now, and what is done to them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.enforcement.policy import entitlement
from netbilld.model.permissions import Permission
from netbilld.model.subscriber import CredentialKind
from netbilld.panel.api.call import Call, version_of
from netbilld.panel.api.endpoint import NUMBER, PREFIX, SERVICE, Answer, Endpoint
from netbilld.panel.api.paging import cursor_of, place_of, refused_cursor, split
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Page, PageQuery, Shape, Word
from netbilld.panel.within import Within
from netbilld.services.api_views import ServiceRow
from netbilld.services.manage_locks import LockChanges
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.new_service import NewService

# states of a service as they are said: `terminated` is what the store calls ended
Status = Literal["active", "suspended", "paused", "terminated"]
_SAID: Final = {"ended": "terminated"}
_STORED: Final = {said: stored for stored, said in _SAID.items()}

Username = Annotated[str, Field(min_length=1, max_length=253, description="PPPoE or hotspot user, MAC or circuit:ID.")]
Password = Annotated[str, Field(min_length=1, max_length=128)]
BillingDay = Annotated[int, Field(ge=1, le=31, description="Clamped month by month.")]
Reason = Annotated[str, Field(min_length=1, max_length=200)]
Values = Annotated[list[Word], Field(max_length=50)]


class ServiceDocument(Shape):
    """A service; access is what is due now, whether or not a daemon has ordered it."""

    service_id: UUID
    subscriber_no: str
    username: str = Field(description="The name that stands for it.")
    usernames: list[str]
    status: Status
    status_reason: str | None
    status_since_at: Moment
    plan: str
    plan_name: str
    plan_version: int
    access: Literal["active", "throttled", "walled", "blocked"]
    access_reason: str
    wallet: Amount | None = Field(description="Of the subscriber; null where the token lacks `view_money`.")
    outstanding: Amount | None = Field(description="Likewise.")
    currency: str
    sessions: int = Field(description="How many are open.")
    mac: str | None
    circuit: str | None
    static_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    site: str | None
    billing_day: int
    timezone: str
    activated_on: Day
    installed_on: Day | None
    active_until: Day | None = Field(description="Prepaid: the last day that is paid for.")
    created_at: Moment


class ServicePage(Page):
    items: list[ServiceDocument]


class ServiceQuery(PageQuery):
    subscriber: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = Field(
        default=None, description="A subscriber number."
    )
    username: Word | None = Field(default=None, description="Any name it logs in with.")
    status: Status | None = None
    plan: Word | None = Field(default=None, description="A plan's code.")


class NewServiceBody(Asked):
    """A new service with its credential."""

    username: Username
    password: Password | None = Field(default=None, description="Needed unless the name is a MAC or circuit:ID.")
    plan: Word = Field(description="A plan's code.")
    billing_day: BillingDay | None = Field(default=None, description="1 to 31; default the day of activation.")
    active_until: date | None = Field(default=None, description="Prepaid: the last day that is paid for.")
    activated_on: date | None = Field(default=None, description="Fees begin here; default today.")
    installed_on: date | None = None
    mac: Word | None = Field(default=None, description="A MAC that logs in by itself, beside the user name.")
    static_ip: Word | None = None
    ipv6_prefix: Word | None = None
    delegated_prefix: Word | None = None

    def fields(self) -> dict[str, Any]:
        """Return what the service behind asks for."""
        return {
            "username": self.username,
            "password": self.password,
            "plan": self.plan,
            "billing_day": self.billing_day,
            "active_until_on": self.active_until,
            "activated_on": self.activated_on,
            "installed_on": self.installed_on,
            "mac": self.mac,
            "ip": self.static_ip,
            "ipv6_prefix": self.ipv6_prefix,
            "delegated_prefix": self.delegated_prefix,
        }


class ServicePatch(Asked):
    """What to change; null clears what may be empty, what is not there stays."""

    username: Username | None = Field(default=None, description="Renames it; its history stays.")
    password: Password | None = None
    plan: Word | None = None
    plan_from: Annotated[str, Field(pattern=r"^(now|next|\d{4}-\d{2}-\d{2})$")] | None = Field(
        default=None, description="`now`, `next` or a day; default: an upgrade now, a downgrade with the next period."
    )
    billing_day: BillingDay | None = None
    active_until: date | None = None
    mac: Word | None = None
    circuit: Word | None = None
    static_ip: Word | None = None
    ipv6_prefix: Word | None = None
    delegated_prefix: Word | None = None
    site: Word | None = None


class SuspendBody(Asked):
    reason: Reason


class TerminateBody(Asked):
    reason: Reason | None = None


class ResumeBody(Asked):
    """Nothing to say."""


class PauseBody(Asked):
    from_on: date | None = Field(default=None, alias="from", description="The first day; default at once.")
    until: date | None = Field(default=None, description="The day on which it runs again by itself.")
    reason: Reason | None = None


class LocksBody(Asked):
    """Where it may log in from; a list replaces what there is of its kind."""

    mac: Values | None = None
    vlan: Values | None = None
    nas_port: Values | None = None
    nas: Values | None = Field(default=None, description="Names of NAS.")
    unlock: list[Literal["mac", "vlan", "nas_port", "nas"]] = Field(default_factory=list, max_length=4)
    forget: bool = Field(default=False, description="Forget what was learned; the next log-in teaches anew.")


async def service_document(work: Any, call: Call, rows: Sequence[ServiceRow]) -> list[ServiceDocument]:
    """Return services as they are told."""
    ids = [row.id for row in rows]
    facts = {one.service_id: one for one in await work.enforcement.facts(ids, call.parts.standing, call.now)}
    money = call.may(Permission.VIEW_MONEY)
    balances = await work.ledger.balances({row.subscriber_id for row in rows}) if money else {}
    documents = []
    for row in rows:
        due = entitlement(facts[row.id], call.parts.garden, call.now)
        balance = balances.get(row.subscriber_id)
        documents.append(
            ServiceDocument(
                service_id=row.id,
                subscriber_no=row.subscriber_no,
                username=row.username,
                usernames=[name for _, name in row.names],
                status=_SAID.get(row.status, row.status),
                status_reason=row.status_reason,
                status_since_at=call.local(row.status_since_at),
                plan=row.plan,
                plan_name=row.plan_name,
                plan_version=row.plan_version,
                access=due.access.value,
                access_reason=due.reason.value,
                wallet=balance.wallet_minor if balance else None,
                outstanding=balance.outstanding_minor if balance else None,
                currency=row.currency,
                sessions=row.sessions,
                mac=row.named(CredentialKind.MAC.value),
                circuit=row.named(CredentialKind.CIRCUIT.value),
                static_ip=row.static_ip,
                ipv6_prefix=row.ipv6_prefix,
                delegated_prefix=row.delegated_prefix,
                site=row.site,
                billing_day=row.billing_day,
                timezone=row.timezone,
                activated_on=row.activated_on,
                installed_on=row.installed_on,
                active_until=row.paid_until_on,
                created_at=call.local(row.created_at),
            )
        )
    return documents


async def found_service(work: Any, call: Call) -> ServiceRow:
    """Return the service in the address.

    Raises:
        Problem: there is none.
    """
    row: ServiceRow | None = await work.api_reads.service(UUID(call.params["service"]))
    if row is None or not row.username:
        raise Problem(404, "not_found", f"no service has the id {call.params['service']}")
    return row


async def show_list(call: Call) -> Answer:
    """GET /services."""
    query = call.query(ServiceQuery)
    place = place_of(query.cursor, str)
    try:
        after = UUID(place[0]) if place else None
    except ValueError:
        raise refused_cursor() from None
    async with call.parts.database.read() as work:
        rows = await work.api_reads.services(
            call.areas,
            after=after,
            limit=query.limit + 1,
            subscriber_no=query.subscriber,
            username=query.username,
            status=_STORED.get(query.status, query.status) if query.status else None,
            plan=query.plan,
        )
        shown, last = split(rows, query.limit)
        items = await service_document(work, call, shown)
    return Answer(ServicePage(items=items, next_cursor=cursor_of(str(last.id)) if last else None))


async def show(call: Call) -> Answer:
    """GET /services/{service}."""
    async with call.parts.database.read() as work:
        row = await found_service(work, call)
        version = await version_of(work, "subscriber", row.subscriber_id)
        [document] = await service_document(work, call, [row])
    return Answer(document, version=version)


async def add(call: Call) -> Answer:
    """POST /subscribers/{number}/services."""
    body, number = call.body(NewServiceBody), call.params["number"]
    manage = call.parts.manage_subscribers(call.parts.database)
    added = await manage.add(NewService(**body.fields(), of=number), call.actor, call.now, call.key)
    await call.parts.nudge()
    async with call.parts.database.read() as work:
        row = await work.api_reads.service(UUID(added.service_id))
        version = await version_of(work, "subscriber", row.subscriber_id)
        [document] = await service_document(work, call, [row])
    return Answer(document, version=version, headers={"Location": f"{PREFIX}/services/{added.service_id}"})


async def change(call: Call) -> Answer:
    """PATCH /services/{service}."""
    body = call.body(ServicePatch)
    told = {_NAMES.get(name, name): getattr(body, name) for name in body.model_fields_set}
    told = {name: "" if value is None and name in _CLEARED else value for name, value in told.items()}

    async def act(row: ServiceRow) -> None:
        store = call.guarded(
            "subscriber", row.subscriber_id, lambda work: work.subscribers.by_number(row.subscriber_no, lock=True)
        )
        manage = call.parts.manage_subscribers(store)
        await manage.set(row.username, SubscriberChanges(**told), call.actor, call.now)

    return await _act(call, act)


_NAMES: Final = {"static_ip": "ip", "active_until": "active_until_on"}
_CLEARED: Final = frozenset({"mac", "circuit", "ip", "ipv6_prefix", "delegated_prefix", "site"})


async def suspend(call: Call) -> Answer:
    """POST /services/{service}/suspend."""

    async def act(row: ServiceRow) -> None:
        reason = call.body(SuspendBody).reason
        await call.parts.manage_subscribers(call.parts.database).suspend(row.username, reason, call.actor, call.now)

    return await _act(call, act)


async def resume(call: Call) -> Answer:
    """POST /services/{service}/resume."""

    async def act(row: ServiceRow) -> None:
        await call.parts.manage_subscribers(call.parts.database).resume(row.username, call.actor, call.now)

    return await _act(call, act)


async def terminate(call: Call) -> Answer:
    """POST /services/{service}/terminate."""

    async def act(row: ServiceRow) -> None:
        reason = call.body(TerminateBody).reason
        await call.parts.manage_subscribers(call.parts.database).terminate(row.username, reason, call.actor, call.now)

    return await _act(call, act)


async def pause(call: Call) -> Answer:
    """POST /services/{service}/pause."""

    async def act(row: ServiceRow) -> None:
        body = call.body(PauseBody)
        await call.parts.people.pause.run(row.username, body.from_on, body.until, body.reason, call.actor, call.now)

    return await _act(call, act)


async def lock(call: Call) -> Answer:
    """POST /services/{service}/locks."""

    async def act(row: ServiceRow) -> None:
        body = call.body(LocksBody)
        wanted = LockChanges(
            mac=body.mac,
            vlan=body.vlan,
            nas_port=body.nas_port,
            nas=body.nas,
            unlock=tuple(body.unlock),
            forget=body.forget,
        )
        await call.parts.manage_locks.set(row.username, wanted, call.actor, call.now)

    return await _act(call, act)


async def _act(call: Call, act: Callable[[ServiceRow], Awaitable[None]]) -> Answer:
    """Do something to the service in the address, and return what it is then."""
    async with call.parts.database.read() as work:
        row = await found_service(work, call)
    await act(row)
    await call.parts.nudge()
    return await show(call)


def _action(name: str, word: str, says: str, body: type[Asked], handler: Any, more: str = "") -> Endpoint:
    return Endpoint(
        name=name,
        method="POST",
        path=f"/services/{{service}}/{word}",
        params=(SERVICE,),
        tag=_TAG,
        says=says,
        more=more,
        handler=handler,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=body,
        gives=ServiceDocument,
        conflicts=True,
    )


_TAG: Final = "Services"

ENDPOINTS: Final = (
    Endpoint(
        name="listServices",
        method="GET",
        path="/services",
        tag=_TAG,
        says="List services",
        more="In order of their ids. `username` finds the one that a name logs in to.",
        handler=show_list,
        scope=Permission.VIEW_SUBSCRIBERS,
        query=ServiceQuery,
        gives=ServicePage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="addService",
        method="POST",
        path="/subscribers/{number}/services",
        params=(NUMBER,),
        tag=_TAG,
        says="Add a service to a subscriber",
        handler=add,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=NewServiceBody,
        gives=ServiceDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="getService",
        method="GET",
        path="/services/{service}",
        params=(SERVICE,),
        tag=_TAG,
        says="Get a service and what it is due now",
        handler=show,
        scope=Permission.VIEW_SUBSCRIBERS,
        gives=ServiceDocument,
    ),
    Endpoint(
        name="changeService",
        method="PATCH",
        path="/services/{service}",
        params=(SERVICE,),
        tag=_TAG,
        says="Change a service, its plan or its credentials",
        more="Its version is its subscriber's: whoever changes the one changes what If-Match is compared with.",
        handler=change,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=ServicePatch,
        gives=ServiceDocument,
        is_conditional=True,
        conflicts=True,
    ),
    _action("suspendService", "suspend", "Suspend a service until it is resumed", SuspendBody, suspend),
    _action("resumeService", "resume", "End a suspension or a pause", ResumeBody, resume),
    _action("pauseService", "pause", "Pause a service at its subscriber's wish", PauseBody, pause),
    _action(
        "terminateService",
        "terminate",
        "End a service for good",
        TerminateBody,
        terminate,
        "Nothing is deleted. With the last service the subscriber ends too.",
    ),
    _action("lockService", "locks", "Set, take off or forget where a service may log in from", LocksBody, lock),
)
