"""explain(): the ordered checks of why a subscriber can't get online, and the first that blocks.

Only what was seen counts as a cause. What can't be known is said to be unknown, and what an older log-in told is not
held against a service once it has been mended since.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from netbilld.accounting.stale import SilencePolicy
from netbilld.billing.hours import closes_at, opens_at
from netbilld.billing.plan import Timing
from netbilld.billing.standing import StandingKind
from netbilld.enforcement.explain_facts import AttemptFact, DropFact, Facts, ServiceFact, SessionFact
from netbilld.enforcement.fair_use import passed
from netbilld.enforcement.policy import ServiceStatus, drains, has_more, is_expired
from netbilld.enforcement.profile import Access
from netbilld.model.periods import monthly_period

Value = str | int | datetime | date | None

LINK_FRESH: Final = timedelta(minutes=15)  # a modem that is refused dials again well within this
START_WAIT: Final = timedelta(seconds=90)  # from an Access-Accept to the Start that follows it
DROPS_MATTER: Final = timedelta(hours=1)
_TRAVEL: Final = timedelta(seconds=5)


class CheckName(StrEnum):
    """The checks, in the order in which they are judged."""

    ACCOUNT = "account"
    PASSWORD = "password"  # noqa: S105 - the name of a check
    PLAN = "plan"
    MONEY = "money"
    QUOTA = "quota"
    SESSIONS = "sessions"
    LOCK = "lock"
    POOL = "pool"
    NAS = "nas"
    LINK = "link"
    COA = "coa"


class State(StrEnum):
    OK = "ok"
    BLOCKING = "blocking"
    WARNING = "warning"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how it stands, the cause as a stable word, and the figures that its sentence needs."""

    name: CheckName
    state: State
    cause: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The checks in their order. `online` is a session that is alive now; `similar` are names like an unknown one."""

    username: str
    now: datetime
    subscriber_no: str | None
    subscriber_name: str | None
    service_name: str | None
    checks: tuple[Check, ...]
    similar: tuple[str, ...]
    online: SessionFact | None

    @property
    def first(self) -> Check | None:
        """Return the first check that blocks; None where none does."""
        return next((check for check in self.checks if check.state is State.BLOCKING), None)

    @property
    def verdict(self) -> str:
        """Return blocked, online, warning, unknown or ok."""
        if self.first is not None:
            return "blocked"
        if self.online is not None:
            return "online"
        states = {check.state for check in self.checks}
        return next((state.value for state in (State.WARNING, State.UNKNOWN) if state in states), "ok")


# Why packets get silence, as an operator mends it.
_DROP_CAUSES: Final = {
    "bad_authenticator": "wrong_nas_secret",
    "bad_message_authenticator": "wrong_nas_secret",
    "message_authenticator_missing": "message_authenticator_missing",
    "proxy_state_without_message_authenticator": "message_authenticator_missing",
    "unknown_client": "nas_address_unknown",
    "unknown_identifier": "nas_identifier_unknown",
}
# Packets that are of no NAS: they count only where they say the very name.
_OF_NOBODY: Final = frozenset(("unknown_client", "unknown_identifier"))
# Refusals of a log-in that have a sentence of their own.
_REFUSALS: Final = frozenset(
    (
        "wrong_password", "method_not_supported", "malformed_credentials", "router_login", "too_many_tries",
        "eap_failed", "certificate_refused", "no_common_method",
    )
)  # fmt: skip
_OF_A_NAS: Final = _DROP_CAUSES.keys() - _OF_NOBODY
_LOCKS: Final = {
    "mac_lock": "mac",
    "vlan_lock": "vlan",
    "port_lock": "nas_port",
    "nas_not_allowed": "nas",
    "mac_mismatch": "station",
}
_ELSEWHERE: Final = frozenset(  # reasons that another check judges: the credentials were right
    (
        "ok", "session_limit", "pool_full", "pool_unavailable", "outside_hours", "terminated", "suspended", "paused",
        "expired", "database_away",
        "no_credit", "overdue", "quota", "fair_use", *_LOCKS,
    )
)  # fmt: skip
_NEEDS_CLEAR_TEXT: Final = frozenset(("pap", "chap", "eap-md5"))


def explain(facts: Facts) -> Explanation:
    """Return every check, in order, for what is known."""
    service = facts.service
    online = next((session for session in facts.sessions if is_alive(session, facts)), None)
    judged: list[Check] = []
    for name, judge in _JUDGES:
        if service is None and name not in {CheckName.ACCOUNT, CheckName.NAS, CheckName.LINK}:
            judged.append(Check(name, State.UNKNOWN, "no_service"))
            continue
        judged.append(judge(facts, online))
    return Explanation(
        username=facts.username,
        now=facts.now,
        subscriber_no=service.subscriber_no if service else None,
        subscriber_name=service.subscriber_name if service else None,
        service_name=service.credential.name if service else None,
        checks=tuple(judged),
        similar=facts.similar,
        online=online,
    )


def is_alive(session: SessionFact, facts: Facts) -> bool:
    """Tell whether a session reports as it should."""
    if session.stopped_at is not None or session.state not in {"starting", "live"}:
        return False
    silence = SilencePolicy(facts.interim_seconds, facts.silent_after_seconds)
    return facts.now - session.updated_at < timedelta(seconds=silence.late_after_seconds(session))


# -- the checks, in order ----------------------------------------------------------------------------------------------


def _account(facts: Facts, _online: SessionFact | None) -> Check:
    service = facts.service
    if service is None:
        attempt = facts.attempts[0] if facts.attempts else None
        values: dict[str, Value] = {"username": facts.username, "similar": ", ".join(facts.similar)}
        if attempt is not None:
            values |= {"at": attempt.at, "nas": attempt.nas}
        if facts.voucher is not None:
            voucher = facts.voucher
            values |= {"number": voucher.number, "reason": voucher.reason, "ended": voucher.at}
            state = State.WARNING if voucher.cause == "voucher_unused" else State.BLOCKING
            return Check(CheckName.ACCOUNT, state, voucher.cause, values)
        return Check(CheckName.ACCOUNT, State.BLOCKING, "unknown_user", values)
    values = {"since": service.status_since_at, "reason": service.status_reason, "number": service.subscriber_no}
    match service.facts.status:
        case ServiceStatus.ENDED:
            return Check(CheckName.ACCOUNT, State.BLOCKING, "terminated", values)
        case ServiceStatus.SUSPENDED:
            return Check(CheckName.ACCOUNT, State.BLOCKING, "suspended", values | _access(service))
        case ServiceStatus.PAUSED:
            return Check(CheckName.ACCOUNT, State.BLOCKING, "paused", values | _access(service))
    return Check(CheckName.ACCOUNT, State.OK, "account_ok", values | {"name": service.subscriber_name})


def _password(facts: Facts, online: SessionFact | None) -> Check:
    service = _known(facts)
    attempt = _evidence(facts)
    if attempt is None:
        if online is not None:
            return Check(CheckName.PASSWORD, State.OK, "password_ok", {"at": online.started_at})
        return Check(CheckName.PASSWORD, State.UNKNOWN, "password_untried")
    values: dict[str, Value] = {
        "at": attempt.at,
        "nas": attempt.nas,
        "method": attempt.method,
        "mac": attempt.mac,
        "detail": attempt.detail,
        "username": attempt.username,
        "reason": attempt.reason,
    }
    credential = service.credential
    if attempt.result == "accept" or attempt.reason in _ELSEWHERE:
        return Check(CheckName.PASSWORD, State.OK, "password_ok", values)
    if attempt.reason == "unknown_user" or (
        credential.password_changed_at is not None and attempt.at <= credential.password_changed_at
    ):
        return Check(CheckName.PASSWORD, State.UNKNOWN, "password_changed_since", values)
    if _looks_like_wrong_secret(facts, attempt):
        return Check(CheckName.PASSWORD, State.UNKNOWN, "password_unreadable", values)
    cause = attempt.reason if attempt.reason in _REFUSALS else "refused_otherwise"
    if attempt.reason == "wrong_method_stored" or (attempt.reason == "no_password" and attempt.method != "none"):
        cause = "wrong_method_stored"
        values["missing"] = "clear_text" if attempt.method in _NEEDS_CLEAR_TEXT else "nt_hash"
    elif attempt.reason == "no_password":
        cause = "no_password_sent"
    # somebody is online under this name: what was refused was another device, or has been mended since
    state = State.WARNING if online is not None else State.BLOCKING
    return Check(CheckName.PASSWORD, state, cause, values)


def _plan(facts: Facts, _online: SessionFact | None) -> Check:
    service = _known(facts)
    plan, due = service.plan, service.facts
    values: dict[str, Value] = {"plan": plan.name, "code": plan.code}
    if plan.timing is Timing.PREPAID and plan.recurring is not None:
        values |= {
            "until": due.paid_until_on,
            "wallet_minor": due.wallet_minor,
            "price_minor": plan.recurring.price_minor,
        }
        if is_expired(due, facts.now):
            if due.is_held:
                return Check(CheckName.PLAN, State.WARNING, "held_open", values)
            return Check(CheckName.PLAN, State.BLOCKING, "expired", values | _access(service))
    attempt = _evidence(facts)
    outside = attempt is not None and attempt.reason == "outside_hours"
    if plan.hours and closes_at(plan.hours, due.timezone, facts.now) is None:
        opens = opens_at(plan.hours, due.timezone, facts.now)
        return Check(CheckName.PLAN, State.BLOCKING, "outside_hours", values | {"opens": opens})
    if outside:
        return Check(CheckName.PLAN, State.WARNING, "hours_open_again", values)
    if attempt is not None and attempt.reason == "database_away":  # it is back, or nobody could be told this
        return Check(CheckName.PLAN, State.WARNING, "database_away", values | {"at": attempt.at})
    return Check(CheckName.PLAN, State.OK, "plan_ok", values)


def _money(facts: Facts, _online: SessionFact | None) -> Check:
    service = _known(facts)
    due = service.facts
    values: dict[str, Value] = {
        "overdue_minor": due.standing.overdue_minor,
        "wallet_minor": due.wallet_minor,
        "due_on": service.oldest_due_on,
        "until": due.standing.until_at,
        "number": service.subscriber_no,
    }
    if due.standing.kind is StandingKind.OVERDUE and due.is_held:
        return Check(CheckName.MONEY, State.WARNING, "held_open", values)
    if due.standing.kind is StandingKind.OVERDUE:
        return Check(CheckName.MONEY, State.BLOCKING, "overdue", values | _access(service))
    if drains(service.plan) and due.wallet_minor <= 0 and not due.is_free(facts.now) and not has_more(due, facts.now):
        return Check(CheckName.MONEY, State.BLOCKING, "wallet_empty", values | _access(service))
    if due.standing.kind is StandingKind.GRACE:
        return Check(CheckName.MONEY, State.WARNING, "in_grace", values)
    return Check(CheckName.MONEY, State.OK, "money_ok", values)


def _quota(facts: Facts, _online: SessionFact | None) -> Check:
    service = _known(facts)
    due, allowance = service.facts, service.plan.allowance
    if allowance is None:
        return Check(CheckName.QUOTA, State.OK, "no_quota")
    period = monthly_period(facts.now, due.billing_day, due.timezone)
    used = due.used_octets(due.usage, facts.now)
    step = passed(service.plan, due.allowed_octets, used)
    values: dict[str, Value] = {
        "used_octets": used,
        "limit_octets": due.allowed_octets,
        "resets": period.end_at,
    }
    if step is None:
        return Check(CheckName.QUOTA, State.OK, "quota_ok", values)
    if step.speed is not None:
        return Check(CheckName.QUOTA, State.WARNING, "fair_use", values)
    return Check(CheckName.QUOTA, State.BLOCKING, "quota_used_up", values | _access(service))


def _sessions(facts: Facts, online: SessionFact | None) -> Check:
    service = _known(facts)
    attempt = _evidence(facts)
    allowed = service.plan.sessions.allowed if service.plan.sessions is not None else None
    limited = attempt is not None and attempt.reason == "session_limit"
    if attempt is not None and limited:
        if not facts.sessions and facts.now - attempt.at <= START_WAIT:  # taken by a log-in whose Start is to come
            taken: dict[str, Value] = {"limit": allowed, "at": attempt.at, "detail": attempt.detail}
            return Check(CheckName.SESSIONS, State.BLOCKING, "session_limit", taken)
        if not facts.sessions:
            return Check(CheckName.SESSIONS, State.WARNING, "session_limit_free_again", {"at": attempt.at})
        alive = [one for one in facts.sessions if is_alive(one, facts) and not _same_device(one, attempt)]
        shown = alive[0] if alive else facts.sessions[0]
        cause = "session_limit" if alive else "session_limit_ghost"
        values = _session_values(shown) | {"limit": allowed, "at": attempt.at, "open": len(facts.sessions)}
        return Check(CheckName.SESSIONS, State.BLOCKING, cause, values)
    if online is not None:
        return Check(CheckName.SESSIONS, State.OK, "session_live", _session_values(online))
    if facts.sessions:
        return Check(CheckName.SESSIONS, State.WARNING, "session_silent", _session_values(facts.sessions[0]))
    return Check(CheckName.SESSIONS, State.OK, "no_session")


def _lock(facts: Facts, _online: SessionFact | None) -> Check:
    service = _known(facts)
    attempt = _evidence(facts)
    if attempt is None or attempt.reason not in _LOCKS:
        return Check(CheckName.LOCK, State.OK, "locks_ok" if service.locks else "no_lock")
    kind = _LOCKS[attempt.reason]
    allowed = service.locks.get(kind, frozenset())
    values: dict[str, Value] = {
        "at": attempt.at,
        "mac": attempt.mac,
        "nas": attempt.nas,
        "detail": attempt.detail,
        "allowed": ", ".join(sorted(allowed)) or None,
        "username": service.credential.name,
    }
    mended = kind != "station" and (not allowed or (kind == "mac" and attempt.mac in allowed))
    if mended:
        return Check(CheckName.LOCK, State.WARNING, "lock_reset_since", values)
    return Check(CheckName.LOCK, State.BLOCKING, attempt.reason, values)


def _pool(facts: Facts, _online: SessionFact | None) -> Check:
    attempt = _evidence(facts)
    values: dict[str, Value] = {}
    if facts.pool is not None:
        values = {"pool": facts.pool.name, "used": facts.pool.used, "size": facts.pool.size}
    if attempt is not None and attempt.reason == "pool_unavailable":
        return Check(CheckName.POOL, State.BLOCKING, "pool_unavailable", values | {"at": attempt.at})
    if attempt is not None and attempt.reason == "pool_full":
        values |= {"at": attempt.at, "detail": attempt.detail}
        if facts.pool is not None and facts.pool.used < facts.pool.size:
            return Check(CheckName.POOL, State.WARNING, "pool_free_again", values)
        return Check(CheckName.POOL, State.BLOCKING, "pool_full", values)
    if facts.pool is not None and facts.pool.used >= facts.pool.size:
        return Check(CheckName.POOL, State.WARNING, "pool_nearly_full", values)
    return Check(CheckName.POOL, State.OK, "pool_ok" if facts.pool is not None else "no_pool", values)


def _nas(facts: Facts, online: SessionFact | None) -> Check:
    nas, attempt = facts.nas, _evidence(facts)
    drop = _drop_that_matters(facts)
    if drop is not None:
        values: dict[str, Value] = {
            "nas": drop.nas,
            "source": drop.source,
            "called": drop.detail or "–",
            "count": drop.count,
            "at": drop.last_at,
        }
        return Check(CheckName.NAS, State.BLOCKING, _DROP_CAUSES[drop.reason], values)
    if nas is None:
        cause = "nas_not_known" if facts.name_drops is not None else "nas_not_known_daemon_away"
        return Check(CheckName.NAS, State.UNKNOWN, cause)
    heard_at = max((at for at in (nas.last_heard_at, nas.last_attempt_at) if at is not None), default=None)
    values = {"nas": nas.name, "source": nas.address, "at": heard_at}
    if attempt is not None and _looks_like_wrong_secret(facts, attempt):
        return Check(CheckName.NAS, State.BLOCKING, "wrong_nas_secret", values | {"names": nas.refused_names or 1})
    if not nas.in_service:
        return Check(CheckName.NAS, State.BLOCKING, "nas_removed", values)
    if online is not None:
        return Check(CheckName.NAS, State.OK, "nas_ok", values)
    if heard_at is None:
        return Check(CheckName.NAS, State.BLOCKING, "nas_never_heard", values)
    if facts.now - heard_at > timedelta(seconds=facts.silent_after_seconds):
        return Check(CheckName.NAS, State.BLOCKING, "nas_silent", values)
    if facts.name_drops is None:
        return Check(CheckName.NAS, State.OK, "nas_heard_daemon_away", values)
    return Check(CheckName.NAS, State.OK, "nas_ok", values)


def _link(facts: Facts, online: SessionFact | None) -> Check:
    if online is not None:
        if online.is_local:
            return Check(CheckName.LINK, State.WARNING, "link_online_local", _session_values(online))
        return Check(CheckName.LINK, State.OK, "link_online", _session_values(online))
    drop = _drop_that_matters(facts)
    attempt = facts.attempts[0] if facts.attempts else None
    if drop is not None and (attempt is None or attempt.at < drop.last_at):
        return Check(CheckName.LINK, State.UNKNOWN, "link_hidden", {"source": drop.source, "at": drop.last_at})
    last = facts.last_session
    values: dict[str, Value] = {
        "at": attempt.at if attempt else None,
        "nas": attempt.nas if attempt else None,
        "ended": last.stopped_at if last else None,
        "terminate_cause": last.terminate_cause if last else None,
    }
    if attempt is not None and facts.now - attempt.at <= LINK_FRESH:
        if attempt.result == "reject":
            return Check(CheckName.LINK, State.OK, "link_ok", values)
        ended_since = last is not None and last.started_at >= attempt.at - _TRAVEL
        if not ended_since and facts.now - attempt.at > START_WAIT:
            return Check(CheckName.LINK, State.BLOCKING, "accepted_without_session", values)
        if not ended_since:
            return Check(CheckName.LINK, State.OK, "just_accepted", values)
        return Check(CheckName.LINK, State.WARNING, "session_short", values)
    if facts.service is None:
        return Check(CheckName.LINK, State.UNKNOWN, "not_dialling" if attempt else "never_dialled", values)
    if facts.nas is not None and _nas(facts, online).state is State.BLOCKING:
        return Check(CheckName.LINK, State.UNKNOWN, "link_hidden", values | {"source": facts.nas.address})
    if facts.sessions:  # open, and its report overdue: the line may be down, or the NAS may report no interims
        return Check(CheckName.LINK, State.WARNING, "session_silent", _session_values(facts.sessions[0]))
    return Check(CheckName.LINK, State.BLOCKING, "not_dialling" if attempt or last else "never_dialled", values)


def _coa(facts: Facts, _online: SessionFact | None) -> Check:
    service, order = _known(facts), facts.order
    if order is None:
        return Check(CheckName.COA, State.OK, "coa_none")
    session = facts.sessions[0] if facts.sessions else None
    values: dict[str, Value] = {
        "action": order.action,
        "nas": order.nas,
        "at": order.sent_at,
        "error_cause": order.error_cause,
        "detail": order.detail,
        "attempts": order.attempts,
        "next": order.next_attempt_at,
        "session": session.id if session else None,
        "seen": session.seen_access if session else None,
    }
    if not order.pending or session is None:
        return Check(CheckName.COA, State.OK, "coa_ok", values)
    cause = {"nacked": "coa_refused", "timed_out": "coa_unanswered", "failed": "coa_failed"}.get(order.outcome)
    wanted_open = service.due.access in {Access.ACTIVE, Access.THROTTLED}
    shut_out = wanted_open and session.seen_access in {None, Access.WALLED.value, Access.BLOCKED.value}
    if cause is None:
        return Check(CheckName.COA, State.WARNING, "coa_waiting", values)
    return Check(CheckName.COA, State.BLOCKING if shut_out else State.WARNING, cause, values)


Judge = Callable[[Facts, SessionFact | None], Check]
_JUDGES: Final[Sequence[tuple[CheckName, Judge]]] = (
    (CheckName.ACCOUNT, _account),
    (CheckName.PASSWORD, _password),
    (CheckName.PLAN, _plan),
    (CheckName.MONEY, _money),
    (CheckName.QUOTA, _quota),
    (CheckName.SESSIONS, _sessions),
    (CheckName.LOCK, _lock),
    (CheckName.POOL, _pool),
    (CheckName.NAS, _nas),
    (CheckName.LINK, _link),
    (CheckName.COA, _coa),
)


# -- evidence ----------------------------------------------------------------------------------------------------------


def _known(facts: Facts) -> ServiceFact:
    assert facts.service is not None, "judged only where there is one"  # noqa: S101
    return facts.service


def _access(service: ServiceFact) -> dict[str, Value]:
    return {"access": service.due.access.value}


def _session_values(session: SessionFact) -> dict[str, Value]:
    return {
        "session": session.id,
        "nas": session.nas,
        "mac": session.mac,
        "address": session.framed_ip,
        "since": session.started_at,
        "heard": session.updated_at,
    }


def _evidence(facts: Facts) -> AttemptFact | None:
    """Return the newest log-in; None where a later packet got silence, so that it tells nothing of now."""
    if not facts.attempts:
        return None
    newest = facts.attempts[0]
    return None if any(drop.last_at > newest.at for drop in _named_drops(facts)) else newest


def _named_drops(facts: Facts) -> list[DropFact]:
    return [drop for drop in facts.name_drops or () if drop.reason in _DROP_CAUSES]


def _drop_that_matters(facts: Facts) -> DropFact | None:
    """Return the drop that keeps the service out: of its own name, else of its NAS since that was last believed."""
    newest_attempt = facts.attempts[0].at if facts.attempts else None
    own = max(_named_drops(facts), key=lambda drop: drop.last_at, default=None)
    alive = any(is_alive(session, facts) for session in facts.sessions)
    if own is not None and (newest_attempt is None or own.last_at > newest_attempt):
        return None if alive and own.reason in _OF_NOBODY else own
    if alive:
        return None
    nas = facts.nas
    believed_at = max(
        (at for at in (nas.last_heard_at, nas.last_attempt_at) if at is not None) if nas is not None else (),
        default=None,
    )
    found = None
    for drop in facts.nas_drops or ():
        # who scans the internet sends from addresses of no NAS: these count only where they say the very name
        recent = drop.reason in _OF_A_NAS and facts.now - drop.last_at <= DROPS_MATTER
        if drop.reason == "message_authenticator_missing" and nas is not None:
            # its accounting needs none, so only a log-in shows that it sends one again
            since = nas.last_attempt_at
        else:
            since = believed_at
        ours = nas is not None or newest_attempt is None
        if recent and ours and (since is None or drop.last_at > since + _TRAVEL):
            found = drop if found is None or drop.last_at > found.last_at else found
    return found


def _looks_like_wrong_secret(facts: Facts, attempt: AttemptFact) -> bool:
    """Tell whether a PAP password came out as rubbish: without Message-Authenticator a wrong secret looks so."""
    if attempt.method != "pap" or attempt.reason not in {"wrong_password", "malformed_credentials"}:
        return False
    if attempt.detail is not None and attempt.detail.startswith("unreadable"):
        return True
    nas = facts.nas
    if nas is None or nas.name != attempt.nas:
        return False
    accounting = any(drop.reason == "bad_authenticator" and drop.nas == nas.name for drop in facts.nas_drops or ())
    return nas.accepted == 0 and (nas.refused_names >= 3 or accounting)


def _same_device(session: SessionFact, attempt: AttemptFact) -> bool:
    return session.mac is not None and attempt.mac is not None and session.mac == attempt.mac
