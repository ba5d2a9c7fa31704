"""What every shape of the API is made of: answers that say their units, requests that refuse what they don't know."""

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MOST_MINOR: Final = 10**12
LONGEST_TEXT: Final = 1000

Amount = Annotated[int, Field(description="Money in minor units: of IDR whole rupiah.")]
Paid = Annotated[int, Field(ge=1, le=MOST_MINOR, description="Money in minor units, above 0.")]
Octets = Annotated[int, Field(description="Octets, from the subscriber's point of view.")]
Moment = Annotated[AwareDatetime, Field(description="RFC 3339 with an offset.")]
Day = Annotated[date, Field(description="A local day.")]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Why = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Shape(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", defer_build=True)


class Asked(BaseModel):
    """A body; what it doesn't know, it refuses by name."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", strict=True, defer_build=True)


class Query(BaseModel):
    """The query of an address; each name once, unknown ones refused."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", defer_build=True)


class PageQuery(Query):
    """A list's query: how much of it."""

    limit: int = Field(default=50, ge=1, le=200, description="At most so many.")
    cursor: str | None = Field(
        default=None, max_length=400, description="`next_cursor` of the page before; absent for the first."
    )


class Page(Shape):
    """A page of a list."""

    next_cursor: str | None = Field(description="What to ask the next page with; null at the end.")


def unstorable(value: Any, place: str = "") -> str | None:
    """Return where a text stands that no database can hold, as one with a NUL; None where all is well."""
    if isinstance(value, str):
        return place if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value) else None
    if isinstance(value, dict):
        for name, inner in value.items():
            if unstorable(name) is not None:
                return place or "?"
            if (found := unstorable(inner, f"{place}.{name}" if place else str(name))) is not None:
                return found
    if isinstance(value, list):
        for number, inner in enumerate(value):
            if (found := unstorable(inner, f"{place}.{number}" if place else str(number))) is not None:
                return found
    return None
