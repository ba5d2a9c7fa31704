"""What is known of a NAS, and what is found: a fault is named with its line, and what can't be known is never fine."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from netbilld.enforcement.doctor.facts import Answer, LogIns, Obstacle, OrderProbe, RouterFacts, SnmpProbe
from netbilld.enforcement.explain_facts import DropFact
from netbilld.enforcement.vendors.interface import Wall
from tests.examined import ENTRY, EXCEPTED, FASTTRACK, NOW, ROUTER, SERVER, WALLED, facts, findings, session

AGO = NOW - timedelta(seconds=30)
SILENCE = OrderProbe(Answer.SILENCE)


def drop(reason: str, nas: str | None = "pop1", at: datetime = AGO, **more: Any) -> DropFact:
    return DropFact(reason, more.pop("source", "192.0.2.1"), nas, more.pop("port", "auth"), 7, at, **more)


def router(**changed: Any) -> RouterFacts:
    return replace(ROUTER, **changed)


UNHEARD: dict[str, Any] = {"last_heard_at": None, "log_ins": LogIns(), "sessions": (), "open_sessions": 0}
FAULTS: list[tuple[str, str, str, dict[str, Any]]] = [
    # the check, the cause, how it stands, and what is otherwise known than of a NAS that is as it should be
    ("source_address", "source_address_wrong", "fail",
     {**UNHEARD, "drops": (drop("unknown_client", None, source="192.0.2.77", identifier="pop1"),)}),
    ("source_address", "source_address_wrong", "fail",
     {**UNHEARD, "router": router(addresses=frozenset(("192.0.2.77",))),
      "drops": (drop("unknown_client", None, source="192.0.2.77", identifier="MikroTik"),)}),
    ("source_address", "source_address_stranger", "fail",
     {**UNHEARD, "router": None, "drops": (drop("unknown_client", None, source="192.0.2.77", identifier="MikroTik"),)}),
    ("source_address", "source_address_set", "fail", {"router": router(radius=(replace(ENTRY, source="10.0.0.1"),))}),
    ("source_address", "identifier_unknown", "fail",
     {**UNHEARD, "told_by": "pop1", "drops": (drop("unknown_identifier", None, detail="MikroTik"),)}),
    ("source_address", "silent", "fail", {"last_heard_at": NOW - timedelta(hours=2), "log_ins": LogIns()}),
    ("source_address", "never_heard", "unknown", UNHEARD),
    ("source_address", "quiet", "unknown",
     {**UNHEARD, "last_heard_at": NOW - timedelta(hours=2)}),
    ("source_address", "daemon_away", "unknown", {**UNHEARD, "daemon_runs": False, "drops": None}),
    ("secret", "secret_wrong", "fail", {**UNHEARD, "drops": (drop("bad_message_authenticator"),)}),
    ("secret", "secret_wrong", "fail",
     {"last_heard_at": NOW - timedelta(minutes=9), "drops": (drop("bad_authenticator", port="acct"),)}),
    ("secret", "secret_of_some", "warn",
     {"network": "192.0.2.0/24",
      "drops": (drop("bad_authenticator", at=NOW - timedelta(minutes=3), port="acct"),)}),
    ("secret", "secret_differs", "fail", {"router": router(radius=(replace(ENTRY, secret_is_ours=False),))}),
    ("secret", "secret_unreadable", "fail", {**UNHEARD, "router": None, "log_ins": LogIns(0, 3, AGO)}),
    ("secret", "secret_untold", "unknown", {**UNHEARD, "router": None}),
    ("message_authenticator", "signature_missing", "fail",
     {"drops": (drop("message_authenticator_missing"),)}),
    ("message_authenticator", "signature_off", "fail", {"router": router(radius=(replace(ENTRY, signs=False),))}),
    ("message_authenticator", "signature_never", "warn", {"signed_since_at": None}),
    ("message_authenticator", "signature_untold", "unknown", {"signed_since_at": None, "log_ins": LogIns()}),
    ("radius", "radius_no_entry", "fail", {**UNHEARD, "router": router(radius=())}),
    ("radius", "radius_elsewhere", "unknown", {"router": router(radius=())}),
    ("radius", "radius_ports", "fail", {"router": router(radius=(replace(ENTRY, auth_port=1645),))}),
    ("radius", "radius_unused", "fail", {"router": router(ppp=(False, True))}),
    ("clock", "clock_off", "fail", {"router": router(clock_off_seconds=-7200)}),
    ("clock", "clock_off", "fail", {"router": None, "clock_off_seconds": 86_400 * 3}),
    ("clock", "clock_off", "warn", {"router": router(clock_off_seconds=90)}),
    ("clock", "clock_alone", "warn", {"router": router(has_ntp=False)}),
    ("clock", "clock_untold", "unknown", {"router": None}),
    ("interim", "accounting_off", "fail", {"router": router(ppp=(True, False))}),
    ("interim", "interim_missing", "fail",
     {"sessions": tuple(session(NOW, heard_at=NOW - timedelta(hours=3), interval_seconds=0) for _ in range(10))}),
    ("interim", "interim_late", "fail", {"sessions": tuple(session(NOW, interval_seconds=900) for _ in range(10))}),
    ("interim", "interim_missing", "fail",  # it reported late, and then no more
     {"sessions": tuple(session(NOW, interval_seconds=900, heard_at=NOW - timedelta(hours=1)) for _ in range(10))}),
    ("interim", "interim_some", "warn",
     {"sessions": (*(session(NOW, interval_seconds=900) for _ in range(2)), *(session(NOW) for _ in range(8)))}),
    ("interim", "interim_untold", "unknown", {"sessions": (session(NOW, started_at=AGO),)}),
    ("interim", "interim_untold", "unknown",  # nobody listened until half a minute ago
     {"hearing_since": AGO, "sessions": (session(NOW, heard_at=NOW - timedelta(hours=3)),)}),
    ("direction", "counters_swapped", "fail",
     {"sessions": tuple(session(NOW, upload_octets=9 * 10**8, download_octets=10**8) for _ in range(10))}),
    ("direction", "direction_untold", "unknown", {"sessions": (session(NOW), session(NOW))}),
    ("orders", "orders_off", "fail", {"probe": OrderProbe(Answer.NOTHING_LISTENS),
                                      "router": router(incoming=(False, 3799))}),
    ("orders", "orders_port", "fail", {"probe": SILENCE, "router": router(incoming=(True, 1700))}),
    ("orders", "orders_closed", "fail", {"probe": OrderProbe(Answer.NOTHING_LISTENS), "router": None}),
    ("orders", "orders_secret", "fail", {"probe": OrderProbe(Answer.OTHER_SECRET)}),
    ("orders", "orders_secret", "fail", {"probe": SILENCE, "router": router(bad_requests=(4, 6))}),
    ("orders", "orders_sender", "fail", {"probe": SILENCE, "router": router(bad_requests=(4, 6), radius=())}),
    ("orders", "orders_filtered", "fail", {"probe": SILENCE}),
    ("orders", "orders_silent", "fail", {"probe": SILENCE, "router": None}),
    ("orders", "orders_believes_all", "warn", {"probe": OrderProbe(Answer.TOOK_IT)}),
    ("orders", "orders_shared_port", "fail", {"probe": OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.SHARED_PORT)}),
    ("orders", "orders_radsec", "unknown", {"probe": OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.RADSEC)}),
    ("orders", "orders_no_address", "unknown", {"probe": OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.NO_ADDRESS)}),
    ("orders", "orders_not_sent", "unknown", {"probe": OrderProbe(Answer.NOT_SENT, detail="no way")}),
    ("api", "api_not_set", "unknown", {"router": None, "api_is_set": False}),
    ("api", "api_other", "unknown", {"router": None}),
    ("api", "api_trouble", "fail", {"router": RouterFacts(trouble="no answer within 4 s")}),
    ("api", "api_not_spoken", "unknown", {"vendor": "cisco", "router": None}),
    ("api_rights", "rights_missing", "fail", {"router": router(policies=frozenset(("read", "api")))}),
    ("api_rights", "rights_refused", "fail", {"router": router(refused=("/radius",))}),
    ("api_rights", "rights_untold", "unknown", {"router": router(policies=None)}),
    ("snmp", "snmp_silent", "fail", {"snmp": SnmpProbe("no answer")}),
    ("snmp", "snmp_not_set", "unknown", {"snmp": None}),
    ("pool", "pool_missing", "fail", {"router": router(pools=frozenset(("dhcp",)))}),
    ("pool", "pool_missing", "fail", {"needs_pools": frozenset(("rumah",))}),
    ("pool", "api_refuses", "unknown", {"router": router(pools=None)}),
    ("list", "list_unused", "fail", {"router": router(filter=EXCEPTED)}),
    ("list", "list_unused", "fail", {"router": router(filter=({**WALLED, "disabled": "true"}, *EXCEPTED))}),
    ("list", "list_no_redirect", "warn", {"router": router(nat=())}),
    ("fasttrack", "fasttrack_on", "fail", {"router": router(filter=(WALLED, FASTTRACK))}),
    ("fasttrack", "fasttrack_on", "fail", {"router": router(filter=(WALLED, FASTTRACK, *EXCEPTED))}),  # too late
    ("fasttrack", "fasttrack_on", "fail", {"router": router(filter=(WALLED, EXCEPTED[0], FASTTRACK))}),  # one way only
    ("fasttrack", "fasttrack_on", "fail",  # who is walled is kept out, and everybody's speed is still passed by
     {"router": router(filter=(WALLED, {**FASTTRACK, "src-address-list": "!isolir"}))}),
    ("fasttrack", "fasttrack_narrowed", "unknown",
     {"router": router(filter=(WALLED, {**FASTTRACK, "in-interface-list": "LAN"}))}),
    ("fasttrack", "api_needed", "unknown", {"router": RouterFacts(trouble="gone")}),
    ("masquerade", "masquerade_hides", "warn",
     {"router": router(nat=(*(ROUTER.nat or ()), {"chain": "srcnat", "action": "masquerade"}))}),
]  # fmt: skip


@pytest.mark.parametrize(("check", "cause", "result", "changed"), FAULTS)
def test_what_is_found(check: str, cause: str, result: str, changed: dict[str, Any]) -> None:
    found = findings(facts(**changed))[check]
    assert (found.cause, found.result.value) == (cause, result)
    if result == "fail":
        assert found.mend


def test_a_nas_that_is_as_it_should_be_has_no_fault_and_no_unknown() -> None:
    assert {name: one.cause for name, one in findings(facts()).items() if one.result.value != "ok"} == {}


def test_fasttrack_and_masquerade_that_leave_subscribers_out_are_fine() -> None:
    portal = {"chain": "srcnat", "action": "accept", "dst-address": SERVER}
    masquerade = {"chain": "srcnat", "action": "masquerade"}
    found = findings(facts(router=router(nat=(*(ROUTER.nat or ()), portal, masquerade))))
    assert found["masquerade"].cause == "masquerade_excepted"
    assert found["fasttrack"].cause == "fasttrack_excepted"
    hidden = findings(facts(router=router(nat=(*(ROUTER.nat or ()), masquerade)), has_portal_sources=False))
    assert hidden["masquerade"].cause == "masquerade_unneeded"


def test_a_mended_secret_is_a_fault_no_more() -> None:
    earlier = drop("bad_authenticator", at=NOW - timedelta(minutes=5), port="acct")
    assert findings(facts(drops=(earlier,)))["secret"].cause == "secret_ok_accounting"


def test_packets_of_others_are_not_held_against_a_nas() -> None:
    strange = drop("unknown_client", None, source="203.0.113.9", identifier="somebody")
    theirs = drop("bad_message_authenticator", "pop2")
    found = findings(facts(drops=(strange, theirs)))
    assert found["source_address"].cause == "source_address_ok"
    assert found["secret"].result.value == "ok"


def test_who_is_refused_instead_of_walled_needs_neither_pool_nor_list() -> None:
    found = findings(facts(wall=Wall.REJECT, walled_list=None, router=router(pools=frozenset(), filter=(), nat=())))
    assert (found["pool"].cause, found["list"].cause) == ("pool_none", "list_none")


@pytest.mark.parametrize("vendor", ["cisco", "accel-ppp", "coovachilli", "hostapd"])
def test_nobody_is_told_a_line_of_routeros_for_another_device(vendor: str) -> None:
    sick = facts(
        vendor=vendor, router=None, api_is_set=False, probe=SILENCE, snmp=SnmpProbe("no answer"), signed_since_at=None,
        clock_off_seconds=7200, sessions=tuple(session(NOW, interval_seconds=900) for _ in range(5)),
    )  # fmt: skip
    for finding in findings(sick).values():
        assert not any(line.startswith("/") for line in finding.mend), finding


def test_what_a_packet_says_can_do_nothing_in_a_shell() -> None:
    named = drop("unknown_identifier", None, detail="$(reboot)\x1b[2J")
    (line, _) = findings(facts(**UNHEARD, told_by="pop1", drops=(named,)))["source_address"].mend
    assert line == "netbilld nas set pop1 --identifier '$(reboot)\N{REPLACEMENT CHARACTER}[2J'"
