"""What an attempt becomes in the log, whatever a NAS has sent."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from netbilld.adapters.database.attempt_row import ATTEMPT_COLUMNS, attempt_row
from netbilld.services.attempt_buffer import LoginAttempt

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _logged(user_name: bytes = b"budi", mac: bytes | None = None, detail: str | None = None) -> dict[str, object]:
    attempt = LoginAttempt(NOW, uuid4(), user_name, None, "pap", "accept", "ok", 2**40, mac, detail)
    return dict(zip(ATTEMPT_COLUMNS, attempt_row(attempt), strict=True))


@pytest.mark.parametrize("mac", [b"02:00:00:00:00:AB", b"02-00-00-00-00-ab", b"0200.0000.00ab"])
def test_a_station_is_logged_the_same_however_its_nas_writes_it(mac: bytes) -> None:
    assert _logged(mac=mac)["mac"] == "02:00:00:00:00:AB"


def test_a_station_that_has_no_mac_is_logged_as_it_is_called_and_cut_to_its_column() -> None:
    assert _logged(mac=b"10.0.0.1")["mac"] == "10.0.0.1"
    assert len(str(_logged(mac=b"x" * 253)["mac"])) == 64
    assert _logged()["mac"] is None


def test_nothing_a_nas_sends_is_more_than_a_column_takes() -> None:
    row = _logged(user_name=b"\0" + b"\xff" * 300, detail="why\0" + "y" * 300)
    assert len(str(row["username"])) == 253
    assert "\0" not in f"{row['username']}{row['username_key']}{row['detail']}"
    assert len(str(row["detail"])) == 200
    assert row["latency_us"] == 2**31 - 1
