"""Any NAS: what the RFCs alone offer, which is no rate."""

from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.profile import ServiceProfile
from netbilld.enforcement.vendors import interface
from netbilld.enforcement.vendors.interface import Capabilities, Pair
from netbilld.radius.attributes import FILTER_ID
from netbilld.radius.values import encode_text


class Rfc:
    """RFC 2865, 2869 and 5176: pool, address, filter, Disconnect."""

    name = "rfc"
    capabilities = Capabilities(rate=False, coa_rate=False)

    def accept(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        """Return address or pool, Filter-Id for the walled garden's list and the interim interval."""
        pairs = interface.addressing(profile)
        if profile.address_list:
            pairs.append((FILTER_ID, encode_text(profile.address_list)))
        return pairs + interface.interim(interim_seconds)

    def change(self, profile: ServiceProfile, interim_seconds: int, class_value: bytes) -> list[Pair]:  # noqa: ARG002
        """Return the filter: the one thing of a profile that a CoA can carry in the RFCs' own attributes."""
        return [(FILTER_ID, encode_text(profile.address_list))] if profile.address_list else []

    def identify(self, session: SessionHandle) -> list[Pair]:
        """Return name and session; the fewer the better, since all that is sent must be understood (RFC 5176 §3)."""
        return [*interface.user_name(session), *interface.session_id(session)]
