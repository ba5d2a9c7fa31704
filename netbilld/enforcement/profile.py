"""A service profile: what a NAS is to do with a session, before any vendor's words for it."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2s

from netbilld.billing.plan import Burst, Speed


class Access(StrEnum):
    ACTIVE = "active"
    THROTTLED = "throttled"
    WALLED = "walled"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class WalledGarden:
    """Where a walled session lives: a pool and an address list on the NAS, and a small rate."""

    pool: str
    address_list: str
    speed: Speed


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """Rates, pool and list of a session; a blocked service has none of them."""

    access: Access
    speed: Speed | None = None
    pool: str | None = None
    address_list: str | None = None
    static_ip: str | None = None

    @property
    def key(self) -> str:
        """Return a fingerprint of eight hexadecimal digits: equal keys mean nothing to change on the NAS."""
        return _fingerprint(self)

    @property
    def place(self) -> tuple[bool, str | None, str | None, str | None]:
        """Return what can't be changed in a running session: whether it is allowed, its pool, list and address."""
        return (self.access is not Access.BLOCKED, self.pool, self.address_list, self.static_ip)

    def to_json(self) -> dict[str, object]:
        """Return a JSON object that from_json understands."""
        return {
            "access": str(self.access),
            "speed": asdict(self.speed) if self.speed else None,
            "pool": self.pool,
            "address_list": self.address_list,
            "static_ip": self.static_ip,
        }

    @classmethod
    def from_json(cls, value: dict[str, object]) -> "ServiceProfile":
        """Return the profile that to_json wrote."""
        speed = value["speed"]
        return cls(
            access=Access(str(value["access"])),
            speed=_speed(speed) if isinstance(speed, dict) else None,
            pool=_optional(value["pool"]),
            address_list=_optional(value["address_list"]),
            static_ip=_optional(value["static_ip"]),
        )


@lru_cache(maxsize=4096)  # a provider has few profiles and many subscribers
def _fingerprint(profile: ServiceProfile) -> str:
    return blake2s(json.dumps(profile.to_json(), sort_keys=True).encode(), digest_size=4).hexdigest()


def _speed(value: dict[str, object]) -> Speed:
    burst = value.get("burst")
    fields = {**value, "burst": Burst(**burst) if isinstance(burst, dict) else None}
    return Speed(**fields)  # type: ignore[arg-type]  # to_json wrote the fields of Speed


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
