"""Sessions found at a device over SNMP, by the interface or the place at its hotspot that each has."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from netbilld.accounting.session import Session
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snmp import client, oids, sessions
from netbilld.adapters.snmp.sessions import SnmpSessions
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.ask_nas import Presence
from netbilld.ports.snmp import DeviceSilentError
from tests.accounting_packets import NAS, T0
from tests.builders.sessions import session
from tests.integration.device_world import DAY, Network, device_network

HOUR_AGO = T0 - timedelta(hours=1)


@pytest.fixture
async def network(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Network]:
    async with device_network(sqlite_template, tmp_path, box) as network:
        yield network


def open_session(username: str, **what: Any) -> Session:
    known = {"started_at": HOUR_AGO, "counter_upload_octets": 1000, "counter_download_octets": 2000}
    return session(username=username, **(known | what))


async def test_sessions_are_found_by_the_interface_they_have(network: Network) -> None:
    """For RouterOS whose API can't be used: there with its counters, gone, or not to be told apart."""
    agent = network.agent
    hour_ago = (DAY - 3600) * 100
    agent.interface(900, "<pppoe-budi>", 1500, 2500, changed_at=hour_ago)
    agent.interface(901, "<l2tp-sari>", 10, 20, changed_at=DAY * 100 - 500)  # dialled in five seconds ago
    agent.interface(902, "<pppoe-tono>", 9999, 9999, changed_at=DAY * 100 - 500)
    agent.interface(903, "<pppoe-dedi>", 9999, 9999, changed_at=hour_ago)
    agent.guest(77, bytes((10, 5, 0, 9)), bytes.fromhex("aabbcc000001"), 1700, 2700)
    ask = SnmpSessions(network.reader, network.clock.now, network.clock.monotonic)
    access = SnmpAccess("127.0.0.1", agent.port, "publik")
    asked = [
        open_session("budi", id=1),
        open_session("sari", id=2),
        open_session("tono", id=3),
        open_session("hilang", id=4),
        open_session("dedi", id=5),
        open_session("dedi", id=6),
        open_session("tamu", id=7, acct_session_key="80000001", framed_ip="10.5.0.9", mac="AA:BB:CC:00:00:01"),
        open_session("pulang", id=8, acct_session_key="80000002", framed_ip="10.5.0.8", mac="AA:BB:CC:00:00:02"),
    ]
    answers = await ask.ask(access, NAS, asked)
    assert {number: answer.presence for number, answer in answers.items()} == {
        1: Presence.THERE,
        2: Presence.GONE,
        4: Presence.GONE,
        7: Presence.THERE,
        8: Presence.GONE,
    }
    budi, tamu = answers[1], answers[7]
    assert (budi.source, budi.upload_octets, budi.download_octets, budi.session_seconds) == ("snmp", 1500, 2500, 3600)
    assert (tamu.upload_octets, tamu.download_octets) == (1700, 2700)
    agent.interface(900, "<pppoe-budi>", 1600, 2600, changed_at=hour_ago)
    assert (await ask.ask(access, NAS, asked[:1]))[1].upload_octets == 1600
    assert await ask.ask(replace(access, community="lain"), NAS, asked) == {}


async def test_a_table_without_end_is_left_and_what_was_learned_before_it_stands(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = network.agent
    monkeypatch.setattr(client, "WALK_SECONDS", 0.3)
    access = SnmpAccess("127.0.0.1", agent.port, "publik")
    agent.interface(900, "<pppoe-budi>", 1500, 2500, changed_at=(DAY - 3600) * 100)
    ask = SnmpSessions(network.reader, network.clock.now, network.clock.monotonic)
    budi = open_session("budi", id=1)
    assert set(await ask.ask(access, NAS, [budi])) == {1}
    agent.has_no_end = True
    asked = await network.reader.agent(access)
    with pytest.raises(DeviceSilentError, match="does not end within"):
        await asked.table((oids.HOTSPOT_ADDRESS,))
    guest = open_session("tamu", id=7, acct_session_key="80000001", framed_ip="10.5.0.9")
    began = agent.asked
    assert set(await ask.ask(access, NAS, [budi, guest])) == {1}
    assert agent.asked - began < client.MOST_ROWS  # not by the bound on rows
    monkeypatch.setattr(sessions, "ASK_SECONDS", 1.0)
    monkeypatch.setattr(client, "WALK_SECONDS", 60.0)
    assert set(await ask.ask(access, NAS, [budi, guest])) == {1}
    agent.has_no_end = False
    monkeypatch.setattr(sessions, "ASK_SECONDS", 10.0)
    assert (await ask.ask(access, NAS, [guest]))[7].presence is Presence.GONE  # its agent is free again
