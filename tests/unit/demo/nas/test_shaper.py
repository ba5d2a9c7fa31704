import pytest

from netbilld.demo.nas.shaper import QueueLimit, RateLimitSyntaxError, Shaper, parse_rate_limit


@pytest.mark.parametrize(
    ("text", "upload", "download"),
    [
        ("128k", QueueLimit(128_000, min_bps=128_000, threshold_bps=128_000), None),
        ("64k/128M", QueueLimit(64_000, 0, 64_000, 1, 64_000), QueueLimit(128_000_000, 0, 128_000_000, 1, 128_000_000)),
        ("64k 256k", QueueLimit(64_000, 256_000, 64_000, 1, 64_000), None),
        ("64k/64k 256k/256k 128k/128k 10/10", QueueLimit(64_000, 256_000, 128_000, 10, 64_000), None),
        (
            "384k/1536k 0/0 0/0 0/0 8 96k/384k",
            QueueLimit(384_000, 0, 0, 1, 96_000),
            QueueLimit(1_536_000, 0, 0, 1, 384_000),
        ),
        (
            "2000000/5M",
            QueueLimit(2_000_000, 0, 2_000_000, 1, 2_000_000),
            QueueLimit(5_000_000, 0, 5_000_000, 1, 5_000_000),
        ),
    ],
)
def test_the_manuals_examples_parse_with_upload_first(
    text: str, upload: QueueLimit, download: QueueLimit | None
) -> None:
    limit = parse_rate_limit(text)
    assert limit.upload == upload
    assert limit.download == (download or upload)


@pytest.mark.parametrize("text", ["", "0/0", "0"])
def test_nothing_and_zero_mean_no_queue(text: str) -> None:
    limit = parse_rate_limit(text)
    assert Shaper(limit.download).pass_octets(80_000_000, 1_000) == 10_000_000


@pytest.mark.parametrize(
    "text",
    ["5G/20G", "fast", "5M/", "/20M", "5M 20M 1M 1/1 9", "1M 1M 1M 1 8 2M", "1M 1M 1M 1 8 1M 1M", "5m", "٣M", "-1M"],
)
def test_what_the_grammar_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(RateLimitSyntaxError):
        parse_rate_limit(text)


def test_no_octet_is_lost_between_ticks() -> None:
    shaper = Shaper(QueueLimit(1_000_003))
    passed = sum(shaper.pass_octets(9_000_000, 70) for _ in range(8_000 * 10))
    assert passed == 1_000_003 * 70 * 80_000 // 8_000


def test_demand_below_the_rate_passes_whole() -> None:
    assert Shaper(QueueLimit(2_000_000)).pass_octets(800_000, 1_000) == 100_000


def test_a_burst_lasts_until_the_average_reaches_the_threshold() -> None:
    shaper = Shaper(parse_rate_limit("1M/1M 4M/4M 2M/2M 8/8").download)
    seconds = [shaper.pass_octets(10_000_000, 1_000) * 8 for _ in range(12)]
    assert seconds[:4] == [4_000_000] * 4  # 4 s at 4M averages 2M over 8 s
    assert seconds[4:8] == [1_000_000] * 4
