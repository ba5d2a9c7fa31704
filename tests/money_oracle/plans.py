"""Plans of the oracle's own, and the file that an operator would write for each."""

from dataclasses import dataclass, field

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Window:
    """Happy hours: whole hours of some weekdays; `price_per_gb` or a weight of so many hundredths."""

    days: tuple[int, ...]
    first_hour: int
    until_hour: int  # 24 at most, never over midnight
    hundredths: int = 100
    price_per_gb: int | None = None

    def covers(self, weekday: int, hour: int) -> bool:
        return weekday in self.days and self.first_hour <= hour < self.until_hour


@dataclass(frozen=True)
class Discount:
    """Of a plan, or a service's own: a percent of its fees or an amount, for so many periods."""

    name: str
    percent: int | None
    amount: int | None
    periods: int | None

    @property
    def priced(self) -> int:
        """Return what two discounts of one name are told apart by."""
        return 100 * self.percent if self.percent is not None else self.amount or 0


@dataclass(frozen=True)
class TopUp:
    """Octets that can be bought, for so many days, or to the end of the billing period."""

    code: str
    price: int
    octets: int
    days: int | None


@dataclass(frozen=True)
class OPlan:
    code: str
    price: int
    days: int | None = None  # None: by the month
    timing: str = "postpaid"
    extends: str = "expiry"  # prepaid
    bill: str = "advance"
    prorata: str = "calendar"
    paused: str = "credit"
    suspended: str = "bill"
    components: tuple[tuple[str, int], ...] = ()
    discounts: tuple[Discount, ...] = ()
    add_ons: tuple[tuple[str, int], ...] = ()
    installation: int = 0
    deposit: int = 0
    trial_days: int = 0
    free: bool = False
    allowance_octets: int | None = None
    first_part: bool = False  # a part period includes its part
    rollover: int | None = None  # for so many periods
    rollover_cap: int | None = None
    top_ups: tuple[TopUp, ...] = ()
    charged: bool = False  # usage has a price
    counts: str = "both"
    tiers: tuple[tuple[int | None, int], ...] = ()  # up to so many GB; None for the last
    binary: bool = False  # GiB
    cap: int | None = None
    windows: tuple[Window, ...] = field(default=())
    tax: str = "none"  # none, inclusive, exclusive

    @property
    def unit(self) -> int:
        return 2**30 if self.binary else 10**9

    def toml(self) -> str:
        """Return the plan's file."""
        charging = "flat" if not self.charged else "volume" if self.allowance_octets is None else "hybrid"
        lines = [
            f'code = "{self.code}"',
            f'name = "Paket {self.code}"',
            f'timing = "{self.timing}"',
            f'charging = "{charging}"',
        ]
        if self.free:
            lines.append("free = true")
        if self.trial_days:
            lines.append(f"trial_days = {self.trial_days}")
        if self.price:
            period = "month" if self.days is None else f"{self.days}d"
            lines += ["[recurring]", f"price = {self.price}", f'period = "{period}"', f'bill = "{self.bill}"']
            lines += [f'extends = "{self.extends}"'] if self.timing == "prepaid" else []
            lines += [f'prorata = "{self.prorata}"', f'paused = "{self.paused}"', f'suspended = "{self.suspended}"']
        lines += ["[speed]", 'down = "20M"', 'up = "10M"']
        if self.installation or self.deposit:
            lines += ["[fees]", f"installation = {self.installation}", f"deposit = {self.deposit}"]
        if self.allowance_octets is not None:
            after = 'after = "charge"' if self.charged else 'after = "wall"'
            lines += ["[allowance]", f'data = "{self.allowance_octets}B"', f'counts = "{self.counts}"', after]
            lines += ["prorata = true"] if self.first_part else []
            if self.rollover is not None:
                cap = "" if self.rollover_cap is None else f', cap = "{self.rollover_cap}B"'
                lines.append(f"rollover = {{ periods = {self.rollover}{cap} }}")
        if self.charged:
            unit = "GiB" if self.binary else "GB"
            tiers = ", ".join(
                "{ " + (f'up_to = "{up_to}{unit}", ' if up_to is not None else "") + f"price_per_gb = {price} }}"
                for up_to, price in self.tiers
            )
            lines += ["[usage]", f"tiers = [{tiers}]", f'gb = "{unit}"']
            if self.cap is not None:
                lines.append(f"cap = {self.cap}")
        for number, window in enumerate(self.windows):
            days = ",".join(DAYS[day] for day in window.days)
            hours = f"{days} {window.first_hour:02}:00-{window.until_hour:02}:00"
            lines += ["[[happy]]", f'name = "jam {number}"', f'hours = ["{hours}"]']
            if window.price_per_gb is not None:
                lines.append(f"price_per_gb = {window.price_per_gb}")
            else:
                lines.append(f'weight = "{window.hundredths}/100"')
        for code, price in self.components:
            lines += [
                "[[component]]",
                f'code = "{code}"',
                f'name = "{code}"',
                f"price = {price}",
                f'revenue = "{code}"',
            ]
        for one in self.discounts:
            lines += ["[[discount]]", f'name = "{one.name}"']
            lines.append(f"percent = {one.percent}" if one.percent is not None else f"amount = {one.amount}")
            if one.periods is not None:
                lines.append(f"periods = {one.periods}")
        for code, price in self.add_ons:
            lines += ["[[addon]]", f'code = "{code}"', f'name = "{code}"', f"price = {price}"]
        for each in self.top_ups:
            valid = "period" if each.days is None else f"{each.days}d"
            lines += ["[[topup]]", f'code = "{each.code}"', f'name = "{each.code}"', f"price = {each.price}"]
            lines += [f'data = "{each.octets}B"', f'valid = "{valid}"']
        if self.tax != "none":
            lines += ["[tax]", 'rate = "ppn"', f"inclusive = {str(self.tax == 'inclusive').lower()}"]
        return "\n".join(lines) + "\n"
