"""What settings say about unpaid invoices and about messages to subscribers."""

import json
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from netbilld.adapters.smtp.driver import Security
from netbilld.model.contact import parse_email
from netbilld.model.errors import InvalidInputError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def listed(value: object) -> object:
    """Take a list as TOML has it, or as text: with commas, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a list; write values with commas between them") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _no_week(days: frozenset[str]) -> frozenset[str]:
    if len(days) == len(DAYS):
        raise ValueError("all seven days are off; leave one on which somebody may be walled")
    return days


def _in_order(days: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


def _email(text: str) -> str:
    try:
        address = parse_email(text)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None
    if not address.isascii():
        raise ValueError("write an address without letters outside ASCII")
    return address


def or_off(value: object) -> object:
    """Take a number, or a word for none."""
    return None if value is False or value in {"off", ""} else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LateFeeSettings(_Section):
    after_days: Annotated[int, Field(ge=1, le=365)]  # after the last day to pay
    flat: Annotated[int, Field(ge=1)] | None = None  # minor units
    percent: Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)] | None = None  # of what is unpaid
    minimum: Annotated[int, Field(ge=0)] = 0
    cap: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.flat is None) == (self.percent is None):
            raise ValueError("write flat or percent, one of them")
        if self.cap is not None and self.cap < self.minimum:
            raise ValueError("cap is below minimum")
        return self


class DunningSettings(_Section):
    remind_days: Annotated[
        tuple[Annotated[int, Field(ge=-60, le=60)], ...],
        NoDecode,
        BeforeValidator(listed),
        AfterValidator(_in_order),
    ] = (-7, -3, 0, 3)  # before (below 0), on and after the last day to pay
    remind_at: time = time(8)
    warn_days: Annotated[Annotated[int, Field(ge=0, le=30)] | None, BeforeValidator(or_off)] = 1  # before isolir
    days_off: Annotated[
        frozenset[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]],
        NoDecode,
        BeforeValidator(listed),
        AfterValidator(_no_week),
    ] = frozenset()  # on which nobody is walled
    off_on_holidays: bool = True  # nor on days of the holiday table
    restore_percent: Annotated[int, Field(ge=1, le=100)] = 100  # paid of what was overdue: access returns
    promises: Annotated[int, Field(ge=0, le=100)] = 2  # for one debt
    promise_days: Annotated[int, Field(ge=1, le=90)] = 7
    late_fees: tuple[LateFeeSettings, ...] = ()
    terminate_days: Annotated[Annotated[int, Field(ge=1, le=3650)] | None, BeforeValidator(or_off)] = None
    terminate: Literal["propose", "do"] = "propose"
    keep_days: Annotated[int, Field(ge=180, le=3650)] = 730  # steps on record, once nothing is owed any more

    @property
    def weekdays_off(self) -> frozenset[int]:
        """Return the weekdays on which nobody is walled, Monday is 0."""
        return frozenset(DAYS.index(day) for day in self.days_off)


class MessageSettings(_Section):
    expires_days: Annotated[Annotated[int, Field(ge=0, le=30)] | None, BeforeValidator(or_off)] = 3  # ahead
    credit_low: Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(or_off)] = 10_000  # minor units
    quiet_from: time = time(20)
    quiet_to: time = time(7)  # the same as quiet_from: never quiet
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 120
    keep_days: Annotated[int, Field(ge=90, le=3650)] = 365  # messages on record, from when they were made
    templates: Path | None = None  # a directory of your own texts: id/reminder.txt, en/reminder.txt, …


class SmtpSettings(_Section):
    host: str | None = None  # None sends no e-mail
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    user: str | None = None
    password: SecretStr | None = None
    sender: Annotated[str, AfterValidator(_email)] | None = None  # whom e-mails come from
    reply_to: Annotated[str, AfterValidator(_email)] | None = None
    timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host is not None and self.sender is None:
            raise ValueError("smtp.host needs smtp.sender, the address e-mails come from")
        if (self.user is None) != (self.password is None):
            raise ValueError("smtp.user and smtp.password go together")
        if self.password is not None and self.security is Security.NONE and self.host not in _THIS_HOST:
            raise ValueError('security = "none" would show the password on the way; write "starttls" or "tls"')
        return self


_THIS_HOST: Final = frozenset(("localhost", "127.0.0.1", "::1"))
