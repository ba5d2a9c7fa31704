"""What its own packets tell of a NAS: address, secret, signatures, clock, reports, direction of counters."""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from netbilld.accounting.stale import overdue_after_seconds
from netbilld.enforcement.doctor import mends
from netbilld.enforcement.doctor.checks import CheckName, Finding, Result, Value
from netbilld.enforcement.doctor.facts import Facts, RadiusEntry, SessionSample
from netbilld.enforcement.explain_facts import DropFact
from netbilld.enforcement.nas_script.routeros_words import value

_RECENT: Final = timedelta(hours=1)  # older packets that got silence are another story
_JUST_NOW: Final = timedelta(minutes=15)
_BELIEVED_FOR: Final = timedelta(days=1)
_TRAVEL: Final = timedelta(seconds=5)
_NOBODYS_IDENTIFIERS: Final = frozenset(("", "MikroTik"))  # what every RouterOS calls itself until it is named
_REFUSED_NAMES: Final = 3
_CLOCK_FAIL_SECONDS: Final = 600  # reports are not dated by a clock that is off further
_CLOCK_WARN_SECONDS: Final = 60
_LEAST_OCTETS: Final = 10_000_000  # of a session that tells which way is which
_LEAST_SESSIONS: Final = 3
_MUCH_MORE: Final = 2
_MOST_PERCENT: Final = 70
_SOME_PERCENT: Final = 20
_BAD_SECRET: Final = frozenset(("bad_authenticator", "bad_message_authenticator"))
_UNSIGNED: Final = frozenset(("message_authenticator_missing", "proxy_state_without_message_authenticator"))


def heard_at(facts: Facts) -> datetime | None:
    """Return when it was last believed."""
    return max((at for at in (facts.last_heard_at, facts.log_ins.last_at) if at is not None), default=None)


def is_heard(facts: Facts) -> bool:
    """Tell whether it was believed so lately that it must be well connected."""
    at = heard_at(facts)
    return at is not None and facts.now - at <= max(_JUST_NOW, timedelta(seconds=3 * facts.interim_seconds))


def our_entries(facts: Facts) -> list[RadiusEntry] | None:
    """Return the entries of its `/radius` that lead to us; None where they are not known."""
    if facts.router is None or facts.router.radius is None or facts.own_address is None:
        return None
    return [entry for entry in facts.router.radius if entry.address == facts.own_address and not entry.is_disabled]


# -- where its packets come from ---------------------------------------------------------------------------------------


def source_address(facts: Facts) -> Finding:
    name = CheckName.SOURCE_ADDRESS
    heard = heard_at(facts)
    network = ip_network(facts.network)
    single = network.num_addresses == 1
    place = str(network.network_address) if single else facts.network
    told: dict[str, Value] = {"network": place}
    if (unnamed := _unnamed(facts, heard)) is not None:
        said = {**told, "identifier": unnamed.detail, "told_by": facts.told_by, "count": unnamed.count}
        named = (f"/system identity set name={value(facts.told_by)}",) if facts.is_routeros else ()
        ours = mends.here(facts, f"--identifier {mends.typed(unnamed.detail)}")
        return Finding(name, Result.FAIL, "identifier_unknown", said, (ours, *named))
    stranger = _stranger(facts, heard)
    if stranger is not None:
        values: dict[str, Value] = {**told, "source": stranger.source, "count": stranger.count, "at": stranger.last_at}
        entry_set = mends.radius_entry(facts, src_address=place) if single else ()
        is_it = _is_known_by(facts, stranger)
        return Finding(
            name,
            Result.FAIL,
            "source_address_wrong" if is_it else "source_address_stranger",
            values,
            (*entry_set, mends.here(facts, f"--address {stranger.source}")),
        )
    for entry in our_entries(facts) or ():
        if entry.source is not None and not _lies_in(entry.source, facts.network):
            values = {**told, "source": entry.source}
            there = mends.radius_entry(facts, src_address=place) if single else ()
            return Finding(
                name,
                Result.FAIL,
                "source_address_set",
                values,
                (*there, mends.here(facts, f"--address {entry.source}")),
            )
    if is_heard(facts):
        return Finding(name, Result.OK, "source_address_ok", {**told, "at": heard})
    if not facts.daemon_runs:
        return Finding(name, Result.UNKNOWN, "daemon_away", {}, ("netbilld serve",))
    lines = (mends.whole_script(facts),)
    if heard is None:
        return Finding(name, Result.UNKNOWN, "never_heard", told, lines)
    if facts.open_sessions:
        return Finding(name, Result.FAIL, "silent", {**told, "at": heard, "sessions": facts.open_sessions}, lines)
    return Finding(name, Result.UNKNOWN, "quiet", {**told, "at": heard})


