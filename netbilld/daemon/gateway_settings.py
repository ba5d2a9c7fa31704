"""What settings say about payment gateways: which there are, with which keys, and what payers may choose from."""

import json
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from netbilld.adapters.gateways import duitku, midtrans, tripay, xendit
from netbilld.billing.gateway import GATEWAYS
from netbilld.billing.qris import read_qris
from netbilld.billing.report_layout import ReportLayout, layout_of
from netbilld.model.errors import InvalidInputError

_THIS_HOST = frozenset(("localhost", "127.0.0.1", "::1"))


def _listed(value: object) -> object:
    """Take a list as TOML has it, or as text: with commas, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a list; write words with commas between them") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("write an address such as https://api.example.net")
    if parts.scheme == "http" and parts.hostname not in _THIS_HOST:
        raise ValueError("http would show our keys on the way; write https")
    return url.rstrip("/")


def static_qris(text: str) -> str:
    """Return a merchant's static QRIS code.

    Raises:
        ValueError: it is none.
    """
    try:
        read_qris(text)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None
    return text.strip()


def _layouts(changed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for gateway, layout in changed.items():
        if gateway not in GATEWAYS:
            raise ValueError(f"{gateway!r} is unknown; there are {', '.join(GATEWAYS)}")
        try:
            layout_of(gateway, layout)
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
    return changed


Address = Annotated[str, AfterValidator(_address)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1)]
Key = Annotated[SecretStr, Field(min_length=4)]


class _Gateway(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def _knows(self, methods: tuple[str, ...], known: tuple[str, ...]) -> None:
        unknown = [one for one in methods if one not in known]
        if unknown:
            raise ValueError(f"methods: {unknown[0]!r} is unknown; there are {', '.join(known)}")


class MidtransSettings(_Gateway):
    server_key: Key
    signature_key: Key | None = None  # None: notifications are signed with the server key
    sandbox: bool = False
    methods: Words = ("qris", "va_bca", "va_bni", "va_bri", "va_mandiri", "va_permata", "page")
    confirm: bool = True  # a notification is believed when the status call says the same
    acquirer: Literal["gopay", "airpay shopee"] = "gopay"  # of QRIS
    gopay_accounts: bool = False  # subscribers may link one, and bills are charged to it; Midtrans has to allow it
    core_url: Address | None = None
    snap_url: Address | None = None

    @model_validator(mode="after")
    def _methods_are_known(self) -> Self:
        self._knows(self.methods, midtrans.METHODS)
        return self


class XenditSettings(_Gateway):
    secret_key: Key
    callback_token: Key
    methods: Words = ("qris", "va_bca", "va_bni", "va_bri", "va_mandiri", "va_permata", "page")
    confirm: bool = True
    url: Address = "https://api.xendit.co"

    @model_validator(mode="after")
    def _methods_are_known(self) -> Self:
        self._knows(self.methods, xendit.METHODS)
        return self


class TripaySettings(_Gateway):
    api_key: Key
    private_key: Key
    merchant_code: Annotated[str, Field(min_length=1, max_length=20)]
    sandbox: bool = False
    methods: Words = ("qris", "va_bca", "va_bni", "va_bri", "va_mandiri", "va_permata")
    confirm: bool = False  # the signature covers all that a callback says
    url: Address | None = None

    @model_validator(mode="after")
    def _methods_are_known(self) -> Self:
        self._knows(self.methods, tripay.METHODS)
        return self


class DuitkuSettings(_Gateway):
    merchant_code: Annotated[str, Field(min_length=1, max_length=20)]
    api_key: Key
    sandbox: bool = False
    methods: Words = ("qris", "va_bca", "va_bni", "va_bri", "va_mandiri", "va_permata", "page")
    scheme: Literal["md5", "hmac"] = "md5"  # of what we sign; what comes is taken either way
    require_hmac: bool = False
    url: Address | None = None
    pop_url: Address | None = None

    @model_validator(mode="after")
    def _methods_are_known(self) -> Self:
        self._knows(self.methods, duitku.METHODS)
        return self


class GatewaySettings(_Gateway):
    midtrans: MidtransSettings | None = None
    xendit: XenditSettings | None = None
    tripay: TripaySettings | None = None
    duitku: DuitkuSettings | None = None
    qris_minutes: Annotated[int, Field(ge=5, le=60 * 24)] = 60  # that a QRIS code of a gateway may be paid
    hours: Annotated[int, Field(ge=1, le=24 * 30)] = 24  # and anything else
    charge_days_before: Annotated[int, Field(ge=0, le=28)] = 1  # bills are due, linked accounts are charged
    keep_days: Annotated[int, Field(ge=7, le=3650)] = 90  # of callbacks as they came
    email_domain: str = ""  # for payers without an e-mail, where a gateway demands one: <number>@<domain>
    reports: Annotated[dict[str, dict[str, str | tuple[str, ...]]], AfterValidator(_layouts)] = Field(
        default_factory=dict
    )  # how columns of a gateway's reports are called, where otherwise than usual
    accounts: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] = "transfer"  # where payouts come to

    def layout_of(self, gateway: str) -> ReportLayout:
        """Return how a gateway's reports look."""
        return layout_of(gateway, self.reports.get(gateway, {}))

    @property
    def is_any(self) -> bool:
        """Tell whether there is a gateway at all."""
        return any((self.midtrans, self.xendit, self.tripay, self.duitku))
