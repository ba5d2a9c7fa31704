"""What an Access-Accept says of one service's limits, worked out at each log-in: it changes with usage and time."""

from datetime import datetime
from typing import Final

from netbilld.enforcement.limits import session_limits
from netbilld.enforcement.policy import ServiceFacts
from netbilld.enforcement.profile import Access
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.radius.hotspot import is_hotspot
from netbilld.radius.packet import encode_attributes
from netbilld.radius.server import Request

_PARTS: Final = 4096


class ReplyLimits:
    """The limits of one service by the facts it was last decided by."""

    __slots__ = ("_access", "_facts")

    def __init__(self, facts: ServiceFacts, access: Access) -> None:
        self._facts = facts
        self._access = access

    def __call__(self, request: Request, now: datetime) -> bytes:
        """Return the attributes in the words of the request's NAS; empty for no limit."""
        if not request.client.holds_limits:
            return b""
        # a service's own moment, the same at each log-in, and spread over all of them
        jitter = self._facts.service_id.int % _PARTS / _PARTS
        limits = session_limits(self._facts, self._access, now, jitter)
        if not limits:
            return b""
        vendor = vendor_or_any(request.client.vendor)
        return encode_attributes(vendor.limits(limits, hotspot=is_hotspot(request.packet)))
