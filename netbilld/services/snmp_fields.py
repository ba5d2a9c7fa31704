"""How a NAS is read over SNMP, as it is set."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError
from netbilld.model.snmp import SnmpUser, check_user, snmp_user_place, write_user
from netbilld.services.new_service import Sealer
from netbilld.services.subscriber_fields import clean_text

NO_SNMP: Final[dict[str, Any]] = dict.fromkeys(("snmp_user_sealed", "snmp_address", "snmp_port", "snmp_uplink"))


@dataclass(frozen=True, slots=True)
class SnmpFields:
    """What to set, as written; None leaves a field alone, empty text (or port 0) clears it.

    Attributes:
        user: the whole of an SNMPv3 user; one with an empty name takes it away.
    """

    user: SnmpUser | None = field(default=None, repr=False)
    address: str | None = None
    port: int | None = None
    uplink: str | None = None


def snmp_columns(box: Sealer, nas_id: UUID, fields: SnmpFields) -> dict[str, Any]:
    """Return columns to set, secrets sealed.

    Raises:
        InvalidInputError: a field is wrong.
    """
    columns: dict[str, Any] = {}
    if fields.user is not None:
        sealed = None
        if fields.user.name:
            sealed = box.seal(write_user(check_user(fields.user)), snmp_user_place(nas_id))
        columns["snmp_user_sealed"] = sealed
    if fields.address is not None:
        address = clean_text("SNMP address", fields.address, 253)
        if "/" in address or " " in address:
            raise InvalidInputError(f"SNMP address {address!r} is none", hint="write 10.0.0.1 or a host name")
        columns["snmp_address"] = address or None
    if fields.port is not None:
        if not 0 <= fields.port <= 65535:
            raise InvalidInputError(f"SNMP port {fields.port} is not 1 to 65535")
        columns["snmp_port"] = fields.port or None
    if fields.uplink is not None:
        columns["snmp_uplink"] = clean_text("uplink interface", fields.uplink, 200) or None
    return columns
