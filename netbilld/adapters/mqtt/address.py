"""Where the broker is, read from its URL; the password in it is never shown."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from netbilld.model.errors import InvalidInputError

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Host, port and who we are there; `str` of it may be shown."""

    host: str
    port: int
    has_tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.has_tls else 'mqtt'}://{host}:{self.port}"


def broker_address(url: str) -> BrokerAddress:
    """Return what a URL says; the port is 1883, or 8883 with TLS, where it names none.

    Raises:
        InvalidInputError: it is no mqtt:// or mqtts:// URL; what it says is not repeated, for it may hold a password.
    """
    wanted = InvalidInputError("write mqtt://user:password@host:1883, or mqtts:// for TLS")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wanted from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise wanted
    if port is None:
        port = _PORTS[parts.scheme]
    if port == 0 or (parts.password and not parts.username):
        raise wanted
    return BrokerAddress(
        parts.hostname,
        port,
        parts.scheme == "mqtts",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password is not None else None,
    )
