"""Which hosts who is walled may reach: payment pages by their gateway; and never what devices look for a portal by.

A device that reaches its probe believes that it is online and shows no page.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# by gateway; learned from their documents, and to be looked at again where a payment page stays empty
PAYMENT_HOSTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "midtrans": ("app.midtrans.com", "api.midtrans.com", "*.midtrans.com"),
        "xendit": ("checkout.xendit.co", "*.xendit.co"),
        "tripay": ("tripay.co.id", "*.tripay.co.id"),
        "duitku": ("passport.duitku.com", "*.duitku.com"),
    }
)
# what devices probe: vendors change these, the domains hardly ever
PROBE_DOMAINS: Final = (
    "google.com", "gstatic.com", "apple.com", "msftconnecttest.com", "msftncsi.com", "firefox.com", "miui.com",
    "hicloud.com", "ubuntu.com", "gnome.org", "fedoraproject.org",
)  # fmt: skip


def is_probed(host: str) -> bool:
    """Tell whether a host, or what a wildcard stands for, is one that devices look for a portal by."""
    bare, is_wild = host.casefold().strip("*."), "*" in host
    return any(
        bare == one or bare.endswith(f".{one}") or (is_wild and (not bare or f".{one}".endswith(f".{bare}")))
        for one in PROBE_DOMAINS
    )
