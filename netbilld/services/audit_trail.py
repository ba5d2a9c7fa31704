"""The audit trail as people search it: who did what to which thing, when, from where, and what it was before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What of the trail is wanted; None asks nothing.

    Attributes:
        actor: a part of the name of who did it.
        about: a thing by what people call it: subscriber number, user name, invoice, NAS, e-mail of staff, plan, …
        kind: an action, or the first part of its name: `payment` is all that begins with `payment.`.
        from_at: not before.
        until_at: before.
        before_id: older than that line.
    """

    actor: str | None = None
    about: str | None = None
    kind: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    before_id: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a line says: a value, or what it was before and what it is now."""

    name: str
    value: str
    before: str | None = None
    has_before: bool = False


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One change.

    Attributes:
        title: what the thing is called, as far as it is known.
        link: where its page is; None where it has none.
    """

    id: int
    at: datetime
    actor: str
    origin: str
    action: str
    entity: str
    entity_id: str
    details: Mapping[str, Any]
    title: str = ""
    link: str | None = None

    @property
    def said(self) -> Sequence[Said]:
        """Return what changed, from what to what; then whatever else is on record."""
        return said_of(self.details)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Lines, newest first; `more` where there are older ones."""

    lines: Sequence[AuditLine]
    more: bool


class AuditReads(Protocol):
    """The part of a store that searches the trail."""

    async def search(self, wanted: AuditFilter, limit: int) -> AuditPage: ...

    async def about(self, entity: str, entity_id: UUID | int | str, limit: int = 50) -> Sequence[AuditLine]:
        """Return the newest changes of one thing, newest first."""
        ...

    async def actions(self) -> Sequence[str]:
        """Return every action on record, in order."""
        ...

    async def actors(self, limit: int) -> Sequence[str]:
        """Return everybody on record, in order."""
        ...


_HIDDEN: Final = frozenset({"service_ids", "fields"})


def said_of(details: Mapping[str, Any]) -> list[Said]:
    """Return what a change's details say, line by line."""
    lines: list[Said] = []
    fields = details.get("fields")
    if isinstance(fields, Mapping):
        for name, value in fields.items():
            if isinstance(value, list) and len(value) == 2:
                lines.append(Said(name, _text(value[1]), _text(value[0]), has_before=True))
            else:
                lines.append(Said(name, _text(value)))
    elif fields:
        lines.append(Said("fields", _text(fields)))
    lines += [Said(name, _text(value)) for name, value in details.items() if name not in _HIDDEN and value is not None]
    return lines


def _text(value: Any) -> str:
    if value is None or (isinstance(value, str | list) and not value):
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return ", ".join(map(_text, value))[:_LONGEST_SHOWN]
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())[:_LONGEST_SHOWN]
    return str(value)[:_LONGEST_SHOWN]
