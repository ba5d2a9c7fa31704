"""Conversations under way, and sessions that may be resumed, both bounded."""

from uuid import UUID

from netbilld.radius.eap.conversations import Conversation, Conversations
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.resumption import Remembered, Resumption, credential_digest, is_unchanged
from tests.radius_requests import NAS_ID, view

OTHER_NAS = UUID("00000000-0000-4000-8000-0000000000ff")


def conversation(state: bytes, started_mono: float = 0.0) -> Conversation:
    return Conversation(state, NAS_ID, b"budi", 1000, started_mono)


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
