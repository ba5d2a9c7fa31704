"""What a NAS answers and shows when it is asked: orders, its API, SNMP, pools, lists and firewall."""

from collections.abc import Sequence
from typing import Final

from netbilld.enforcement.doctor import mends
from netbilld.enforcement.doctor.checks import CheckName, Finding, Result
from netbilld.enforcement.doctor.facts import Answer, Facts, Obstacle, RouterFacts, Rule
from netbilld.enforcement.doctor.radius_checks import is_heard, our_entries
from netbilld.enforcement.nas_script.facts import API_POLICIES, PORTAL_LIST
from netbilld.enforcement.nas_script.routeros_words import value
from netbilld.enforcement.vendors.interface import Wall

_ON: Final = frozenset(("true", "yes"))
# What makes a rule of narrower use than all that is forwarded.
_NARROW: Final = (
    "src-address", "dst-address", "src-address-list", "dst-address-list", "in-interface", "out-interface",
    "in-interface-list", "out-interface-list", "connection-mark", "packet-mark", "routing-mark", "hotspot",
    "in-bridge-port", "out-bridge-port", "src-mac-address",
)  # fmt: skip
_FROM: Final = ("in-interface", "in-interface-list", "src-address", "src-address-list")
_TO: Final = ("out-interface", "out-interface-list", "dst-address", "dst-address-list")


def _asked(facts: Facts, name: CheckName) -> RouterFacts | Finding:
    """Return what the router shows, or why that can't be known."""
    if not facts.is_routeros:
        return Finding(name, Result.UNKNOWN, "api_not_spoken", {"vendor": facts.vendor})
    if facts.router is None or facts.router.trouble is not None:
        return Finding(name, Result.UNKNOWN, "api_needed")  # what mends that stands where the API is judged
    return facts.router


def _refused(facts: Facts, name: CheckName) -> Finding:
    return Finding(name, Result.UNKNOWN, "api_refuses", {}, mends.rights(facts))


# -- RADIUS on the router ----------------------------------------------------------------------------------------------


def radius(facts: Facts) -> Finding:
    """Judge whether the router asks us at all, and at which ports."""
    name = CheckName.RADIUS
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    entries = our_entries(facts)
    if entries is None:
        return _refused(facts, name)
    lines = (mends.whole_script(facts),)
    if not entries:
        if is_heard(facts):  # through a proxy or another address of ours
            return Finding(name, Result.UNKNOWN, "radius_elsewhere", {"server": facts.own_address})
        return Finding(name, Result.FAIL, "radius_no_entry", {"server": facts.own_address}, lines)
    wanted = facts.auth_port, facts.acct_port
    for entry in entries:
        ports = entry.auth_port or wanted[0], entry.acct_port or wanted[1]
        if ports != wanted:
            values = {"auth_port": ports[0], "acct_port": ports[1]}
            told = {"authentication_port": str(wanted[0]), "accounting_port": str(wanted[1])}
            return Finding(name, Result.FAIL, "radius_ports", values, mends.radius_entry(facts, **told))
    if router.ppp is not None and not router.ppp[0] and not router.hotspots_use_radius:
        return Finding(name, Result.FAIL, "radius_unused", {}, ("/ppp aaa set use-radius=yes accounting=yes",))
    return Finding(name, Result.OK, "radius_ok", {"server": facts.own_address})


# -- orders ------------------------------------------------------------------------------------------------------------


