from netbilld.radius.dedupe import IN_PROGRESS, ReplyCache

KEY = (("192.0.2.1", 40001), 7)
FIRST, SECOND = b"a" * 16, b"b" * 16


def test_rfc5080_2_2_2_a_request_is_new_then_in_progress_then_answered() -> None:
    cache = ReplyCache()
    assert cache.begin(KEY, FIRST, 0.0) is None
    assert cache.begin(KEY, FIRST, 0.1) == IN_PROGRESS
    cache.answer(KEY, FIRST, b"reply")
    assert cache.begin(KEY, FIRST, 0.2) == b"reply"


def test_rfc5080_2_2_2_another_authenticator_is_a_new_request_and_purges_the_old() -> None:
    cache = ReplyCache()
    cache.begin(KEY, FIRST, 0.0)
    cache.answer(KEY, FIRST, b"reply")
    assert cache.begin(KEY, SECOND, 0.1) is None
    cache.answer(KEY, FIRST, b"late reply to the old one")
    assert cache.begin(KEY, SECOND, 0.2) == IN_PROGRESS
    cache.answer(KEY, SECOND, b"second")
    assert cache.begin(KEY, SECOND, 0.3) == b"second"
    assert cache.begin(KEY, FIRST, 0.4) is None


def test_a_forgotten_request_is_tried_afresh() -> None:
    cache = ReplyCache()
    cache.begin(KEY, FIRST, 0.0)
    cache.forget(KEY, SECOND)
    assert cache.begin(KEY, FIRST, 0.1) == IN_PROGRESS
    cache.forget(KEY, FIRST)
    assert cache.begin(KEY, FIRST, 0.2) is None


def test_rfc5080_2_2_2_an_entry_lives_between_5_and_30_seconds() -> None:
    cache = ReplyCache()
    assert cache.begin("clock", FIRST, 100.0) is None
    for began_mono in (100.0, 105.0, 109.9):
        cache = ReplyCache()
        cache.begin("clock", FIRST, 100.0)
        cache.begin(KEY, FIRST, began_mono)
        cache.answer(KEY, FIRST, b"reply")
        assert cache.begin(KEY, FIRST, began_mono + 9.9) == b"reply"
        for later in range(1, 4):  # the traffic of others turns the generations
            cache.begin(("other", later), FIRST, began_mono + later * 10.0)
        assert cache.begin(KEY, FIRST, began_mono + 30.1) is None


def test_after_a_long_silence_nothing_old_is_believed() -> None:
    cache = ReplyCache()
    cache.begin(KEY, FIRST, 0.0)
    cache.answer(KEY, FIRST, b"reply")
    assert cache.begin(KEY, FIRST, 3600.0) is None


def test_an_answer_survives_the_turn_of_its_generation() -> None:
    cache = ReplyCache()
    cache.begin(KEY, FIRST, 0.0)
    cache.begin("other", FIRST, 10.5)
    cache.answer(KEY, FIRST, b"reply")
    assert cache.begin(KEY, FIRST, 11.0) == b"reply"
    assert cache.begin(KEY, FIRST, 20.9) == b"reply"


def test_the_cache_holds_no_more_than_two_full_generations() -> None:
    cache = ReplyCache(max_entries=100)
    for number in range(10_000):
        cache.begin(("source", number), FIRST, 1.0)
    assert len(cache) <= 200
    assert cache.begin(("source", 9_999), FIRST, 1.0) == IN_PROGRESS
    cache.clear()
    assert len(cache) == 0


def test_the_very_same_octets_are_known_again_and_any_other_are_not() -> None:
    """What was verified once need not be again; what differs by one octet must be."""
    cache = ReplyCache()
    datagram = b"\x01\x07\x00\x1a" + FIRST + b"\x01\x06budi"
    assert cache.again(KEY, datagram, 0.0) is None
    assert cache.begin(KEY, FIRST, 0.0, datagram) is None
    assert cache.again(KEY, datagram, 0.1) == IN_PROGRESS
    cache.answer(KEY, FIRST, b"reply")
    assert cache.again(KEY, datagram, 0.2) == b"reply"
    assert cache.again(KEY, datagram[:-1] + b"I", 0.2) is None
    assert cache.again(KEY, datagram, 40.0) is None
