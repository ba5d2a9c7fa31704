import logging
import socket
from pathlib import Path

from netbilld.daemon.logs import JournalHandler, LineFormatter


def _record(message: str, **fields: str) -> logging.LogRecord:
    record = logging.LogRecord("netbilld.metering", logging.WARNING, __file__, 1, message, None, None)
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def test_journald_gets_the_message_with_its_fields(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        journald.settimeout(5)
        handler = JournalHandler(tmp_path / "journal")
        handler.emit(_record("silent", nas="pop1", event="nas_silent"))
        handler.close()
        lines = journald.recv(4096).split(b"\n")
    assert b"MESSAGE=silent" in lines
    assert b"NAS=pop1" in lines
    assert b"EVENT=nas_silent" in lines
    assert b"PRIORITY=4" in lines


def test_a_message_of_several_lines_cannot_forge_a_field(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        journald.settimeout(5)
        handler = JournalHandler(tmp_path / "journal")
        handler.emit(_record("one\nPRIORITY=0"))
        handler.close()
        sent = journald.recv(4096)
    assert sent.startswith(b"MESSAGE\n" + (14).to_bytes(8, "little") + b"one\nPRIORITY=0\n")


def test_a_terminal_gets_a_readable_line() -> None:
    line = LineFormatter().format(_record("silent", nas="pop1", event="nas_silent"))
    assert line.endswith("WARNING metering: silent [nas=pop1]")


def test_an_absent_journal_never_stops_the_daemon(tmp_path: Path) -> None:
    handler = JournalHandler(tmp_path / "nowhere")
    handler.emit(_record("lost"))
    handler.close()
