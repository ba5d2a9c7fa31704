"""One file a vendor: profile to attributes, shared by Access-Accept and CoA-Request.

Every module here with a `VENDOR` is one; a new vendor is a new file and its test.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from netbilld.enforcement.vendors.interface import Vendor
from netbilld.model.errors import InvalidInputError

_ANY: Final = "rfc"


def _discover() -> dict[str, Vendor]:
    found: dict[str, Vendor] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        known = getattr(import_module(f"{__name__}.{module.name}"), "VENDOR", None)
        if isinstance(known, Vendor):
            if known.name in found:
                raise TypeError(f"two vendors are called {known.name!r}")
            found[known.name] = known
    return found


VENDORS: Final = _discover()


def vendor(name: str) -> Vendor:
    """Return what is known of a vendor.

    Raises:
        InvalidInputError: the name is none; the allowed ones are listed.
    """
    try:
        return VENDORS[name]
    except KeyError:
        raise InvalidInputError(f"vendor {name!r} is not known; allowed: {', '.join(VENDORS)}") from None


def vendor_or_any(name: str) -> Vendor:
    """Return what is known of a vendor; of a name that is not known any more, what the RFCs offer."""
    return VENDORS.get(name) or VENDORS[_ANY]
