"""Router accounts as RADIUS sees them, and what each kind of router is told of their rights."""

from dataclasses import dataclass, field
from typing import Final

from netbilld.radius.attributes import CISCO_AVPAIR, MIKROTIK_GROUP, SERVICE_TYPE
from netbilld.radius.codes import ServiceType
from netbilld.radius.packet import encode_attribute

_ADMINISTRATIVE: Final = ServiceType.ADMINISTRATIVE_USER.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class RouterAccount:
    """An account that opens a router's prompt; `group` is what it may do there."""

    name: str
    password: bytes = field(repr=False)
    nt_hash: bytes = field(repr=False)
    group: str


def rights(account: RouterAccount, vendor: str) -> bytes | None:
    """Return the attributes that give an account its rights; None where this vendor's way is not known.

    An Accept without them would give whatever the router takes for its default.
    """
    if vendor == "mikrotik":
        return encode_attribute(MIKROTIK_GROUP, account.group.encode())
    if vendor == "cisco":
        level = f"shell:priv-lvl={account.group}".encode()
        return encode_attribute(SERVICE_TYPE, _ADMINISTRATIVE) + encode_attribute(CISCO_AVPAIR, level)
    return None
