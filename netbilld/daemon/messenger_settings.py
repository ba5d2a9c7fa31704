"""What settings say about messengers: WhatsApp by its own interface or by a gateway, SMS over HTTP, Telegram."""

import re
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from netbilld.adapters.messengers.gowa import DEFAULT_SECRET
from netbilld.daemon.dunning_settings import listed, or_off
from netbilld.model.permissions import Role

_LEAST_SECRET: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("write a web address such as https://api.example.net")
    return url.rstrip("/")


def _hard(secret: SecretStr | None) -> SecretStr | None:
    """Return a secret that stands in a path: long, and of signs that need no escape."""
    if secret is not None:
        clear = secret.get_secret_value()
        if len(clear) < _LEAST_SECRET or not _NAME.match(clear):
            raise ValueError(f"write at least {_LEAST_SECRET} letters, digits, - or _, by chance")
    return secret


Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, Field(min_length=1)]
HookSecret = Annotated[SecretStr | None, AfterValidator(_hard)]


class _Messenger(BaseModel):
    """What every messenger has.

    A gap is drawn anew after each message from between its two ends: telephones that send like machines are locked out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0
    longest_gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    recipient_seconds: Annotated[float, Field(ge=0, le=86_400)] = 6.0  # between two messages to one person
    cost: Annotated[int, Field(ge=0, le=10_000_000)] = 0  # minor units, of a message or of each part of an SMS
    timeout_seconds: Annotated[float, Field(ge=1, le=120)] = 30.0
    hook_secret: HookSecret = None  # the last part of its webhook's address; None takes no webhook


class CloudSettings(_Messenger):
    phone_number_id: Annotated[str, Field(pattern=r"^\d{5,30}$")]
    token: Secret
    app_secret: Secret | None = None  # what webhooks are signed with
    verify_token: Secret | None = None  # what Meta says when it first asks
    url: Address = "https://graph.facebook.com"
    version: Annotated[str, Field(pattern=r"^v\d{1,3}\.\d{1,2}$")] = "v25.0"
    gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.05
    longest_gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.05

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.hook_secret is not None and (self.app_secret is None or self.verify_token is None):
            raise ValueError("hook_secret needs app_secret and verify_token: Meta signs its webhooks")
        return self


class FonnteSettings(_Messenger):
    token: Secret
    url: Address = "https://api.fonnte.com"


class WablasSettings(_Messenger):
    url: Address  # https://jogja.wablas.com, …: the server your account is on
    token: Secret
    secret_key: Secret | None = None


class StarSenderSettings(_Messenger):
    key: Secret
    url: Address = "https://api.starsender.online"


class WahaSettings(_Messenger):
    url: Address
    api_key: Secret
    session: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "default"
    hmac_key: Secret | None = None


class GowaSettings(_Messenger):
    url: Address
    user: str
    password: Secret
    device: str | None = None
    signing_secret: Secret | None = None

    @model_validator(mode="after")
    def _own_secret(self) -> Self:
        if self.hook_secret is None:
            return self
        if self.signing_secret is None or self.signing_secret.get_secret_value() == DEFAULT_SECRET:
            raise ValueError("hook_secret needs signing_secret, and not the one that GOWA comes with")
        return self


class EvolutionSettings(_Messenger):
    url: Address
    api_key: Secret
    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
    jwt_key: Secret | None = None


class TelegramSettings(_Messenger):
    token: Secret
    bot: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{3,40}$")]  # its name, without @
    secret_token: HookSecret = None  # what setWebhook was given
    url: Address = "https://api.telegram.org"
    gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.05
    longest_gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.05
    recipient_seconds: Annotated[float, Field(ge=0, le=86_400)] = 1.0

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.hook_secret is not None and self.secret_token is None:
            raise ValueError("hook_secret needs secret_token: Telegram proves itself by it")
        return self


class _Sms(_Messenger):
    gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.2
    longest_gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.2


class SmsSettings(_Sms):
    url: Address
    body: dict[str, Any]  # with {to}, {text} and, if wanted, {id} where those belong
    method: Literal["GET", "POST"] = "POST"
    headers: dict[str, SecretStr] = {}
    body_type: Literal["form", "json", "query"] = "form"
    to_format: Literal["08", "62", "+62"] = "62"
    success_path: str | None = None
    success_value: str = ""
    success_regex: str | None = None
    id_path: str | None = None
    dlr_id: str = "id"
    dlr_status: str = "status"
    dlr_words: dict[str, Literal["sent", "delivered", "failed"]] = {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        told = repr(self.body)
        if "{to}" not in told or "{text}" not in told:
            raise ValueError("body has no {to} or no {text}")
        if self.success_regex is not None:
            try:
                re.compile(self.success_regex)
            except re.error as error:
                raise ValueError(f"success_regex is none: {error}") from None
        return self


class ZenzivaSettings(_Sms):
    userkey: Secret
    passkey: Secret
    url: Address = "https://console.zenziva.net/reguler/api/sendsms"


class MessengerSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    order: Annotated[
        tuple[Literal["whatsapp", "sms", "email"], ...], NoDecode, BeforeValidator(listed), Field(min_length=1)
    ] = ("whatsapp", "sms", "email")  # the first channel that a subscriber has is used
    patience_minutes: Annotated[int, Field(ge=0, le=1440)] = 30  # for a driver that does not work
    recipient_a_day: Annotated[Annotated[int, Field(ge=1, le=1000)] | None, BeforeValidator(or_off)] = 20
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90  # what people wrote to us
    # messages to the staff about what is wrong: how long it has lasted, how long it is away before it counts as over
    alert_after_minutes: Annotated[Annotated[int, Field(ge=0, le=1440)] | None, BeforeValidator(or_off)] = 2
    alert_calm_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    alert_apart_minutes: Annotated[int, Field(ge=0, le=1440)] = 10  # between two of them
    alert_roles: Annotated[tuple[Role, ...], NoDecode, BeforeValidator(listed)] = (Role.ADMIN, Role.TECHNICAL)
    invoice_pdf: bool = False  # goes with the message of a bill, by drivers that carry documents
    whatsapp_cloud: CloudSettings | None = None
    fonnte: FonnteSettings | None = None
    wablas: WablasSettings | None = None
    starsender: StarSenderSettings | None = None
    waha: WahaSettings | None = None
    gowa: GowaSettings | None = None
    evolution: EvolutionSettings | None = None
    telegram: TelegramSettings | None = None
    sms: SmsSettings | None = None
    zenziva: ZenzivaSettings | None = None
