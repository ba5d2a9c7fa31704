"""A small town for tests of agents: a kiosk of vouchers, two subscribers, and two agents of whom one serves one."""

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.services.keep_agents import KeepAgents
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.sell_from_deposit import SellFromDeposit
from tests.builders.services import ZONE
from tests.panel_fixture import PASSWORDS
from tests.voucher_world import ANI, HOTSPOT_DAY, T0, Kiosk

SECRET = "kuda-poni-merah"
HOME = HOTSPOT_DAY.replace("HARIAN", "HOME20").replace('"prepaid"', '"postpaid"').replace('"1d"', '"month"')


class Town(Kiosk):
    """A kiosk with agents: sari who serves budi, and joko who serves nobody."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        super().__init__(database, box)
        self.agents = KeepAgents(database, PASSWORDS, timezone=ZONE, currency="IDR")
        self.selling = SellFromDeposit(database, self.sell, timezone=ZONE, currency="IDR")
        self.numbers: dict[str, str] = {}

    async def begin(self) -> None:
        await self.open(HOTSPOT_DAY, HOME)
        manage = ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE))
        for name in ("budi", "tono"):
            added = await manage.add(NewService(name, "HOME20", "rahasia123"), ANI, T0)
            self.numbers[name] = added.subscriber_no
        for name in ("sari", "joko"):
            await self.agents.add(name, name.title(), SECRET, actor=ANI, now=T0, commission_permille=20)
        await self.agents.serve("sari", self.numbers["budi"], True, actor=ANI, now=T0)

    async def balance(self, code: str) -> int:
        async with self.database.read() as work:
            return (await work.ledger.statement(code)).balance_minor

    async def books_are_right(self) -> bool:
        async with self.database.read() as work:
            return all(check.ok for check in check_books(await work.ledger.figures()))

    async def for_agents(self, count: int = 5) -> int:
        return (await self.batch(count, is_only_sold=True, agent_price_minor=4_000)).number
