"""How fast orders leave for one NAS: so many a second, fewer while its answers come slowly or not at all.

Moments are seconds of any clock that only goes forward.
"""

from dataclasses import dataclass
from typing import Final

# A mass of disconnects can pin a router's CPU, most of all where it masquerades: each one flushes what NAT remembers.
SLOWEST: Final = 1 / 16  # of its pace
AFTER_SILENCE: Final = 1 / 4
_HALVED_SECONDS: Final = 1.0  # a pace is halved at most so often
_DOUBLED_SECONDS: Final = 10.0  # and doubled again after so long without bad news
_SLOW_TIMES: Final = 3.0  # its usual time to answer
_SLOW_BESIDES_SECONDS: Final = 0.1
_RECENT_SHARE: Final = 0.3
_FASTER_SHARE: Final = 0.2
_SLOWER_SHARE: Final = 0.02
_USED_TO_SHARE: Final = 0.005
_SPARE_SECONDS: Final = 0.25  # what may be saved up, so that a late look loses nothing,
_SPARE_ORDERS: Final = 1.0  # and at most
_AHEAD_SECONDS: Final = 1.0  # what urgent orders may take in advance
_UNMEASURED_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """The most orders a second; 0 is no limit."""

    coa_per_second: float = 0.0
    disconnects_per_second: float = 0.0


NO_LIMITS: Final = PaceLimits()


class Pace:
    """One NAS's pace. Disconnects and other orders are counted apart.

    Attributes:
        limits: may be changed at any time.
    """

    def __init__(self, limits: PaceLimits) -> None:
        self.limits = limits
        self._saved = {False: 1.0, True: 1.0}  # by whether it cuts
        self._filled_at: dict[bool, float] = {}
        self._usual_seconds: float | None = None
        self._recent_seconds = 0.0
        self._spent_seconds = _UNMEASURED_SECONDS
        self._share = 1.0
        self._slowed_at = float("-inf")

    def share(self, now: float) -> float:
        """Return what is left of the full pace, from `SLOWEST` to 1."""
        if self._share >= 1.0:
            return 1.0
        return min(1.0, self._share * 2 ** ((now - self._slowed_at) / _DOUBLED_SECONDS))

    def room(self, most: int, now: float) -> int:
        """Return how many orders may be under way where at most `most` are."""
        return max(1, int(most * self.share(now)))

    def take(self, *, cuts: bool, urgent: bool, now: float) -> bool:
        """Let one order leave if its time has come; what is urgent goes ahead by up to a second's worth.

        Args:
            cuts: it ends a session.
            urgent: it gives access back, or a person waits for it.
            now: this moment.
        """
        rate = self._rate(now, cuts=cuts)
        if rate <= 0:
            return True
        self._fill(rate, now, cuts=cuts)
        if self._saved[cuts] < self._least(rate, urgent=urgent):
            return False
        self._saved[cuts] -= 1.0
        return True

    def wait_seconds(self, *, cuts: bool, urgent: bool, now: float) -> float:
        """Return how long until such an order may leave."""
        rate = self._rate(now, cuts=cuts)
        if rate <= 0:
            return 0.0
        self._fill(rate, now, cuts=cuts)
        return max(0.0, (self._least(rate, urgent=urgent) - self._saved[cuts]) / rate)

    def answered(self, seconds: float, now: float) -> None:
        """Take notice of how long an answer took: clearly longer than usual, and orders leave more slowly."""
        if self._usual_seconds is None:
            self._usual_seconds = self._recent_seconds = seconds
            return
        self._recent_seconds += (seconds - self._recent_seconds) * _RECENT_SHARE
        further = self._recent_seconds - self._usual_seconds
        if self._recent_seconds > self._usual_seconds * _SLOW_TIMES + _SLOW_BESIDES_SECONDS:
            self._slow_down(now)
            self._usual_seconds += further * _USED_TO_SHARE
        else:
            self._usual_seconds += further * (_FASTER_SHARE if further < 0 else _SLOWER_SHARE)

    def spent(self, seconds: float) -> None:
        """Take notice of how long an order kept its place: written down, sent, answered and written down again."""
        self._spent_seconds += (seconds - self._spent_seconds) * _RECENT_SHARE

    def recovered(self, now: float) -> None:
        """Take notice that a NAS answers again which had not: it may have been away, or overwhelmed."""
        self._share = max(self.share(now), AFTER_SILENCE)
        self._slowed_at = now
        self._recent_seconds = self._usual_seconds or 0.0

    def unanswered(self, now: float) -> None:
        """Take notice of an order that was left unanswered."""
        self._slow_down(now)

    def window_seconds(self, *, coa: int, cuts: int, at_once: int, now: float) -> float:
        """Return how long it takes until this many waiting orders have left.

        Args:
            coa: orders that end no session.
            cuts: those that do.
            at_once: how many may be under way, which sets the pace where there is no limit.
            now: this moment.
        """
        each = self._spent_seconds / max(1, self.room(at_once, now))
        longest = 0.0
        for number, is_cut in ((coa, False), (cuts, True)):
            rate = self._rate(now, cuts=is_cut)
            # the first of them may have to wait as long as any other
            longest = max(longest, (number + 1) / rate if rate > 0 and number else number * each)
        return longest

    def _rate(self, now: float, *, cuts: bool) -> float:
        most = self.limits.disconnects_per_second if cuts else self.limits.coa_per_second
        return most * self.share(now)

    def _least(self, rate: float, *, urgent: bool) -> float:
        return 1.0 - max(1.0, rate * _AHEAD_SECONDS) if urgent else 1.0

    def _fill(self, rate: float, now: float, *, cuts: bool) -> None:
        since = now - self._filled_at.get(cuts, now)
        self._filled_at[cuts] = now
        self._saved[cuts] = min(
            1.0 + min(rate * _SPARE_SECONDS, _SPARE_ORDERS), self._saved[cuts] + max(0.0, since) * rate
        )

    def _slow_down(self, now: float) -> None:
        if now - self._slowed_at >= _HALVED_SECONDS:
            self._share = max(SLOWEST, self.share(now) / 2)
            self._slowed_at = now
