"""Rows of a snapshot: dataclasses as JSON and back, by the types they are declared with."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from hashlib import blake2s
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

_T = TypeVar("_T")
_CONFIG = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Rows(Generic[_T]):
    """Writes and reads objects of one dataclass, each as the list of its fields."""

    def __init__(self, made: Callable[..., _T], **instead: type) -> None:
        """Take the class; `instead` names fields that are written as something of another type."""
        hints = {**get_type_hints(made), **instead}
        self._names = [field.name for field in fields(made) if field.init]  # type: ignore[arg-type]  # a dataclass
        self._made = made
        row: Any = tuple.__class_getitem__(tuple(hints[name] for name in self._names))
        self._adapter: TypeAdapter[list[tuple[Any, ...]]] = TypeAdapter(list[row], config=_CONFIG)

    @property
    def shape(self) -> str:
        """Return the names of all fields: another release may have others."""
        return ",".join(self._names)

    def encode(self, objects: Iterable[_T], **instead: Callable[[Any], object]) -> bytes:
        """Return them as JSON; `instead` says what is written in the place of a field's value."""
        made = [[getattr(one, name) for name in self._names] for one in objects]
        for name, of in instead.items():
            at = self._names.index(name)
            for row in made:
                row[at] = of(row[at])
        return self._adapter.dump_json([tuple(row) for row in made])

    def decode(self, octets: bytes, **instead: Callable[[Any], object]) -> list[_T]:
        """Return the objects that `encode` wrote; `instead` makes of what was written what the field holds.

        Raises:
            ValueError: another release wrote something else.
        """
        try:
            rows = self._adapter.validate_json(octets)
        except ValidationError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        if not instead:
            return [self._made(*row) for row in rows]
        found = []
        for row in rows:
            values = list(row)
            for name, of in instead.items():
                at = self._names.index(name)
                values[at] = of(values[at])
            found.append(self._made(*values))
        return found


def fingerprint(shapes: Iterable[str]) -> str:
    """Return a word that changes as soon as one of the shapes does."""
    return blake2s("\n".join(shapes).encode(), digest_size=8).hexdigest()
