"""What an Access-Accept granted, said in its Class attribute and echoed by the NAS in every accounting packet.

So the accounting stream itself proves which service a session belongs to and which profile it was given at log-in,
over a restart of ours and without any state between the two (RFC 2865 §5.25).
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

_MARK: Final = "nb1"
_ACCESS_CODES: Final = {"active": "a", "throttled": "t", "walled": "w", "blocked": "b"}
_ACCESS_WORDS: Final = {code: word for word, code in _ACCESS_CODES.items()}
_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Grant:
    """A service, the access it was given and the fingerprint of the profile that was sent."""

    service_id: UUID
    access: str
    profile_key: str


def encode_grant(grant: Grant) -> bytes:
    """Return the value of the Class attribute: 47 octets of text."""
    return f"{_MARK}.{grant.service_id.hex}.{_ACCESS_CODES[grant.access]}.{grant.profile_key}".encode("ascii")


def decode_grant(value: bytes) -> Grant | None:
    """Return the grant that a Class value says, or None for a Class that is not ours."""
    try:
        fields = value.decode("ascii").split(".")
        if len(fields) != _FIELDS or fields[0] != _MARK or len(fields[3]) != 8:
            return None
        return Grant(UUID(hex=fields[1]), _ACCESS_WORDS[fields[2]], fields[3])
    except (ValueError, KeyError):
        return None
