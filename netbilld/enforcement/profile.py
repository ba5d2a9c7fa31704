"""A service profile: what a NAS is to do with a session, before any vendor's words for it."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2s
from typing import Final

from netbilld.billing.plan import Burst, Speed


class Access(StrEnum):
    ACTIVE = "active"
    THROTTLED = "throttled"
    WALLED = "walled"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class WalledGarden:
    """Where a walled session lives: a pool, an address list and perhaps a VLAN on the NAS, and a small rate.

    Attributes:
        vlan: for NAS that wall by VLAN; None where there is none.
        covers_ipv6: the garden filters IPv6 too, so that a walled session may keep its IPv6 prefixes.
    """

    pool: str
    address_list: str
    speed: Speed
    vlan: int | None = None
    covers_ipv6: bool = False


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """Rates, addresses, list and VLAN of a session; a blocked service has none of them.

    Attributes:
        pool, ipv6_pool, delegated_pool: names of pools on the NAS.
        static_ip: an IPv4 or IPv6 address of the service's own; a NAS ignores `pool` beside it.
        ipv6_prefix, delegated_prefix: the service's own, in CIDR form: for its link, and for its router to share out.
        idle_seconds: silence after which the NAS ends the session.
    """

    access: Access
    speed: Speed | None = None
    pool: str | None = None
    address_list: str | None = None
    static_ip: str | None = None
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    ipv6_pool: str | None = None
    delegated_pool: str | None = None
    vlan: int | None = None
    idle_seconds: int | None = None

    @property
    def key(self) -> str:
        """Return a fingerprint of eight hexadecimal digits: equal keys mean nothing to change on the NAS.

        What is taken at a log-in only (`at_log_in`) is left out: a new address or pool ends nobody's session.
        """
        return _fingerprint(self if self.at_log_in is None else self._running())

    @property
    def at_log_in(self) -> tuple[object, ...] | None:
        """Return what of the profile a session takes at its log-in and keeps; None for nothing.

        A pool counts for it outside the walls only: inside it is the wall.
        """
        said = (
            None if self.access is Access.WALLED else self.pool,
            self.static_ip,
            self.ipv6_prefix,
            self.delegated_prefix,
            self.ipv6_pool,
            self.delegated_pool,
            self.idle_seconds,
        )
        return None if said == _NOTHING else said

    @property
    def has_own_address(self) -> bool:
        """Tell whether it is one service's alone."""
        return self.static_ip is not None or self.ipv6_prefix is not None or self.delegated_prefix is not None

    def _running(self) -> "ServiceProfile":
        return replace(
            self,
            pool=self.pool if self.access is Access.WALLED else None,
            static_ip=None,
            ipv6_prefix=None,
            delegated_prefix=None,
            ipv6_pool=None,
            delegated_pool=None,
            idle_seconds=None,
        )

    def to_json(self) -> dict[str, object]:
        """Return a JSON object that from_json understands."""
        return {
            "access": str(self.access),
            "speed": _speed_json(self.speed) if self.speed else None,
            "pool": self.pool,
            "address_list": self.address_list,
            "static_ip": self.static_ip,
            # said only where set: the fingerprints of profiles without them stay what they were
            **{name: value for name in _LATER if (value := getattr(self, name)) is not None},
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
            **{name: value[name] for name in _LATER if name in value},  # type: ignore[arg-type]  # as to_json wrote
        )


_NOTHING: Final = (None,) * 7
_LATER: Final = ("ipv6_prefix", "delegated_prefix", "ipv6_pool", "delegated_pool", "vlan", "idle_seconds")


@lru_cache(maxsize=4096)  # a provider has few profiles and many subscribers
def _fingerprint(profile: ServiceProfile) -> str:
    return blake2s(json.dumps(profile.to_json(), sort_keys=True).encode(), digest_size=4).hexdigest()


def _speed_json(speed: Speed) -> dict[str, object]:
    fields = asdict(speed)
    if fields["nas_profile"] is None:
        del fields["nas_profile"]
    return fields


def _speed(value: dict[str, object]) -> Speed:
    burst = value.get("burst")
    fields = {**value, "burst": Burst(**burst) if isinstance(burst, dict) else None}
    return Speed(**fields)  # type: ignore[arg-type]  # to_json wrote the fields of Speed


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
