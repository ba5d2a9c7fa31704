"""What a journal entry says of itself in one octet: how its NAS counted, who has read it, and how sure our clock was.

What was in force when a record arrived so stays in force.
"""

from typing import Final

SWAPPED: Final = 1  # its input counters are the subscriber's download
_KILO: Final = 2  # it counts in 1000 octets
_KIBI: Final = 4  # it counts in 1024 octets
IPV6_BESIDE: Final = 8  # its counters leave out IPv6, which vendor attributes count
_BY_API: Final = 16  # no word of the NAS's own: what we have read there, over its API
_BY_SNMP: Final = 32  # likewise over SNMP
CLOCK_SET: Final = 64  # our clock may have been set since the session's last report

SCALE: Final = _KILO | _KIBI | IPV6_BESIDE  # what decides how much a counter says, whichever way it went
COUNTED: Final = SCALE | SWAPPED
BY_US: Final = _BY_API | _BY_SNMP

COUNTER_UNITS: Final = ("octets", "kB", "KiB")
IPV6_PLACES: Final = ("inside", "beside")
READERS: Final = ("api", "snmp")

_UNIT_FLAGS: Final = {"octets": 0, "kB": _KILO, "KiB": _KIBI}
_READER_FLAGS: Final = {"api": _BY_API, "snmp": _BY_SNMP}


def counting(swap_octets: bool, counter_unit: str, ipv6_octets: str) -> int:
    """Return the octet of a NAS; `counter_unit` is one of `COUNTER_UNITS`, `ipv6_octets` of `IPV6_PLACES`."""
    return swap_octets * SWAPPED | _UNIT_FLAGS[counter_unit] | (ipv6_octets == "beside") * IPV6_BESIDE


def counting_of_reading(reader: str) -> int:
    """Return the octet of a reading of ours: octets, in the subscriber's direction; `reader` is one of `READERS`."""
    return _READER_FLAGS[reader]


def unit_octets(flags: int) -> int:
    """Return how many octets one of a counter stands for."""
    if flags & _KILO:
        return 1000
    return 1024 if flags & _KIBI else 1


def source_of(flags: int) -> str:
    """Return what has metered: radius, or api or snmp where we have read the NAS ourselves."""
    if flags & _BY_API:
        return "api"
    return "snmp" if flags & _BY_SNMP else "radius"
