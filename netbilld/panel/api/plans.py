"""Plans: what is sold, in versions; a version is never changed."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call, version_of
from netbilld.panel.api.endpoint import PLAN, PREFIX, Answer, Endpoint
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Page, Query, Shape
from netbilld.panel.within import Within

LONGEST_FILE: Final = 40_000
_SOURCE: Final = "toml"  # how errors name the file

PlanFile = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_FILE, description="A plan file, as `netbilld plan add` takes it (TOML)."),
]


class PlanSummary(Shape):
    """A plan's newest version."""

    code: str
    name: str
    version: int
    on_sale: bool
    timing: Literal["prepaid", "postpaid"]
    charging: Literal["flat", "volume", "hybrid", "time", "per_use"]
    currency: str
    price: Amount | None = Field(description="Of a period, in minor units; null without a recurring fee.")
    down_bps: int = Field(description="Bit/s to the subscriber.")
    up_bps: int
    allowance_octets: int | None
    after_allowance: str | None
    services: int = Field(description="Services that have not ended on any of its versions.")


class PlanVersionDocument(Shape):
    version: int
    name: str
    created_at: Moment
    effective_on: Day | None = Field(description="The first day it is sold; null: from the start.")
    actor: str


class PlanDocument(PlanSummary):
    """A plan with its versions, newest first."""

    definition: dict[str, Any] = Field(description="The newest version in base units: octets, bit/s, minor units.")
    versions: list[PlanVersionDocument]


class PlanPage(Page):
    items: list[PlanSummary]


class PlanQuery(Query):
    on_sale: bool | None = None


class NewPlanBody(Asked):
    toml: PlanFile


class PlanPatch(Asked):
    """A new version, or whether it is on sale; running services keep their version."""

    toml: PlanFile | None = None
    effective_on: date | None = Field(default=None, description="The first day the new version is sold.")
    on_sale: bool | None = None


async def show_list(call: Call) -> Answer:
    """GET /plans."""
    wanted = call.query(PlanQuery).on_sale
    async with call.parts.database.read() as work:
        listed = await work.plans.listed()
    items = [PlanSummary(**_summary(one)) for one in listed if wanted is None or one.newest.on_sale is wanted]
    return Answer(PlanPage(items=items, next_cursor=None))


async def show(call: Call) -> Answer:
    """GET /plans/{code}."""
    return await _plan(call, call.params["code"])


async def add(call: Call) -> Answer:
    """POST /plans."""
    plans = call.parts.manage_plans(call.parts.database)
    saved = await plans.add(call.body(NewPlanBody).toml, _SOURCE, actor=call.actor, now=call.now)
    await call.parts.nudge()
    answer = await _plan(call, saved.code)
    headers = {"Location": f"{PREFIX}/plans/{quote(saved.code, safe='')}"}
    return Answer(answer.document, version=answer.version, headers=headers)


async def change(call: Call) -> Answer:
    """PATCH /plans/{code}."""
    body, code = call.body(PlanPatch), call.params["code"]
    if body.toml is None and body.on_sale is None:
        raise Problem(422, "nothing_to_set", "send toml, on_sale or both")
    async with call.parts.database.read() as work:
        found = await work.plans.by_code(code)
    if found is None:
        raise _no_plan(code)
    store = call.guarded("plan", found.code, lambda work: work.plans.by_code(found.code, lock=True))
    await call.parts.manage_plans(store).set(
        found.code,
        toml_text=body.toml,
        source_name=_SOURCE,
        on_sale=body.on_sale,
        effective_on=body.effective_on,
        actor=call.actor,
        now=call.now,
    )
    await call.parts.nudge()
    return await _plan(call, found.code)


async def _plan(call: Call, code: str) -> Answer:
    async with call.parts.database.read() as work:
        history = await work.plans.history(code)
        listed = [one for one in await work.plans.listed() if history and one.newest.plan_id == history[0].plan_id]
        if not listed:
            raise _no_plan(code)
        version = await version_of(work, "plan", history[0].code)
    document = PlanDocument(
        **_summary(listed[0]),
        definition=dict(listed[0].newest.definition),
        versions=[
            PlanVersionDocument(
                version=one.version,
                name=one.name,
                created_at=call.local(one.created_at),
                effective_on=one.effective_on,
                actor=one.actor,
            )
            for one in history
        ],
    )
    return Answer(document, version=version)


def _no_plan(code: str) -> Problem:
    return Problem(404, "not_found", f"there is no plan {code[:64]!r}")


def _summary(one: Any) -> dict[str, Any]:
    plan = one.newest.plan
    return {
        "code": plan.code,
        "name": plan.name,
        "version": one.newest.version,
        "on_sale": one.newest.on_sale,
        "timing": plan.timing.value,
        "charging": plan.charging.value,
        "currency": plan.currency,
        "price": plan.recurring.price_minor if plan.recurring else None,
        "down_bps": plan.speed.down_bps,
        "up_bps": plan.speed.up_bps,
        "allowance_octets": plan.allowance.data_octets if plan.allowance else None,
        "after_allowance": plan.allowance.after.value if plan.allowance else None,
        "services": one.services,
    }


_TAG: Final = "Plans"

ENDPOINTS: Final = (
    Endpoint(
        name="listPlans",
        method="GET",
        path="/plans",
        tag=_TAG,
        says="List plans",
        more="All of them on one page.",
        handler=show_list,
        scope=Permission.VIEW_PLANS,
        query=PlanQuery,
        gives=PlanPage,
        within=Within.ANYWHERE,
    ),
    Endpoint(
        name="addPlan",
        method="POST",
        path="/plans",
        tag=_TAG,
        says="Add a plan",
        handler=add,
        scope=Permission.EDIT_PLANS,
        body=NewPlanBody,
        gives=PlanDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="getPlan",
        method="GET",
        path="/plans/{code}",
        params=(PLAN,),
        tag=_TAG,
        says="Get a plan with its versions",
        handler=show,
        scope=Permission.VIEW_PLANS,
        gives=PlanDocument,
        within=Within.ANYWHERE,
    ),
    Endpoint(
        name="changePlan",
        method="PATCH",
        path="/plans/{code}",
        params=(PLAN,),
        tag=_TAG,
        says="Add a version, or put a plan on or off sale",
        handler=change,
        scope=Permission.EDIT_PLANS,
        body=PlanPatch,
        gives=PlanDocument,
        is_conditional=True,
        conflicts=True,
    ),
)
