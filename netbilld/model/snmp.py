"""How a device is asked over SNMP: where, and with which community or user."""

import json
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

PORT: Final = 161
AUTH_PROTOCOLS: Final = ("md5", "sha", "sha256", "sha512")
PRIV_PROTOCOLS: Final = ("des", "aes", "aes256")
_LEAST_KEY: Final = 8  # RFC 3414 §11.2


@dataclass(frozen=True, slots=True)
class SnmpUser:
    """A user of SNMPv3; without a privacy key others can read along, without any key they can answer for the device."""

    name: str
    auth_protocol: str | None = None
    auth_key: str | None = field(default=None, repr=False)
    priv_protocol: str | None = None
    priv_key: str | None = field(default=None, repr=False)

    @property
    def level(self) -> str:
        """Return noAuthNoPriv, authNoPriv or authPriv."""
        return ("auth" if self.auth_key else "noAuth") + ("Priv" if self.priv_key else "NoPriv")


@dataclass(frozen=True, slots=True)
class SnmpAccess:
    """Where a device's agent is, and what it lets us in for: a community (v2c) or a user (v3)."""

    host: str
    port: int = PORT
    community: str | None = field(default=None, repr=False)
    user: SnmpUser | None = None


def check_user(user: SnmpUser) -> SnmpUser:
    """Return a user that an agent can have.

    Raises:
        InvalidInputError: a name, protocol or key can't be used, or a key is missing.
    """
    if not user.name or len(user.name.encode()) > 32 or not user.name.isprintable():  # RFC 3414 §5: 1 to 32 octets
        raise InvalidInputError("an SNMP user name has 1 to 32 printable characters")
    for what, protocol, known in (
        ("auth", user.auth_protocol, AUTH_PROTOCOLS),
        ("priv", user.priv_protocol, PRIV_PROTOCOLS),
    ):
        if protocol is not None and protocol not in known:
            raise InvalidInputError(f"SNMP {what} protocol {protocol!r}: allowed: {', '.join(known)}")
    for what, key in (("authentication", user.auth_key), ("privacy", user.priv_key)):
        if key is not None and not _LEAST_KEY <= len(key) <= 200:
            raise InvalidInputError(f"an SNMP {what} key has {_LEAST_KEY} characters or more")
    if user.priv_key and not user.auth_key:
        raise InvalidInputError("SNMP privacy needs authentication", hint="give --snmp-auth-key as well")
    return user


def write_user(user: SnmpUser) -> bytes:
    """Return a user as text, to be sealed."""
    values = (user.name, user.auth_protocol, user.auth_key, user.priv_protocol, user.priv_key)
    return json.dumps(values).encode()


def read_user(text: bytes) -> SnmpUser:
    """Return the user that `write_user` wrote."""
    return SnmpUser(*json.loads(text))


def snmp_user_place(nas_id: UUID) -> str:
    """Return where a sealed SNMP user belongs."""
    return f"nas.snmp_user:{nas_id}"
