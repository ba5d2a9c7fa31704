"""Plans: added from a file, followed by further versions, put on and off sale."""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.plan_file import named_places, parse_plan, refuse_key, unused_keys
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.changes import Changes

KNOWN_TAXES: Final = ("ppn",)


class StoredVersion(Protocol):
    @property
    def plan_id(self) -> UUID: ...
    @property
    def code(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def on_sale(self) -> bool: ...
    @property
    def definition(self) -> Mapping[str, Any]: ...


class Plans(Protocol):
    async def add(
        self, plan_id: UUID, version_id: UUID, definition: Mapping[str, Any], *, at: datetime, actor: str
    ) -> None: ...
    async def add_version(
        self,
        plan_id: UUID,
        version_id: UUID,
        version: int,
        definition: Mapping[str, Any],
        *,
        at: datetime,
        actor: str,
        effective_on: date | None = None,
    ) -> None: ...
    async def set_on_sale(self, plan_id: UUID, *, on_sale: bool) -> None: ...
    async def by_code(self, code: str, *, lock: bool = False) -> StoredVersion | None: ...


class Groups(Protocol):
    async def group(self, code: str) -> str | None: ...
    async def area(self, path: str) -> str | None: ...


class Work(Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PlanSaved:
    """What a plan is now.

    Attributes:
        new: False where the file says what the newest version says already.
        unused: keys of the file that have no effect on such a plan.
    """

    code: str
    version: int
    on_sale: bool
    new: bool
    unused: tuple[str, ...] = ()


class ManagePlans:
    """Adds plans and versions; a version that services run on is never changed."""

    def __init__(self, store: Store, currency: str, taxes: Collection[str] = KNOWN_TAXES) -> None:
        self._store, self._currency, self._taxes = store, currency, taxes

    async def add(self, toml_text: str, source_name: str, *, actor: Actor, now: datetime) -> PlanSaved:
        """Store a new plan as version 1 and put it on sale.

        Raises:
            InvalidInputError: the file is wrong; one line with file, line and key.
            RefusedError: a plan has that code.
        """
        definition = self._parsed(toml_text, source_name)
        async with self._store.write() as work:
            await _refuse_unknown_places(work, toml_text, source_name, definition)
            if found := await work.plans.by_code(definition["code"]):
                raise RefusedError(
                    f"{source_name}: plan {found.code} exists",
                    hint=f"`netbilld plan set {source_name}` makes a new version of it",
                    code="plan_exists",
                )
            await work.plans.add(uuid4(), uuid4(), definition, at=now, actor=actor.name)
            details = {"version": 1, "name": definition["name"]}
            await work.changes.record(actor, now, "plan.add", "plan", definition["code"], details)
        return PlanSaved(definition["code"], 1, on_sale=True, new=True, unused=unused_keys(toml_text, definition))

    async def set(
        self,
        code: str | None,
        *,
        toml_text: str | None,
        source_name: str = "",
        on_sale: bool | None,
        actor: Actor,
        now: datetime,
        effective_on: date | None = None,
        follows: int | None = None,
    ) -> PlanSaved:
        """Make a new version from a file, or put a plan on or off sale; services keep their version until moved.

        Args:
            code: of the plan; None takes it from the file.
            toml_text: the new version's file; None leaves the version as it is.
            source_name: how to name the file in an error.
            on_sale: whether new services may take it; None leaves it as it is.
            actor: who.
            now: when.
            effective_on: the first local day on which the new version is sold; None for at once.
            follows: the version that the new one was made from; None where that is nobody's question.

        Raises:
            InvalidInputError: the file is wrong, or is for another plan.
            NotFoundError: no plan has that code.
            RefusedError: another version was made since the one it follows.
        """
        definition = self._parsed(toml_text, source_name) if toml_text is not None else None
        if definition is not None and code is not None and definition["code"].casefold() != code.casefold():
            raise InvalidInputError(f"{source_name}: code is {definition['code']}, not {code}", code="bad_plan")
        wanted = definition["code"] if definition is not None else code
        if wanted is None:
            raise InvalidInputError("name a plan or a file")
        async with self._store.write() as work:
            found = await work.plans.by_code(wanted, lock=True)
            if found is None:
                raise NotFoundError(f"no plan {wanted!r}", hint="`netbilld plan list` shows all, `plan add` makes one")
            details: dict[str, Any] = {}
            version = found.version
            if definition is not None and toml_text is not None:
                await _refuse_unknown_places(work, toml_text, source_name, definition)
                definition["code"] = found.code  # written once, as it was first
                if definition != dict(found.definition):
                    if follows not in {None, found.version}:
                        raise RefusedError(
                            f"{found.actor} has made version {found.version} of plan {found.code} meanwhile",
                            hint="look at what changes, and make it again",
                            code="version_since",
                        )
                    version += 1
                    details |= {
                        "version": version,
                        "name": definition["name"],
                        "fields": _changed_keys(found.definition, definition),
                    }
                    if effective_on is not None:
                        details["effective_on"] = effective_on.isoformat()
                    await work.plans.add_version(
                        found.plan_id,
                        uuid4(),
                        version,
                        definition,
                        at=now,
                        actor=actor.name,
                        effective_on=effective_on,
                    )
            if on_sale is not None and on_sale != found.on_sale:
                details["on_sale"] = on_sale
                details["fields"] = {**details.get("fields", {}), "on_sale": [found.on_sale, on_sale]}
                await work.plans.set_on_sale(found.plan_id, on_sale=on_sale)
            if details:
                await work.changes.record(actor, now, "plan.set", "plan", found.code, details)
        unused = unused_keys(toml_text, definition) if toml_text is not None and definition is not None else ()
        on_sale = found.on_sale if on_sale is None else on_sale
        return PlanSaved(found.code, version, on_sale, new=bool(details), unused=unused)

    def _parsed(self, toml_text: str, source_name: str) -> dict[str, Any]:
        definition = parse_plan(toml_text, source_name, self._currency)
        code = definition["tax"]["rate"]
        if code != "none" and code not in self._taxes:
            known = ", ".join(f'"{one}"' for one in ("none", *sorted(self._taxes)))
            problem = f'there is no tax "{code}"; allowed: {known}, or one more in the settings: [[tax.rules]]'
            refuse_key(toml_text, source_name, "tax.rate", problem)
        return definition


async def _refuse_unknown_places(work: Work, toml_text: str, source_name: str, definition: Mapping[str, Any]) -> None:
    """Refuse a group or an area that nobody has listed: spelt wrong, its price would never be anybody's."""
    for path, kind, name in named_places(definition):
        if kind == "group" and await work.groups.group(name) is None:
            hint = "`netbilld group add` makes one, `group list` shows all"
            refuse_key(toml_text, source_name, path, f'there is no customer group "{name}"; {hint}')
        if kind == "area" and await work.groups.area(name) is None:
            hint = "`netbilld area add` lists one, `area list` shows all"
            refuse_key(toml_text, source_name, path, f'there is no area "{name}"; {hint}')


def _changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the keys of a plan file that differ between two versions: what each was and is."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {key: [before.get(key), after.get(key)] for key in keys}
