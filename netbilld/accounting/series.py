"""How the meters of a device are named."""

from typing import Final, NamedTuple
from uuid import UUID

from netbilld.model.errors import InvalidInputError

KINDS: Final = ("interface", "alias", "queue")


class Series(NamedTuple):
    """A port of a device that a service is metered by: an interface by name or comment, or a simple queue."""

    nas_id: UUID
    kind: str
    name: str

    @property
    def key(self) -> str:
        """Return what names it among all."""
        return f"{self.nas_id}/{self.kind}/{self.name}"

    @property
    def is_dynamic(self) -> bool:
        """Tell whether the device makes it for a session and takes it away after that, as RouterOS does `<pppoe-…>`."""
        return self.name.startswith("<") and self.name.endswith(">")


def series_of(key: str) -> Series:
    """Return the series that a key names.

    Raises:
        InvalidInputError: it names none.
    """
    parts = key.split("/", 2)
    if len(parts) != 3 or parts[1] not in KINDS:
        raise InvalidInputError(f"{key[:60]!r} names no port of a device")
    return Series(UUID(parts[0]), parts[1], parts[2])
