"""What a router shows of sessions, beside what they are due."""

from datetime import datetime
from typing import NamedTuple

from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.read_back import Verdict, read_back
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.enforcement.vendors.mikrotik import is_hotspot_session
from netbilld.ports.ask_nas import Presence
from netbilld.ports.look_at_nas import Seen, SessionMark
from netbilld.services.order_book import Proof, SessionToCheck
from netbilld.services.plan_order import wish_key


class Compared(NamedTuple):
    """What came of one session.

    Attributes:
        presence: unknown where the router did not tell.
        verdict: of a session that is there; unknown for others.
        words: what differs, or why nothing is known.
        is_hidden: a queue made by hand holds it, and its own has no effect.
    """

    session: SessionToCheck
    presence: Presence
    verdict: Verdict
    words: str = ""
    is_hidden: bool = False


def mark_of(session: SessionToCheck) -> SessionMark:
    """Return what a session is found by on its NAS."""
    return SessionMark(session.session_id, session.username, session.acct_session_id, session.framed_ip, session.mac)


def compare(session: SessionToCheck, seen: Seen | None, walled_list: str) -> Compared:
    """Compare a session of a service with what was seen of it; None for nothing."""
    if seen is None or seen.presence is Presence.UNKNOWN:
        return Compared(session, Presence.UNKNOWN, Verdict.UNKNOWN, "its NAS does not tell")
    if seen.presence is Presence.GONE:
        return Compared(session, Presence.GONE, Verdict.UNKNOWN, "its NAS has no such session")
    if session.disconnect_requested_at is not None:
        return Compared(session, Presence.THERE, Verdict.DIFFERS, "it is online, and somebody wants it ended")
    if session.desired is None:
        return Compared(session, Presence.THERE, Verdict.UNKNOWN, "it is nobody's")
    told = read_back(built(session), seen.rate_bps, seen.lists, walled_list)
    if session.is_local and session.desired.access is Access.ACTIVE and told.verdict is Verdict.DIFFERS:
        # until its account there is taken out, its rate is what the router says
        return Compared(session, Presence.THERE, Verdict.UNKNOWN, f"its router let it in by itself, and {told.words}")
    if told.verdict is Verdict.AGREES and seen.hidden_by is not None:
        # no order changes that: a person made it, and a person has to look
        words = f"a queue made by hand holds it: {seen.hidden_by}"
        return Compared(session, Presence.THERE, Verdict.UNKNOWN, words, is_hidden=True)
    return Compared(session, Presence.THERE, told.verdict, told.words)


def built(session: SessionToCheck) -> ServiceProfile | None:
    """Return what a session's service is due as its NAS builds it; None where it is not let in there."""
    if session.desired is None:
        return None
    profile = session.desired.profile
    if profile.access is not Access.WALLED:
        return profile
    vendor = vendor_or_any(session.nas.vendor)
    return vendor.walled(profile, session.nas.wall_by, hotspot=is_hotspot_session(session.acct_session_id))


def believed(session: SessionToCheck) -> bool:
    """Tell whether a session is on record as being what it is due: nothing is on its way to make it so."""
    desired, observed = session.desired, session.observed
    if desired is None or observed is None or session.disconnect_requested_at is not None:
        return False
    return observed.profile_key == desired.profile_key


def list_entry(session: SessionToCheck) -> tuple[str, str] | None:
    """Return the list and address that a session is to have an entry of ours for, if it is walled so."""
    if session.nas.wall_by != "list" or session.framed_ip is None or session.disconnect_requested_at is not None:
        return None
    due = built(session)
    if due is None or due.access is not Access.WALLED or due.address_list is None:
        return None
    return due.address_list, session.framed_ip


def proof_of(told: Compared, at: datetime) -> Proof:
    """Return what was seen over the API; what has become due since `at`, when that was read, is not touched by it."""
    return Proof(told.session.session_id, Evidence.API, at, wish_key(told.session), told.words)