def _unnamed(facts: Facts, heard: datetime | None) -> DropFact | None:
    """Return packets from its address whose NAS-Identifier is that of no NAS there, while it is missed itself."""
    if not facts.told_by or is_heard(facts):
        return None
    for drop in facts.drops or ():
        recent = facts.now - drop.last_at <= _RECENT and (heard is None or drop.last_at > heard + _TRAVEL)
        if drop.reason == "unknown_identifier" and recent and _lies_in(drop.source, facts.network):
            return drop
    return None


def _stranger(facts: Facts, heard: datetime | None) -> DropFact | None:
    """Return packets of no NAS that are this one's: by what they say of themselves, else while it is missed."""
    newest = None
    for drop in facts.drops or ():
        if drop.reason != "unknown_client" or facts.now - drop.last_at > _RECENT:
            continue
        if heard is not None and drop.last_at <= heard + _TRAVEL:
            continue
        missed = heard is None or (facts.open_sessions > 0 and not is_heard(facts))
        if (_is_known_by(facts, drop) or missed) and (newest is None or _rank(facts, drop) > _rank(facts, newest)):
            newest = drop
    return newest


def _rank(facts: Facts, drop: DropFact) -> tuple[bool, datetime]:
    return _is_known_by(facts, drop), drop.last_at


def _is_known_by(facts: Facts, drop: DropFact) -> bool:
    """Tell whether packets say of themselves that they are this NAS's, or come from an address that it has."""
    if facts.router is not None and drop.source in (facts.router.addresses or ()):
        return True
    if drop.identifier not in _NOBODYS_IDENTIFIERS and drop.identifier is not None:
        return drop.identifier in {facts.identifier, facts.nas}
    return drop.nas_ip is not None and drop.nas_ip in {facts.reported_ip, facts.network.partition("/")[0]}


