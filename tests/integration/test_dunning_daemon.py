"""A real daemon and a real mail server: arrears are told of and closed for, payment opens and is told of too."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.mail_server import MailServer, mail_server

pytestmark = pytest.mark.slow


async def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.2)


async def test_arrears_lead_to_isolir_and_payment_back_with_a_message_each(tmp_path: Path) -> None:
    """BANG-2.6c, BANG-2.6d, INCA-8."""
    async with mail_server(MailServer()) as server:
        daemon = DaemonProcess(
            tmp_path,
            NETBILLD_SMTP__HOST="127.0.0.1",
            NETBILLD_SMTP__PORT=str(server.port),
            NETBILLD_SMTP__SECURITY="none",
            NETBILLD_SMTP__SENDER="tagihan@isp.test",
            NETBILLD_MESSAGES__QUIET_FROM="00:00",
            NETBILLD_MESSAGES__QUIET_TO="00:00",
            NETBILLD_MESSAGES__PER_MINUTE="6000",
            NETBILLD_DUNNING__REMIND_DAYS="",
        )

        def subjects() -> list[str]:
            return [mail["Subject"] for mail in server.to("siti@example.test")]

        def set_up() -> None:
            daemon.init()
            daemon.plan()
            daemon.cli(
                *("subscriber", "add", "siti", "--plan", "RUMAH20", "--password", "x", "--name", "Siti"),
                *("--email", "siti@example.test"),
            )
            with closing(sqlite3.connect(daemon.data_dir / "netbilld.db")) as database:  # as if it were long ago
                database.execute("UPDATE services SET activated_on = ?", (str(long_ago),))
                database.execute("UPDATE service_terms SET from_on = ?", (str(long_ago),))
                database.commit()
            daemon.cli("invoice", "run", "--as-of", str(long_ago))
            daemon.start()

        long_ago = (datetime.now(UTC) - timedelta(days=20)).date()
        try:
            await asyncio.to_thread(set_up)
            await _until(lambda: any("diisolir" in one for one in subjects()))
            shown = await asyncio.to_thread(daemon.json, "subscriber", "show", "siti")
            assert (shown["access"], shown["access_reason"]) == ("walled", "overdue")
            await asyncio.to_thread(daemon.cli, "payment", "add", "siti", "1000000", "--method", "cash")
            await _until(lambda: "Layanan Anda aktif kembali" in subjects())
            shown = await asyncio.to_thread(daemon.json, "subscriber", "show", "siti")
            assert shown["access"] == "active"
            steps = await asyncio.to_thread(daemon.json, "dunning", "history", "siti")
            assert [step["step"] for step in reversed(steps["steps"])] == ["isolir", "restored"]
            states = {one["state"] for one in await asyncio.to_thread(daemon.json, "outbox", "list")}
            assert states <= {"sent", "withdrawn"}
            counted = await asyncio.to_thread(daemon.metrics)
            assert counted['netbilld_outbox_handed_total{channel="email",result="accepted"}'] == len(subjects())
        finally:
            await asyncio.to_thread(daemon.__exit__, None, None, None)
    assert len(set(subjects())) == len(subjects()), "nothing is told twice"
