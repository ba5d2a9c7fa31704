"""From settings to the services behind the pages of vouchers, agents and collectors."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.voucher_sheet import voucher_sheet_pdf
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.policies import plausibility
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes
from netbilld.daemon.vouchers import refund_vouchers, sell_vouchers
from netbilld.panel.portal.agent_parts import AgentParts
from netbilld.panel.selling_parts import SellingParts
from netbilld.services.collect_cash import CollectCash
from netbilld.services.keep_agents import KeepAgents
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.keep_vouchers import KeepVouchers
from netbilld.services.make_vouchers import MakeVouchers
from netbilld.services.print_vouchers import PrintedSheet
from netbilld.services.sell_from_deposit import SellFromDeposit
from netbilld.services.sign_in_agent import SignInAgent


def selling_parts(settings: Settings, database: Database, box: SecretBox) -> SellingParts:
    """Return what the pages of selling are handed."""
    return SellingParts(
        keep_agents=keep_agents(settings, database),
        collect_cash=CollectCash(
            database,
            timezone=settings.timezone,
            plausibility=plausibility(settings),
            taxes=payment_taxes(settings),
        ),
        keep_collectors=KeepCollectors(database, timezone=settings.timezone, currency=settings.currency),
        make_vouchers=MakeVouchers(
            database, box, timezone=settings.timezone, currency=settings.currency, entropy=entropy
        ),
        keep_vouchers=KeepVouchers(database, box),
        sell_vouchers=sell_vouchers(settings, database, box),
        refund_vouchers=refund_vouchers(settings, database, box),
        box=box,
        draw_sheet=draw_sheet,
    )


def keep_agents(settings: Settings, database: Database) -> KeepAgents:
    """Return what agents are kept with."""
    return KeepAgents(database, Argon2Passwords(), timezone=settings.timezone, currency=settings.currency)


def agent_parts(settings: Settings, database: Database, box: SecretBox) -> AgentParts:
    """Return what the pages of agents are handed."""
    lifetime = timedelta(hours=settings.panel.session_hours)
    sign_in = SignInAgent(database, Argon2Passwords(), entropy, lifetime)
    sell = SellFromDeposit(
        database,
        sell_vouchers(settings, database, box),
        timezone=settings.timezone,
        currency=settings.currency,
        taxes=payment_taxes(settings),
    )
    return AgentParts(database, keep_agents(settings, database), sell, sign_in)


async def draw_sheet(sheet: PrintedSheet) -> bytes:
    """Return a sheet as PDF, drawn in a process of its own: tens of thousands take half a minute, log-ins don't wait.

    The process begins with a sheet and ends with it: sheets are few, and nobody prints all day.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, voucher_sheet_pdf, sheet)