def _lies_in(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return True


# -- what proves it ----------------------------------------------------------------------------------------------------


def secret(facts: Facts) -> Finding:
    name, lines = CheckName.SECRET, mends.same_secret(facts)
    for drop in facts.drops or ():
        if drop.nas != facts.nas or drop.reason not in _BAD_SECRET or facts.now - drop.last_at > _RECENT:
            continue
        believed = facts.last_heard_at if drop.port == "acct" else facts.log_ins.last_at
        values: dict[str, Value] = {"count": drop.count, "at": drop.last_at, "source": drop.source}
        if believed is None or drop.last_at > believed + _TRAVEL:
            return Finding(name, Result.FAIL, "secret_wrong", values, lines)
        several = ip_network(facts.network).num_addresses > 1
        if several and facts.now - drop.last_at <= _JUST_NOW:
            return Finding(name, Result.WARN, "secret_of_some", values, lines)
    known = [entry.secret_is_ours for entry in our_entries(facts) or () if entry.secret_is_ours is not None]
    if known and not all(known):
        return Finding(name, Result.FAIL, "secret_differs", {}, lines)
    lately = facts.last_heard_at is not None and facts.now - facts.last_heard_at <= _BELIEVED_FOR
    if facts.log_ins.refused_names >= _REFUSED_NAMES and not facts.log_ins.accepted and not lately:
        return Finding(name, Result.FAIL, "secret_unreadable", {"names": facts.log_ins.refused_names}, lines)
    if lately:
        return Finding(name, Result.OK, "secret_ok_accounting", {"at": facts.last_heard_at})
    if facts.log_ins.accepted or known:
        return Finding(name, Result.OK, "secret_ok", {"at": facts.log_ins.last_at})
    return Finding(name, Result.UNKNOWN, "secret_untold")


def message_authenticator(facts: Facts) -> Finding:
    name = CheckName.MESSAGE_AUTHENTICATOR
    lines = mends.radius_entry(facts, require_message_auth="yes-for-request-resp")
    if facts.vendor == "accel-ppp":
        lines = ("[radius] blast-protection=1",)
    for drop in facts.drops or ():
        if drop.nas != facts.nas or drop.reason not in _UNSIGNED or facts.now - drop.last_at > _RECENT:
            continue
        if facts.log_ins.last_at is None or drop.last_at > facts.log_ins.last_at + _TRAVEL:
            back = mends.here(facts, "--forget-message-authenticator")
            values: dict[str, Value] = {"count": drop.count, "at": drop.last_at, "since": facts.signed_since_at}
            return Finding(name, Result.FAIL, "signature_missing", values, (*lines, back))
    if any(entry.signs is False for entry in our_entries(facts) or ()):
        return Finding(name, Result.FAIL, "signature_off", {}, lines)
    if facts.signed_since_at is not None:
        return Finding(name, Result.OK, "signature_ok", {"since": facts.signed_since_at})
    if facts.log_ins.last_at is not None:
        version = facts.router.version if facts.router is not None else None
        return Finding(name, Result.WARN, "signature_never", {"version": version}, lines)
    return Finding(name, Result.UNKNOWN, "signature_untold")


# -- when it speaks ----------------------------------------------------------------------------------------------------


def clock(facts: Facts) -> Finding:
    name, lines = CheckName.CLOCK, mends.clock(facts)
    shown = facts.router.clock_off_seconds if facts.router is not None else None
    off = shown if shown is not None else facts.clock_off_seconds
    if off is None:
        return Finding(name, Result.UNKNOWN, "clock_untold")
    values: dict[str, Value] = {"off": abs(off), "way": "slow" if off > 0 else "fast"}
    if abs(off) > _CLOCK_FAIL_SECONDS:
        return Finding(name, Result.FAIL, "clock_off", values, lines)
    if abs(off) > _CLOCK_WARN_SECONDS:
        return Finding(name, Result.WARN, "clock_off", values, lines)
    if facts.router is not None and facts.router.has_ntp is False:
        return Finding(name, Result.WARN, "clock_alone", values, lines)
    return Finding(name, Result.OK, "clock_ok", values)


def interim(facts: Facts) -> Finding:
    name, lines = CheckName.INTERIM, mends.interim(facts)
    if facts.router is not None and facts.router.ppp == (True, False):
        return Finding(name, Result.FAIL, "accounting_off", {}, lines)
    if not facts.daemon_runs:
        return Finding(name, Result.UNKNOWN, "daemon_away", {}, ("netbilld serve",))
    limit = overdue_after_seconds(facts.interim_seconds)
    told = [session for session in facts.sessions if _silence(session.started_at, facts) > limit]
    if not told:
        return Finding(name, Result.UNKNOWN, "interim_untold", {"asked": facts.interim_seconds})
    slow = [session for session in told if session.interval_seconds > limit]
    silent = [session for session in told if session not in slow and _silence(session.heard_at, facts) > limit]
    silent += [
        session
        for session in slow
        if _silence(session.heard_at, facts) > overdue_after_seconds(session.interval_seconds)
    ]
    values = {"asked": facts.interim_seconds, "sessions": len(told)}
    if _is_most(silent, told):
        return Finding(name, Result.FAIL, "interim_missing", {**values, "silent": len(silent)}, lines)
    if _is_most(slow, told):
        middle = sorted(session.interval_seconds for session in slow)[len(slow) // 2]
        return Finding(name, Result.FAIL, "interim_late", {**values, "slow": len(slow), "interval": middle}, lines)
    late = {id(session) for session in (*slow, *silent)}
    if len(late) * 100 >= _SOME_PERCENT * len(told):
        return Finding(name, Result.WARN, "interim_some", {**values, "silent": len(late)}, lines)
    return Finding(name, Result.OK, "interim_ok", values)


def _silence(since: datetime, facts: Facts) -> float:
    """Return the seconds of silence since then; what was said while nobody listened can't be held against it."""
    since = max(since, facts.hearing_since) if facts.hearing_since is not None else since
    return (facts.now - since).total_seconds()


def _is_most(part: list[SessionSample], whole: list[SessionSample]) -> bool:
    return len(part) * 2 >= len(whole)


# -- which way is which ------------------------------------------------------------------------------------------------


def direction(facts: Facts) -> Finding:
    """Judge by what subscribers do: most of them fetch more than they send."""
    name = CheckName.DIRECTION
    told = [one for one in facts.sessions if one.upload_octets + one.download_octets >= _LEAST_OCTETS]
    if len(told) < _LEAST_SESSIONS:
        return Finding(name, Result.UNKNOWN, "direction_untold", {"sessions": len(told)})
    reversed_ = [one for one in told if one.upload_octets > _MUCH_MORE * one.download_octets]
    values = {"sessions": len(told), "reversed": len(reversed_)}
    if len(reversed_) * 100 >= _MOST_PERCENT * len(told):
        return Finding(name, Result.FAIL, "counters_swapped", values, mends.swapped(facts))
    return Finding(name, Result.OK, "direction_ok", values)
