"""Never more than the allowed sessions at once, whatever is repeated, late, lost or out of order.

The exceptions, each of which the model below names: several sessions of one device take one place; a session that has
not been heard of for one and a half intervals is a ghost and takes none, though it may be alive on a NAS whose reports
are lost; a log-in whose Start has not come within a minute takes none until it is heard of; a session that was asked to
end takes none while the order is on its way. Once everyone has been heard and the orders are carried out, no more than
the allowed are left.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from netbilld.radius.terms import AccessTerms
from tests.admission_desk import POP1, POP2, Desk

DEVICES = [f"BC:24:11:00:00:{number:02X}" for number in range(5)]
REPORT_OVERDUE = timedelta(seconds=450)
START_OVERDUE = timedelta(seconds=60)


@dataclass
class Line:
    """A session as it really is on its NAS."""

    number: int
    device: str
    nas: object
    accepted_at: datetime
    heard_at: datetime | None = None
    presumed_over: bool = False
    told_to_end: bool = False


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0
        self.lines: dict[int, Line] = {}

    @initialize(allowed=st.integers(1, 3))
    def begin(self, allowed: int) -> None:
        self.allowed = allowed
        self.desk = Desk(AccessTerms(sessions_allowed=allowed, second_login="refuse"))

    def taking_a_place(self, but: str | None = None) -> set[str]:
        """Return the devices that count: heard of lately, or let in a moment ago, and not told to end."""
        now = self.desk.clock.at
        return {
            line.device
            for line in self.lines.values()
            if line.device != but
            and not line.told_to_end
            and not line.presumed_over
            and (
                now - line.accepted_at < START_OVERDUE
                if line.heard_at is None
                else now - line.heard_at < REPORT_OVERDUE
            )
        }

    def known(self) -> list[Line]:
        return [line for line in self.lines.values() if line.heard_at is not None]

    def obey(self) -> None:
        """Note what is to end; the NAS does it when it likes."""
        for number in self.desk.to_end():
            if number in self.lines:
                self.lines[number].told_to_end = True

    @rule(device=st.sampled_from(DEVICES), nas=st.sampled_from((POP1, POP2)), lost=st.booleans())
    def log_in(self, device: str, nas: object, lost: bool) -> None:
        others = self.taking_a_place(but=device)
        accepted = self.desk.reason(device, nas) == "ok"
        if accepted:
            assert len(others) < self.allowed, f"{device} beside {others}"
        self.obey()
        if accepted and not lost:
            for line in [line for line in self.lines.values() if (line.device, line.nas) == (device, nas)]:
                self._gone(line, heard=line.heard_at is not None)
            self.numbers += 1
            self.lines[self.numbers] = Line(self.numbers, device, nas, self.desk.clock.at)

    @precondition(lambda self: any(line.heard_at is None for line in self.lines.values()))
    @rule(data=st.data())
    def start_or_first_report(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from([line for line in self.lines.values() if line.heard_at is None]))
        line.heard_at = self.desk.clock.at
        self.desk.start(line.number, line.device, line.nas)  # type: ignore[arg-type]
        self.obey()

    @precondition(lambda self: bool(self.known()))
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from(self.known()))
        line.heard_at, line.presumed_over = self.desk.clock.at, False
        self.desk.report(line.number)
        self.obey()

    @precondition(lambda self: bool(self.lines))
    @rule(data=st.data(), heard=st.booleans())
    def stop(self, data: st.DataObject, heard: bool) -> None:
        line = data.draw(st.sampled_from(list(self.lines.values())))
        self._gone(line, heard=heard and line.heard_at is not None)

    def _gone(self, line: Line, *, heard: bool) -> None:
        del self.lines[line.number]
        if heard:
            self.desk.stop(line.number)

    @rule(seconds=st.sampled_from((1, 20, 59, 60, 200, 449, 450, 1000)))
    def time_passes(self, seconds: int) -> None:
        self.desk.wait(seconds)

    @precondition(lambda self: bool(self.known()))
    @rule(data=st.data())
    def presume_over(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from(self.known()))
        line.presumed_over = True
        self.desk.keep.over([line.number])

    @invariant()
    def memory_holds_no_more_than_is_known(self) -> None:
        if hasattr(self, "desk"):
            assert len(self.desk.live) <= self.numbers

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        for _ in range(3):  # everyone is heard, and what is told to end ends
            for line in list(self.lines.values()):
                if line.heard_at is None:
                    self.start_of(line)
                else:
                    line.heard_at = self.desk.clock.at
                    self.desk.report(line.number)
                self.obey()
            for line in list(self.lines.values()):
                if line.told_to_end:
                    self._gone(line, heard=True)
            self.desk.wait(120)
        left = {line.device for line in self.lines.values()}
        assert len(left) <= self.allowed, left

    def start_of(self, line: Line) -> None:
        line.heard_at = self.desk.clock.at
        self.desk.start(line.number, line.device, line.nas)  # type: ignore[arg-type]


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
