"""What an Access-Accept says of a profile, encoded once for each kind of NAS and shared by all who have the profile.

A NAS is told apart by its reply key (`netbilld.radius.clients.Client.reply_key`): its vendor, and how it walls where
that is set. Inside the walls it may matter too what is logged in to, a hotspot or something else.
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors import VENDORS, vendor_or_any
from netbilld.enforcement.vendors.interface import Vendor, WallBy
from netbilld.radius.hotspot import FRAMED_REPLY, HOTSPOT_REPLY
from netbilld.radius.packet import encode_attributes

_WALLS: Final = frozenset(("pool", "list", "reject"))


class ProfileReplies(dict[str, bytes | None]):
    """One profile's attributes but Class, by reply key; encoded when first asked for.

    None stands for no reply: inside the walls the NAS refuses, or it depends on the service.
    """

    __slots__ = ("_interim_seconds", "_profile")

    def __init__(self, profile: ServiceProfile, interim_seconds: int) -> None:
        super().__init__()
        self._profile = profile
        self._interim_seconds = interim_seconds

    def __missing__(self, reply_key: str) -> bytes | None:
        encoded = self[reply_key] = self._encode(reply_key)
        return encoded

    def _encode(self, reply_key: str) -> bytes | None:
        name, *words = reply_key.split("/")
        vendor = vendor_or_any(name)
        if self._profile.access is not Access.WALLED:
            return self._say(vendor, self._profile)
        wall_by = cast("WallBy | None", next((word for word in words if word in _WALLS), None))
        services = [word for word in (FRAMED_REPLY, HOTSPOT_REPLY) if word in words] or [FRAMED_REPLY, HOTSPOT_REPLY]
        built = [vendor.walled(self._profile, wall_by, hotspot=service == HOTSPOT_REPLY) for service in services]
        first = built[0]
        if first is None or any(other != first for other in built):
            return None
        return self._say(vendor, first)

    def _say(self, vendor: Vendor, profile: ServiceProfile) -> bytes:
        return encode_attributes(vendor.accept(profile, self._interim_seconds))


class Replies(Mapping[str, bytes]):
    """Access-Accept attributes of one service by reply key: its profile's, and a Class of its own."""

    __slots__ = ("_class", "_shared")

    def __init__(self, shared: ProfileReplies, class_attribute: bytes) -> None:
        self._shared = shared
        self._class = class_attribute

    def __getitem__(self, reply_key: str) -> bytes:
        attributes = self._shared[reply_key]
        if attributes is None:
            raise KeyError(reply_key)
        return attributes + self._class

    def get(self, reply_key: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]  # a plain one
        """Return the attributes, `default` for none; every log-in asks, and Mapping's own would raise and catch."""
        attributes = self._shared[reply_key]
        return default if attributes is None else attributes + self._class

    def __iter__(self) -> Iterator[str]:
        return iter(VENDORS)

    def __len__(self) -> int:
        return len(VENDORS)
