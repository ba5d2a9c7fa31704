"""Conversations under way, and sessions that may be resumed, both bounded."""

from uuid import UUID

from netbilld.radius.eap.conversations import YIELDS_AFTER_SECONDS, Conversation, Conversations
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.resumption import Remembered, Resumption, credential_digest, is_unchanged
from tests.radius_requests import NAS_ID, view

OTHER_NAS = UUID("00000000-0000-4000-8000-0000000000ff")


def conversation(
    state: bytes, started_mono: float = 0.0, nas_id: UUID = NAS_ID, station: bytes | None = None
) -> Conversation:
    return Conversation(state, nas_id, b"budi", 1000, started_mono, station)


def states(table: Conversations, many: int, at_mono: float, nas_id: UUID = NAS_ID, mark: str = "") -> list[bytes]:
    """Begin so many, each of a station of its own, and return those that found room."""
    named = [f"{mark}{nas_id}/{number}".encode() for number in range(many)]
    return [each for each in named if table.begin(conversation(each, at_mono, nas_id, station=each), at_mono)]


def test_a_state_of_another_nas_leads_nowhere() -> None:
    table = Conversations()
    assert table.begin(conversation(b"a" * 16), 0.0)
    assert table.find(b"a" * 16, OTHER_NAS, 1.0) is None
    assert table.find(b"a" * 16, NAS_ID, 1.0) is not None


def test_a_silent_conversation_is_forgotten_and_counted() -> None:
    table = Conversations(idle_seconds=60)
    table.begin(conversation(b"a"), 0.0)
    assert table.find(b"a", NAS_ID, 60.0) is not None
    assert table.find(b"a", NAS_ID, 120.0) is not None, "it spoke at 60"
    assert table.find(b"a", NAS_ID, 180.5) is None
    assert len(table) == 0
    assert table.abandoned == 1


def test_a_conversation_that_never_ends_is_ended() -> None:
    table = Conversations(idle_seconds=60, longest_seconds=180)
    table.begin(conversation(b"a"), 0.0)
    for at in range(30, 181, 30):
        assert table.find(b"a", NAS_ID, float(at)) is not None
    assert table.find(b"a", NAS_ID, 181.0) is None
    assert len(table) == 0


def test_when_full_the_newest_is_dropped_and_those_under_way_go_on() -> None:
    table = Conversations(max_conversations=2)
    assert table.begin(conversation(b"a"), 0.0)
    assert table.begin(conversation(b"b"), 1.0)
    assert not table.begin(conversation(b"c"), 2.0)
    assert table.find(b"a", NAS_ID, 3.0) is not None
    assert table.begin(conversation(b"d", 70.0), 70.0), "silence makes room"


def test_one_station_may_hold_a_few_and_its_own_oldest_goes_first() -> None:
    table = Conversations(max_of_station=3)
    assert table.begin(conversation(b"neighbour", station=b"02:00:00:00:00:02"), 0.0)
    for number in range(100):
        assert table.begin(conversation(b"%d" % number, 0.0, NAS_ID, b"02:00:00:00:00:01"), 0.0)
    assert len(table) == 4
    assert table.displaced == 97
    assert [table.find(b"%d" % number, NAS_ID, 1.0) is not None for number in (96, 97, 98, 99)] == [False] + [True] * 3
    assert table.find(b"neighbour", NAS_ID, 1.0) is not None
    assert table.begin(conversation(b"there", 1.0, OTHER_NAS, b"02:00:00:00:00:01"), 1.0)
    assert len(table) == 5, "what another NAS calls the same is another"


def test_one_nas_can_not_keep_the_others_out() -> None:
    table = Conversations(max_conversations=100)
    assert len(states(table, 150, 0.0)) == 100, "alone it may have all"
    assert len(states(table, 50, 0.5, OTHER_NAS)) == 50, "up to their fair share the others take its oldest"
    assert states(table, 10, 1.0, OTHER_NAS, mark="more") == [], "and no more than that"
    assert len(table) == 100
    assert table.displaced == 50


def test_in_a_full_table_whoever_fell_silent_makes_room_for_newcomers_of_the_same_nas() -> None:
    table = Conversations(max_conversations=10)
    held = states(table, 10, 0.0)
    assert table.find(held[0], NAS_ID, YIELDS_AFTER_SECONDS) is not None, "the first goes on"
    assert len(states(table, 12, YIELDS_AFTER_SECONDS + 0.5, mark="new")) == 9
    assert table.find(held[0], NAS_ID, YIELDS_AFTER_SECONDS + 1) is not None
    assert table.find(held[1], NAS_ID, YIELDS_AFTER_SECONDS + 1) is None


def test_a_storm_of_honest_devices_does_not_undo_itself() -> None:
    """Were the oldest to go at once, more devices than there is room for would all begin anew for ever."""
    table = Conversations(max_conversations=10)
    first = states(table, 10, 0.0)
    assert states(table, 10, 0.1, mark="second") == []
    assert all(table.find(each, NAS_ID, 0.2) is not None for each in first)


def test_what_made_room_is_told_apart_from_what_fell_silent() -> None:
    table = Conversations(max_of_station=1)
    old = conversation(b"old", station=b"x")
    old.begun = True
    assert table.begin(old, 0.0)
    assert table.begin(conversation(b"new", station=b"x"), 0.0)
    assert table.take_left() == [old]
    assert old.displaced
    assert (table.abandoned, table.displaced) == (0, 1)


def test_silence_is_noticed_without_another_packet() -> None:
    table = Conversations(idle_seconds=60)
    begun = conversation(b"a")
    begun.begun = True
    table.begin(begun, 0.0)
    table.forget_silent(60.0)
    assert len(table) == 1
    table.forget_silent(60.5)
    assert len(table) == 0
    assert table.take_left() == [begun]


def test_nothing_is_kept_of_conversations_that_are_over() -> None:
    table = Conversations(max_conversations=10, max_of_station=2, idle_seconds=60)
    for number in range(200):
        nas_id = UUID(int=number % 7)
        state = b"%d" % number
        begun = conversation(state, float(number), nas_id, b"%d" % (number % 3))
        if table.begin(begun, float(number)) and number % 2:
            table.end(begun)
        table.find(b"%d" % (number - 3), UUID(int=(number - 3) % 7), float(number))
    table.forget_silent(1000.0)
    assert len(table) == 0
    assert table._of_nas == {}
    assert table._of_station == {}


def remembered(at_mono: float = 0.0) -> Remembered:
    return Remembered(EapType.PEAP, b"budi", credential_digest(view()), at_mono)


def test_a_session_is_of_its_method_and_of_its_time() -> None:
    sessions = Resumption(100.0)
    sessions.remember([b"s"], remembered())
    assert sessions.find([b"x", b"s"], EapType.PEAP, 100.0) == remembered()
    assert sessions.find([b"s"], EapType.TTLS, 1.0) is None
    assert sessions.find([b"s"], EapType.PEAP, 100.5) is None
    assert len(sessions) == 0


def test_the_oldest_sessions_are_forgotten_when_there_are_too_many() -> None:
    sessions = Resumption(100.0, max_sessions=2)
    sessions.remember([b"1", b"2", b"3"], remembered())
    assert len(sessions) == 2
    assert sessions.find([b"1"], EapType.PEAP, 1.0) is None


def test_no_lifetime_remembers_nothing() -> None:
    sessions = Resumption(0.0)
    sessions.remember([b"1"], remembered())
    assert len(sessions) == 0


def test_another_password_is_another_credential() -> None:
    assert is_unchanged(remembered(), view())
    assert not is_unchanged(remembered(), view(password="changed"))
