"""Whatever is shuffled, doubled, delayed, dropped or restarted: what is billed is what was said last, to the octet.

A session's truth is the newest of its reports that arrived. As long as its last word is among them, that is what it
really moved; otherwise the difference is exactly what never arrived.
"""

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import currently_in_test_context, example, given, note, settings
from hypothesis import strategies as st

from netbilld.accounting.fold import SessionFold
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import LOST, Event, Session, end
from netbilld.accounting.usage import cut
from netbilld.radius.packet import decode
from tests import soak
from tests.accounting_packets import T0, record
from tests.furnished import opened_copy
from tests.integration.metering_world import add_nas, metering
from tests.migrated import migrated_file
from tests.property.metering_histories import GIB4, History, Troubles, history

ZONE = "Asia/Jakarta"
SERVICE = UUID(int=5)
PORT_BPS = 10**12  # 2³² kilobytes in five minutes are true here
SEEDS = st.integers(0, 2**48)


class Meter:
    """The fold over a store in memory, batch by batch; a crash forgets a batch, and it is taken again."""

    def __init__(self, seed: int, port_bps: int = PORT_BPS, *, forgets: bool = False) -> None:
        self.sessions: dict[int, Session] = {}
        self.slices: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.doubts = 0
        self._random = Random(seed)
        self._port_bps = port_bps
        self._forgets = forgets

    def run(self, told: History) -> None:
        records = [
            (
                number,
                AccountingRecord.from_packet(
                    decode(packet.octets), packet.nas_id, packet.flags, packet.received_at, "192.0.2.1"
                ),
            )
            for number, packet in enumerate(told.packets, 1)
        ]
        at = 0
        while at < len(records):
            batch = records[at : at + self._random.choice((1, 3, 20, 200))]
            while self._random.random() < 0.2:
                self._apply(batch, commits=False)  # killed before its commit
            self._apply(batch, commits=True)
            at += len(batch)
            self._reap()

    def _apply(self, batch: list[tuple[int, AccountingRecord]], *, commits: bool) -> None:
        nas_ids = {record.nas_id for _, record in batch}
        fold = SessionFold(self.sessions.values(), lambda _: SERVICE, dict.fromkeys(nas_ids, self._port_bps))
        changes = [change for number, record in batch if (change := fold.apply(record, number)) is not None]
        if not commits:
            return
        self.sessions |= fold.sessions
        for change in changes:
            name = change.session.username
            self.doubts += change.doubt is not None
            if change.from_at is not None and change.to_at is not None:
                parts = cut(
                    SERVICE, 1, change.from_at, change.to_at, change.upload_octets, change.download_octets, ZONE
                )
                self.slices[name] += [(part.upload_octets, part.download_octets) for part in parts]
            if (taken := change.taken_back) is not None:
                self.slices[name].append((-taken.upload_octets, -taken.download_octets))

    def _reap(self) -> None:
        """Give up a session now and then that may well be alive."""
        for session in list(self.sessions.values()):
            if session.is_open and self._random.random() < 0.05:
                self.sessions[session.id] = end(session, Event.LOSS, LOST, session.updated_at)
            elif self._forgets and self._random.random() < 0.1:
                self.sessions[session.id] = session._replace(narrow_readings="")

    def billed(self) -> dict[str, tuple[int, int]]:
        return {
            name: (sum(up for up, _ in parts), sum(down for _, down in parts)) for name, parts in self.slices.items()
        }

    def totals(self) -> dict[str, tuple[int, int]]:
        sums: dict[str, tuple[int, int]] = {}
        for session in self.sessions.values():
            up, down = sums.get(session.username, (0, 0))
            sums[session.username] = up + session.upload_octets, down + session.download_octets
        return sums


def check(seed: int, troubles: Troubles) -> None:
    told = history(seed, troubles)
    if currently_in_test_context():
        note(f"{len(told.sessions)} sessions, {len(told.packets)} packets")
    meter = Meter(seed)
    meter.run(told)
    due = {name: octets for name, octets in told.due().items() if octets != (0, 0)}
    assert {name: octets for name, octets in meter.billed().items() if octets != (0, 0)} == due
    assert {name: octets for name, octets in meter.totals().items() if octets != (0, 0)} == due
    assert meter.doubts == 0
    if not troubles.silent_ends:
        assert told.due() == told.true()
        assert not any(session.is_open for session in meter.sessions.values())


