"""Believable wishes of a home, drawn second by second and the same for the same seed."""

import random
from dataclasses import dataclass

from netbilld.demo.nas.spec import Demand

_K = 1_000
_M = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What the home would use now if nothing held it back."""

    upload_bps: int
    download_bps: int


class Traffic:
    """The wishes of one home. A phase (a page, a video, a pause) lasts some seconds, then the next is drawn."""

    def __init__(self, demand: Demand, seed: str) -> None:
        self.demand = demand
        self._random = random.Random(seed)
        self._phase_milliseconds = 0
        self._wish = Wish(0, 0)

    def wish(self, milliseconds: int) -> Wish:
        """Return the wish for the next so many milliseconds."""
        if self.demand.profile == "steady":
            return Wish(self.demand.upload_bps or 0, self.demand.download_bps or 0)
        if self._phase_milliseconds <= 0:
            seconds, self._wish = self._draw()
            self._phase_milliseconds = int(seconds * 1_000)
        self._phase_milliseconds -= milliseconds
        return Wish(
            _at_most(self._wish.upload_bps, self.demand.upload_bps),
            _at_most(self._wish.download_bps, self.demand.download_bps),
        )

    def _draw(self) -> tuple[float, Wish]:
        match self.demand.profile:
            case "idle":
                return self._idle()
            case "streaming":
                return self._streaming()
            case "downloader":
                return self._downloader()
            case "gamer":
                return self._gamer()
            case "uploader":
                return self._uploader()
            case _:
                return self._browsing()

    def _between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def _idle(self) -> tuple[float, Wish]:
        """A phone in a drawer: keep-alives, now and then a message with a picture."""
        if self._random.random() < 0.1:
            return 1.0, Wish(self._between(20 * _K, 80 * _K), self._between(300 * _K, 2 * _M))
        return self._random.uniform(2, 6), Wish(self._between(1 * _K, 6 * _K), self._between(2 * _K, 12 * _K))

    def _browsing(self) -> tuple[float, Wish]:
        """A page loads in a burst; then somebody reads."""
        if self._random.random() < 0.4:
            download_bps = self._between(4 * _M, 25 * _M)
            return self._random.uniform(1, 3), Wish(download_bps // 15, download_bps)
        return self._random.uniform(2, 9), Wish(self._between(4 * _K, 30 * _K), self._between(10 * _K, 150 * _K))

    def _streaming(self) -> tuple[float, Wish]:
        """A film: steady, with acknowledgements of about two per cent the other way."""
        download_bps = self._between(5 * _M, 8 * _M)
        return self._random.uniform(4, 12), Wish(download_bps // 50, download_bps)

    def _downloader(self) -> tuple[float, Wish]:
        """Takes all the line gives, with a breath between two files."""
        if self._random.random() < 0.1:
            return self._random.uniform(1, 2), Wish(40 * _K, 200 * _K)
        download_bps = self._between(60 * _M, 95 * _M)
        return self._random.uniform(8, 30), Wish(download_bps // 45, download_bps)

    def _gamer(self) -> tuple[float, Wish]:
        """A match with voice, and short updates between matches."""
        if self._random.random() < 0.15:
            return self._random.uniform(2, 6), Wish(400 * _K, self._between(15 * _M, 40 * _M))
        return self._random.uniform(5, 20), Wish(self._between(120 * _K, 350 * _K), self._between(200 * _K, 900 * _K))

    def _uploader(self) -> tuple[float, Wish]:
        """A camera or a live broadcast: more out than in."""
        upload_bps = self._between(2 * _M, 5 * _M)
        return self._random.uniform(5, 20), Wish(upload_bps, upload_bps // 12)


def _at_most(rate_bps: int, cap_bps: int | None) -> int:
    return rate_bps if cap_bps is None else min(rate_bps, cap_bps)
