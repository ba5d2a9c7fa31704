"""One file a vendor: profile to attributes, shared by Access-Accept and CoA-Request."""

from typing import Final

from netbilld.enforcement.vendors.interface import Vendor
from netbilld.enforcement.vendors.mikrotik import MikroTik
from netbilld.enforcement.vendors.rfc import Rfc
from netbilld.enforcement.vendors.wispr import Wispr
from netbilld.model.errors import InvalidInputError

VENDORS: Final[dict[str, Vendor]] = {known.name: known for known in (MikroTik(), Wispr(), Rfc())}


def vendor(name: str) -> Vendor:
    """Return what is known of a vendor.

    Raises:
        InvalidInputError: the name is none; the allowed ones are listed.
    """
    try:
        return VENDORS[name]
    except KeyError:
        raise InvalidInputError(f"vendor {name!r} is not known; allowed: {', '.join(sorted(VENDORS))}") from None
