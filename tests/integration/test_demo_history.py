"""The past of the demo's offices: it adds up like anybody's usage, and nobody with a small allowance has one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from netbilld.adapters.database.engine import Database
from netbilld.daemon.gateway_settings import GatewaySettings, MidtransSettings
from netbilld.daemon.settings import Settings
from netbilld.demo.gateway import METHODS, SERVER_KEY, pretended_gateway
from netbilld.demo.history import PLAN
from netbilld.demo.scenario import LIAR_NAME, NAS_NAME, Home, homes
from netbilld.demo.town import build_town, isolir_instant
from netbilld.services.check_usage import CheckUsage
from netbilld.services.complaint_views import Wanted
from tests.peers import free_tcp_port

NOW = datetime(2026, 11, 11, 4, 20, tzinfo=UTC)


async def built(directory: Path, town_homes: list[Home], isolir_at: datetime) -> Settings:
    """Build the town beside its pretended bank; return its settings."""
    port = free_tcp_port()
    url = f"http://127.0.0.1:{port}"
    midtrans = MidtransSettings(server_key=SecretStr(SERVER_KEY), methods=METHODS, core_url=url, snap_url=url)
    settings = Settings(
        data_dir=directory, billing={"isolir_at": isolir_at.time()}, gateways=GatewaySettings(midtrans=midtrans)
    )
    async with pretended_gateway("127.0.0.1", port, "http://127.0.0.1:9/hook/midtrans") as gateway:
        await build_town(settings, town_homes, "f" * 32, {NAS_NAME: 3799, LIAR_NAME: 3799}, isolir_at, gateway, NOW)
    return settings


async def test_the_offices_have_a_past_that_adds_up_and_nobody_else_has_one(tmp_path: Path) -> None:
    isolir_at = isolir_instant(NOW, "Asia/Jakarta")
    town_homes = homes()
    settings = await built(tmp_path, town_homes, isolir_at)
    database = Database(settings.resolved_database_url)
    try:
        today = isolir_at.date()
        checks = await CheckUsage(database, settings.timezone).run(today - timedelta(days=12), today)
        assert all(check.is_ok for check in checks), checks
        async with database.read() as work:
            plans = {home.username: home.plan for home in town_homes}
            past = await work.sessions.list_sessions(open_only=False)
            assert past
            assert {plans[line.username] for line in past} == {PLAN}
            assert all(line.stopped_at is not None and line.download_octets > 10**9 for line in past)
    finally:
        await database.close()


async def test_everybody_s_desk_has_something_on_it(tmp_path: Path) -> None:
    isolir_at = isolir_instant(NOW, "Asia/Jakarta")
    settings = await built(tmp_path, homes(), isolir_at)
    database = Database(settings.resolved_database_url)
    try:
        async with database.read() as work:
            complaints = await work.complaint_views.lines(Wanted("all"), NOW)
            (outage,) = await work.complaint_views.outages(running=True)
            rows = await work.bank.listed(None)
            staff = await work.staff.all()
        assert {line.state.value for line in complaints.lines} >= {
            "new",
            "assigned",
            "in_progress",
            "resolved",
            "closed",
        }
        assert outage.subscribers > 1
        assert len(rows) == 3
        assert {member.role.value for member in staff} >= {
            "admin",
            "technical",
            "accounting",
            "cashier",
            "collector",
            "service",
        }
    finally:
        await database.close()