def orders(facts: Facts) -> Finding:
    """Judge by what came back for an order about a session that nobody has."""
    name, probe = CheckName.ORDERS, facts.probe
    told = {"port": facts.coa_port}
    if probe is None:
        return Finding(name, Result.OK, "orders_none", {"vendor": facts.vendor})
    if probe.answer is Answer.NOT_SENT:
        if probe.obstacle is Obstacle.SHARED_PORT:
            lines = (mends.here(facts, "--coa-port …"), *mends.api_set(facts)[1:])
            return Finding(name, Result.FAIL, "orders_shared_port", told, lines)
        cause = "orders_not_sent" if probe.obstacle is None else f"orders_{probe.obstacle.value}"
        return Finding(name, Result.UNKNOWN, cause, {**told, "detail": probe.detail})
    if probe.answer is Answer.REFUSED_IT:
        return Finding(name, Result.OK, "orders_ok", {**told, "error_cause": probe.error_cause})
    if probe.answer is Answer.TOOK_IT:
        return Finding(name, Result.WARN, "orders_believes_all", told)
    if probe.answer is Answer.OTHER_SECRET:
        return Finding(name, Result.FAIL, "orders_secret", told, mends.same_secret(facts))
    router = facts.router if facts.router is not None and facts.router.trouble is None else None
    if router is not None and router.incoming is not None:
        accepts, port = router.incoming
        if not accepts:
            return Finding(name, Result.FAIL, "orders_off", told, mends.orders_on(facts))
        if port != facts.coa_port:
            lines = (mends.here(facts, f"--coa-port {port}"), *mends.orders_on(facts))
            return Finding(name, Result.FAIL, "orders_port", {**told, "theirs": port}, lines)
    if probe.answer is Answer.NOTHING_LISTENS:
        return Finding(name, Result.FAIL, "orders_closed", told, mends.orders_on(facts))
    if router is not None and router.bad_requests is not None:
        before, after = router.bad_requests
        if after > before:
            if our_entries(facts) == []:
                values = {**told, "server": facts.own_address}
                return Finding(name, Result.FAIL, "orders_sender", values, (mends.whole_script(facts),))
            return Finding(name, Result.FAIL, "orders_secret", told, mends.same_secret(facts))
        return Finding(name, Result.FAIL, "orders_filtered", told, mends.orders_let_in(facts))
    lines = (*mends.orders_on(facts), *mends.orders_let_in(facts), *mends.same_secret(facts))
    return Finding(name, Result.FAIL, "orders_silent", told, lines)


# -- its API and SNMP --------------------------------------------------------------------------------------------------


def api(facts: Facts) -> Finding:
    name = CheckName.API
    if not facts.is_routeros:
        return Finding(name, Result.UNKNOWN, "api_not_spoken", {"vendor": facts.vendor})
    if facts.router is None:
        cause = "api_other" if facts.api_is_set else "api_not_set"
        return Finding(name, Result.UNKNOWN, cause, {}, mends.api_set(facts))
    if facts.router.trouble is not None:
        lines = (f"netbilld nas show {mends.typed(facts.nas)}", "/ip service print", "/user print")
        return Finding(name, Result.FAIL, "api_trouble", {"trouble": facts.router.trouble}, lines)
    return Finding(name, Result.OK, "api_ok", {"version": facts.router.version})


def api_rights(facts: Facts) -> Finding:
    name = CheckName.API_RIGHTS
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    values = {"user": router.user, "group": router.group}
    if router.policies is not None and (missing := set(API_POLICIES) - router.policies):
        lacks = ", ".join(policy for policy in API_POLICIES if policy in missing)
        return Finding(name, Result.FAIL, "rights_missing", {**values, "missing": lacks}, mends.rights(facts))
    if router.refused:
        said = {**values, "menus": ", ".join(router.refused[:3])}
        return Finding(name, Result.FAIL, "rights_refused", said, mends.rights(facts))
    if router.policies is None:
        return Finding(name, Result.UNKNOWN, "rights_untold", values)
    return Finding(name, Result.OK, "rights_ok", values)


def snmp(facts: Facts) -> Finding:
    name = CheckName.SNMP
    if facts.snmp is None:
        return Finding(name, Result.UNKNOWN, "snmp_not_set", {}, mends.snmp_set(facts))
    if facts.snmp.trouble is not None:
        lines = ("/snmp set enabled=yes", *mends.orders_let_in(facts)) if facts.is_routeros else ()
        again = mends.here(facts, "--snmp-community-stdin")
        return Finding(name, Result.FAIL, "snmp_silent", {"trouble": facts.snmp.trouble}, (*lines, again))
    return Finding(name, Result.OK, "snmp_ok")


# -- walls -------------------------------------------------------------------------------------------------------------


def pool(facts: Facts) -> Finding:
    name = CheckName.POOL
    needed = set(facts.needs_pools)
    if facts.wall in {Wall.POOL, Wall.POOL_AND_LIST}:
        needed.add(facts.walled_pool)
    if not needed:
        return Finding(name, Result.OK, "pool_none")
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    if router.pools is None:
        return _refused(facts, name)
    missing = sorted(needed - router.pools)
    if missing:
        lines = tuple(f"/ip pool add name={value(one)} ranges=…" for one in missing)
        if facts.walled_pool in missing:
            lines = (mends.whole_script(facts), *lines)
        return Finding(name, Result.FAIL, "pool_missing", {"pools": ", ".join(missing)}, lines)
    return Finding(name, Result.OK, "pool_ok", {"pools": ", ".join(sorted(needed))})


