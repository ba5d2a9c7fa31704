"""Where somebody may look: everywhere, or only at subscribers in some areas and what lies below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from netbilld.billing.prices import area_parts, covers
from netbilld.model.errors import InvalidInputError

MOST_AREAS: Final = 50
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Areas:
    """Whose subscribers somebody may see; a value, fit to be part of a key.

    Everything that lists, counts or finds subscribers takes one and asks the database with
    `adapters.database.in_areas.in_areas(areas)`; what has been read already is asked of `include`.

    Attributes:
        paths: areas, each with what is below it; none is everywhere.
        written: how the areas of subscribers inside are written, for a query.
    """

    paths: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()

    @property
    def is_limited(self) -> bool:
        """Return whether there is anything they may not see."""
        return bool(self.paths)

    def include(self, area: str | None) -> bool:
        """Return whether a subscriber of that area is theirs; one without an area is only for those who see all."""
        return not self.paths or any(covers(path, area) for path in self.paths)


EVERYWHERE: Final = Areas()


class Whereabouts(Protocol):
    """The part of a store that knows where subscribers are."""

    async def areas(self, paths: Sequence[str]) -> Areas:
        """Return what these areas hold, with how subscribers inside have written theirs."""
        ...

    async def known(self) -> Sequence[str]:
        """Return the areas that subscribers are in, as they are written, in order."""
        ...

    async def holds(self, areas: Areas, kind: str, key: str) -> bool:
        """Return whether a thing is a subscriber's in these areas; False where there is no such thing."""
        ...


def parse_areas(written: Sequence[str]) -> tuple[str, ...]:
    """Return areas to limit somebody to, each once and tidied.

    Raises:
        InvalidInputError: one is empty, which would be everywhere, or there are too many.
    """
    tidied: dict[Any, str] = {}
    for text in written:
        path = "/".join(part for piece in text.split("/") if (part := " ".join(piece.split())))
        if not path or len(path) > _LONGEST or any(ord(sign) < 0x20 for sign in path):
            raise InvalidInputError(f"{text!r} is no area", hint="write it as in jabar/bandung", code="area_invalid")
        tidied.setdefault(area_parts(path), path)
    if len(tidied) > MOST_AREAS:
        raise InvalidInputError(f"more than {MOST_AREAS} areas", hint="name one that covers them", code="areas_many")
    return tuple(tidied.values())
