from typing import get_args

import pytest

from netbilld.demo.nas.spec import Demand, ProfileName
from netbilld.demo.nas.traffic import Traffic, Wish


def minutes(demand: Demand, seed: str = "1/u1", seconds: int = 1_200) -> list[Wish]:
    traffic = Traffic(demand, seed)
    return [traffic.wish(1_000) for _ in range(seconds)]


@pytest.mark.parametrize("profile", get_args(ProfileName))
def test_the_same_seed_gives_the_same_traffic(profile: ProfileName) -> None:
    demand = Demand(profile=profile, download_bps=30_000_000)
    assert minutes(demand) == minutes(demand)


def test_two_homes_differ() -> None:
    assert minutes(Demand(profile="browsing")) != minutes(Demand(profile="browsing"), "1/u2")


def test_a_film_is_steady_between_five_and_eight_megabits() -> None:
    assert all(5_000_000 <= wish.download_bps <= 8_000_000 for wish in minutes(Demand(profile="streaming")))


def test_profiles_rank_as_people_expect() -> None:
    def mean(profile: ProfileName) -> tuple[float, float]:
        wishes = minutes(Demand(profile=profile))
        return (
            sum(wish.upload_bps for wish in wishes) / len(wishes),
            sum(wish.download_bps for wish in wishes) / len(wishes),
        )

    idle, browsing, streaming, downloader = (mean(p)[1] for p in ("idle", "browsing", "streaming", "downloader"))
    assert idle < browsing < streaming < downloader
    uploading, downloading = mean("uploader")
    assert uploading > downloading


def test_caps_hold_whatever_is_drawn() -> None:
    wishes = minutes(Demand(profile="downloader", upload_bps=100_000, download_bps=3_000_000))
    assert max(wish.download_bps for wish in wishes) == 3_000_000
    assert max(wish.upload_bps for wish in wishes) == 100_000


def test_steady_is_steady() -> None:
    assert set(minutes(Demand(profile="steady", upload_bps=7, download_bps=9))) == {Wish(7, 9)}