def walled_list(facts: Facts) -> Finding:
    """Judge whether anything on the router holds who is on the walled list."""
    name = CheckName.LIST
    if facts.walled_list is None:
        return Finding(name, Result.OK, "list_none")
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    if router.filter is None or router.nat is None:
        return _refused(facts, name)
    values = {"list": facts.walled_list}
    held = [rule for rule in _enabled(router.filter) if rule.get("src-address-list") == facts.walled_list]
    if not held:
        return Finding(name, Result.FAIL, "list_unused", values, (mends.whole_script(facts),))
    sent = [rule for rule in _enabled(router.nat) if rule.get("src-address-list") == facts.walled_list]
    if not sent:
        return Finding(name, Result.WARN, "list_no_redirect", values, (mends.whole_script(facts),))
    return Finding(name, Result.OK, "list_ok", values)


def fasttrack(facts: Facts) -> Finding:
    """Judge whether subscribers' traffic can be fasttracked: it then passes queues and walls by."""
    name = CheckName.FASTTRACK
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    if router.filter is None:
        return _refused(facts, name)
    rules = [rule for rule in _enabled(router.filter) if rule.get("chain") == "forward"]
    tracked = [at for at, rule in enumerate(rules) if rule.get("action") == "fasttrack-connection"]
    lines = (mends.whole_script(facts),)
    for at in tracked:
        narrow = [word for word in _NARROW if rules[at].get(word)]
        if narrow == ["src-address-list"] and rules[at]["src-address-list"] == f"!{facts.walled_list}":
            narrow = []  # who is walled is kept out, and everybody else's limits are passed by
        if _both_ways_accepted(rules[:at]):
            continue
        if narrow:
            return Finding(name, Result.UNKNOWN, "fasttrack_narrowed", {"by": ", ".join(narrow)}, lines)
        off = "/ip firewall filter disable [/ip firewall filter find where action=fasttrack-connection dynamic=no]"
        return Finding(name, Result.FAIL, "fasttrack_on", {}, (*lines, off))
    return Finding(name, Result.OK, "fasttrack_excepted" if tracked else "fasttrack_off")


def masquerade(facts: Facts) -> Finding:
    """Judge whether the portal sees who asks, or the router's own address for everybody."""
    name = CheckName.MASQUERADE
    router = _asked(facts, name)
    if isinstance(router, Finding):
        return router
    if router.nat is None:
        return _refused(facts, name)
    rules = [rule for rule in _enabled(router.nat) if rule.get("chain") == "srcnat"]
    hiding = next((at for at, rule in enumerate(rules) if rule.get("action") in {"masquerade", "src-nat"}), None)
    if hiding is None:
        return Finding(name, Result.OK, "masquerade_none")
    if not facts.has_portal_sources:
        return Finding(name, Result.OK, "masquerade_unneeded")
    if any(rule.get("action") == "accept" and _is_the_portal(rule, facts) for rule in rules[:hiding]):
        return Finding(name, Result.OK, "masquerade_excepted")
    return Finding(name, Result.WARN, "masquerade_hides", {}, (mends.whole_script(facts),))


def _is_the_portal(rule: Rule, facts: Facts) -> bool:
    return rule.get("dst-address-list") == PORTAL_LIST or (
        facts.own_address is not None and rule.get("dst-address", "").partition("/")[0] == facts.own_address
    )


def _both_ways_accepted(earlier: Sequence[Rule]) -> bool:
    """Tell whether established traffic from subscribers and to them is accepted before."""
    accepted = [
        rule
        for rule in earlier
        if rule.get("action") == "accept"
        and (not rule.get("connection-state") or "established" in rule["connection-state"])
        and not any(rule.get(word) for word in ("protocol", "dst-port", "src-port"))
    ]
    return all(
        any(rule.get(word) and not rule[word].startswith("!") for rule in accepted for word in way)
        for way in (_FROM, _TO)
    )


def _enabled(rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.get("disabled") not in _ON and rule.get("dynamic") not in _ON]