@settings(max_examples=300, deadline=None)
@given(SEEDS)
@example(1_001_531)  # a Stop just like that of the session before, before its Start
@example(1_012_674)  # a copy of a Start after the NAS has booted
def test_billed_octets_equal_true_octets_when_every_last_word_arrives(seed: int) -> None:
    """INCA-1, INCA-31: 30 % of interims lost, copies, delays of hours, restarts, ids that come again, NAS that boot."""
    check(seed, Troubles())


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_without_a_last_word_the_difference_is_exactly_what_never_arrived(seed: int) -> None:
    check(seed, Troubles(silent_ends=True, readings=False))


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_without_the_readings_of_32_bits_only_wraps_may_be_missed_and_none_is_invented(seed: int) -> None:
    """A session that was open before they were kept, or whose NAS counts otherwise since."""
    told = history(seed, Troubles(readings=False))
    meter = Meter(seed, forgets=True)
    meter.run(told)
    billed = meter.billed()
    for name, due in told.due().items():
        for octets, most in zip(billed.get(name, (0, 0)), due, strict=True):
            assert octets <= most
            assert (most - octets) % GIB4 == 0


@pytest.mark.soak
def test_no_history_of_ten_minutes_bills_an_octet_too_much_or_too_little() -> None:
    ends_at = time.monotonic() + soak.SECONDS
    for seed in count(first := time.time_ns() % 2**48):
        if time.monotonic() > ends_at:
            break
        for troubles in (Troubles(), Troubles(silent_ends=True, readings=False)):
            try:
                check(seed, troubles)
            except AssertionError as error:
                raise AssertionError(f"history {seed} of {troubles}, after {seed - first} good ones") from error


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_the_same_through_a_journal_and_sqlite_with_a_daemon_that_is_restarted(seed: int) -> None:
    asyncio.run(_through_sqlite(seed))


async def _through_sqlite(seed: int) -> None:
    told = history(seed, Troubles(), nases=1, users=2)
    random = Random(seed)
    with TemporaryDirectory() as name:
        async with (
            opened_copy(migrated_file(), Path(name)) as database,
            metering(database, Path(name) / "journal") as m,
        ):
            for number in range(2):
                nas_id = UUID(int=0xA0 + number)
                await add_nas(database, nas_id, f"192.0.2.{number}/32", f"r{number}")
                async with database.write() as work:
                    await work.nas.update(nas_id, {"port_bps": PORT_BPS})
            for packet in told.packets:
                received_us = int(packet.received_at.timestamp() * 1e6)
                m.journal.append(
                    packet.nas_id, "192.0.2.1", packet.flags, received_us, packet.octets, lambda *_: None, None
                )
                if random.random() < 0.05:
                    await m.journal.drain()
                    m.clock.at = packet.received_at
                    m.meter = m.new_meter()
                    await m.run()
            await m.journal.drain()
            await m.run()
            sums = await m.sums()
            due = tuple(sum(octets[way] for octets in told.due().values()) for way in (0, 1))
            assert sums["sessions"] == sums["slices"] == due


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_counters_that_begin_again_from_zero_lose_only_what_was_never_said(data: st.DataObject) -> None:
    """64-bit counters that are reset within a session: copies and losses, in order; each run counts to its last word."""
    runs = data.draw(st.lists(st.lists(st.integers(1, 2**36), min_size=1, max_size=5), min_size=1, max_size=4))
    told, due, seconds, last = [], 0, 0, 0
    for run in runs:
        counter = 0
        kept = [data.draw(st.booleans()) for _ in run[:-1]] + [True]  # the last word before a reset arrives
        for step, arrives in zip(run, kept, strict=True):
            seconds, counter = seconds + 300, counter + step
            if not arrives:
                continue
            if not due or counter < last // 2 or counter >= last:
                due += counter - last if counter >= last and due else counter
                last = counter
                told += [(seconds, counter)] * data.draw(st.integers(1, 2))
            else:  # a little lower than before: whether that is a reset or a glitch nobody can tell
                return
    into = SessionFold([], lambda _: SERVICE)
    for number, (at, counter) in enumerate(told, 1):
        into.apply(record("interim", T0 + timedelta(seconds=at), up=counter, down=counter, seconds=at), number)
    (session,) = into.sessions.values()
    assert (session.upload_octets, session.download_octets) == (due, due)
