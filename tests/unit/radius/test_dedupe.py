from netbilld.radius.dedupe import IN_PROGRESS, Begun, ReplyCache

KEY = (("192.0.2.1", 40001), 7)
FIRST, SECOND = 111, 222  # hashes of datagrams


def authenticator(octets: int) -> bytes:
    return octets.to_bytes(16, "big")


def begin(cache: ReplyCache, octets: int, now_mono: float, key: object = KEY) -> Begun:
    assert cache.find(key, octets, now_mono) is None
    return cache.begin(key, authenticator(octets), octets)


def test_rfc5080_2_2_2_a_request_is_new_then_in_progress_then_answered() -> None:
    cache = ReplyCache()
    begun = begin(cache, FIRST, 0.0)
    assert begun.reply == IN_PROGRESS
    assert cache.find(KEY, FIRST, 0.1) is begun
    begun.reply = b"reply"
    found = cache.find(KEY, FIRST, 0.2)
    assert found is not None
    assert found.reply == b"reply"


def test_rfc5080_2_2_2_another_request_under_the_key_purges_the_old() -> None:
    cache = ReplyCache()
    first = begin(cache, FIRST, 0.0)
    first.reply = b"reply"
    second = begin(cache, SECOND, 0.1)
    first.reply = b"late reply to the old one"
    assert second.reply == IN_PROGRESS
    assert cache.find(KEY, SECOND, 0.2) is second
    assert cache.find(KEY, FIRST, 0.4) is None


def test_a_forgotten_request_is_tried_afresh() -> None:
    cache = ReplyCache()
    begin(cache, FIRST, 0.0)
    cache.forget(KEY, authenticator(SECOND))
    assert cache.knows(KEY, authenticator(FIRST))
    cache.forget(KEY, authenticator(FIRST))
    assert not cache.knows(KEY, authenticator(FIRST))
    assert cache.find(KEY, FIRST, 0.2) is None


def test_rfc5080_2_2_2_an_entry_lives_between_5_and_30_seconds() -> None:
    for began_mono in (100.0, 105.0, 109.9):
        cache = ReplyCache()
        begin(cache, FIRST, 100.0, "clock")
        begun = begin(cache, FIRST, began_mono)
        assert cache.find(KEY, FIRST, began_mono + 9.9) is begun
        for later in range(1, 4):  # the traffic of others turns the generations
            begin(cache, FIRST, began_mono + later * 10.0, ("other", later))
        assert cache.find(KEY, FIRST, began_mono + 30.1) is None


def test_after_a_long_silence_nothing_old_is_believed() -> None:
    cache = ReplyCache()
    begin(cache, FIRST, 0.0).reply = b"reply"
    assert cache.find(KEY, FIRST, 3600.0) is None


def test_an_answer_survives_the_turn_of_its_generation() -> None:
    cache = ReplyCache()
    begun = begin(cache, FIRST, 0.0)
    begin(cache, FIRST, 10.5, "other")
    begun.reply = b"reply"
    assert cache.find(KEY, FIRST, 11.0) is begun
    assert cache.find(KEY, FIRST, 20.4) is begun


def test_the_cache_holds_no_more_than_two_full_generations() -> None:
    cache = ReplyCache(max_entries=100)
    for number in range(10_000):
        begin(cache, FIRST, 1.0, ("source", number))
    assert len(cache) <= 200
    assert cache.knows(("source", 9_999), authenticator(FIRST))
