"""Values as RouterOS takes and shows them: what is set in one spelling is printed in another (manual, page API)."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

Kind = Callable[[str], str]

_SCALE: Final = {"": 1, "k": 1000, "K": 1000, "M": 1_000_000, "G": 1_000_000_000}
_UNITS: Final = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_CLOCK: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(\d+):(\d\d):(\d\d)")


def boolean(text: str) -> str:
    if text in {"yes", "true"}:
        return "true"
    if text in {"no", "false"}:
        return "false"
    raise ValueError(text)


def whole(text: str) -> str:
    if not text.isdecimal():
        raise ValueError(text)
    return str(int(text))


def port(text: str) -> str:
    if not 0 <= int(whole(text)) <= 65_535:
        raise ValueError(text)
    return whole(text)


def rate(text: str) -> str:
    """Return bits per second as the API prints them: plain."""
    match = re.fullmatch(r"(\d+)([kKMG]?)", text)
    if match is None:
        raise ValueError(text)
    return str(int(match[1]) * _SCALE[match[2]])


def pair(kind: Kind) -> Kind:
    """Return the kind of an upload/download pair; one value counts for both."""

    def read(text: str) -> str:
        up, slash, down = text.partition("/")
        return f"{kind(up)}/{kind(down) if slash else kind(up)}"

    return read


def priority(text: str) -> str:
    if not 1 <= int(whole(text)) <= 8:
        raise ValueError(text)
    return text


def seconds(text: str) -> int:
    """Return a duration in any of its spellings, as seconds."""
    if text.isdecimal():
        return int(text)
    if (clock := _CLOCK.fullmatch(text)) is not None:
        parts = [int(part or 0) for part in clock.groups()]
        return parts[0] * 604_800 + parts[1] * 86_400 + parts[2] * 3600 + parts[3] * 60 + parts[4]
    total, rest = 0, text
    for unit, length in _UNITS:
        if (match := re.match(rf"(\d+){unit}(?!s)", rest)) is not None:
            total, rest = total + int(match[1]) * length, rest[match.end() :]
    if not text or (rest and re.fullmatch(r"\d+ms", rest) is None):
        raise ValueError(text)
    return total


def float_seconds(text: str) -> float:
    """Return a duration that may have thousandths, as seconds."""
    match = re.search(r"(\d+)ms$", text)
    if match is None:
        return float(seconds(text))
    whole_part = text[: match.start()]
    return int(match[1]) / 1000 + (seconds(whole_part) if whole_part else 0)


def shown_duration(total: int) -> str:
    parts = []
    for unit, length in _UNITS[:-1]:
        if total >= length:
            parts.append(f"{total // length}{unit}")
            total %= length
    return "".join([*parts, f"{total}s" if total or not parts else ""])


def duration(text: str) -> str:
    return (
        text if text in {"none", "never", "auto", "received"} or text.endswith("ms") else shown_duration(seconds(text))
    )


def host(text: str) -> str:
    """Return an address alone."""
    return str(ip_address(text))


def list_address(text: str) -> str:
    """Return an address of an IPv4 list: one host without its length, a range or a DNS name as it is."""
    if "-" in text or text.replace(".", "").replace("-", "").isalpha():
        return text
    network = ip_network(text, strict=False)
    if network.version != 4:
        raise ValueError(text)
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def list_address6(text: str) -> str:
    """Return an address of an IPv6 list: one host has its length."""
    network = ip_network(text, strict=False)
    if network.version != 6:
        raise ValueError(text)
    return str(network)


def target(text: str) -> str:
    """Return what a simple queue is for: addresses have their length, all else is an interface."""
    found = []
    for part in text.split(","):
        try:
            found.append(str(ip_network(part, strict=False)))
        except ValueError:
            if not part or re.fullmatch(r"[\d.:/]+", part):
                raise
            found.append(part)
    return ",".join(found)


def ranges(text: str) -> str:
    """Return the ranges of a pool: a prefix is printed as its first and last address."""
    found = []
    for part in text.split(","):
        if "/" in part:
            network = ip_network(part, strict=False)
            found.append(f"{network[0]}-{network[-1]}")
        elif "-" in part:
            first, _, last = part.partition("-")
            if IPv4Address(first) > IPv4Address(last):
                raise ValueError(text)
            found.append(f"{IPv4Address(first)}-{IPv4Address(last)}")
        else:
            found.append(str(IPv4Address(part)))
    return ",".join(found)


def one_of(*words: str) -> Kind:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def words_of(*words: str) -> Kind:
    """Return the kind of a list of some of these words, separated by commas."""

    def read(text: str) -> str:
        parts = [part for part in text.split(",") if part]
        if any(part.lstrip("!") not in words for part in parts):
            raise ValueError(text)
        return ",".join(parts)

    return read
