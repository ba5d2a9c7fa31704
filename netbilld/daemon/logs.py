"""Logs: native journald fields under systemd, readable lines on a terminal."""

import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

_JOURNAL_SOCKET: Final = Path("/run/systemd/journal/socket")
_PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
# the one vocabulary of fields; a record carries them as `extra={"event": "nas_silent", "nas": name}`
FIELDS: Final = (
    "event",
    "subscriber",
    "service_id",
    "session_id",
    "nas",
    "invoice",
    "username",
    "reason",
    "code",
    "peer",
)


class JournalHandler(logging.Handler):
    """Sends each record to journald with its fields (systemd: JOURNAL_NATIVE_PROTOCOL)."""

    def __init__(self, path: Path = _JOURNAL_SOCKET) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._path = str(path)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; a full or absent journal never stops the daemon."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        fields = {
            "MESSAGE": message,
            "PRIORITY": str(_PRIORITIES.get(record.levelno, 6)),
            "SYSLOG_IDENTIFIER": "netbilld",
            "LOGGER": record.name,
        }
        for name in FIELDS:
            if (value := getattr(record, name, None)) is not None:
                fields[name.upper()] = str(value)
        with suppress(OSError):
            self._socket.sendto(b"".join(_encoded(name, value) for name, value in fields.items()), self._path)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()


def _encoded(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    if b"\n" in data:
        return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
    return name.encode() + b"=" + data + b"\n"


class LineFormatter(logging.Formatter):
    """`12:03:44 WARNING metering: text [nas=pop1]`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = " ".join(
            f"{name}={value}"
            for name in FIELDS
            if (value := getattr(record, name, None)) is not None and name != "event"
        )
        name = record.name.removeprefix("netbilld.")
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:<7} {name}: {record.getMessage()}"
        if fields:
            line += f" [{fields}]"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def is_of_interest(record: logging.LogRecord) -> bool:
    """Tell whether a record of the HTTP server is more than a client that sent what is no HTTP, or went away.

    Anybody who reaches a port could fill the log with traces of those.
    """
    wrong = record.exc_info[1] if record.exc_info else None
    return not isinstance(wrong, HttpProcessingError | ConnectionResetError)


def configure_logs(level: int = logging.INFO) -> None:
    """Send netbilld's records to journald where standard error is the journal, else to standard error as lines."""
    handler: logging.Handler
    if _stderr_is_journal():
        handler = JournalHandler()
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(is_of_interest)
    logging.getLogger("netbilld").setLevel(level)


def _stderr_is_journal() -> bool:
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{status.st_dev}:{status.st_ino}" and _JOURNAL_SOCKET.exists()
