"""From settings to who delivers messages, and to who understands what messengers tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.messengers.evolution import Evolution, EvolutionHook
from netbilld.adapters.messengers.fonnte import Fonnte, FonnteHook
from netbilld.adapters.messengers.gowa import Gowa, GowaHook, basic_proof
from netbilld.adapters.messengers.media import CloudMedia, Outside, OwnHouse, Pictures, Source
from netbilld.adapters.messengers.sms_http import SmsHook, SmsOverHttp, SmsService, zenziva
from netbilld.adapters.messengers.telegram import Telegram, TelegramHook
from netbilld.adapters.messengers.wablas import StarSender, StarSenderHook, Wablas, WablasHook
from netbilld.adapters.messengers.waha import Waha, WahaHook
from netbilld.adapters.messengers.whatsapp_cloud import CloudAccount, CloudHook, WhatsAppCloud
from netbilld.adapters.smtp.driver import MailServer, SmtpDriver
from netbilld.adapters.smtp.letter import Sender
from netbilld.daemon.messenger_settings import MessengerSettings, SmsSettings, ZenzivaSettings
from netbilld.daemon.settings import Settings
from netbilld.ports.messages import Driver
from netbilld.ports.messenger_hooks import Hook
from netbilld.services.route_messages import Pace, Way
from netbilld.services.take_messenger_news import HookDesk

EMAIL = "email"
CARRIERS = frozenset(("whatsapp_cloud", "waha", "gowa", "evolution", "fonnte"))  # of documents; others have a link


@dataclass(frozen=True, slots=True)
class HookOf:
    """Who understands a driver's webhooks, and the secret in their path."""

    hook: Hook
    secret: str = field(repr=False)


def ways_of(settings: Settings, clock: SystemClock) -> tuple[Way, ...]:
    """Return who delivers messages, by what is set up; of one channel the official one first."""
    ways = [_way(settings.messengers, name, driver) for name, driver in _drivers(settings.messengers)]
    smtp = settings.smtp
    if smtp.host is not None and smtp.sender is not None:
        server = MailServer(smtp.host, smtp.port, smtp.security, smtp.user, smtp.password, smtp.timeout_seconds)
        mail = SmtpDriver(server, Sender(smtp.sender, settings.business_name, smtp.reply_to), clock.now)
        ways.append(Way(EMAIL, mail, Pace(60 / settings.messages.per_minute), carries_documents=True))
    return tuple(ways)


def _drivers(wanted: MessengerSettings) -> list[tuple[str, Driver]]:
    found: list[tuple[str, Driver]] = []
    if (one := wanted.whatsapp_cloud) is not None:
        account = CloudAccount(one.phone_number_id, one.token.get_secret_value(), one.url, one.version)
        found.append(("whatsapp_cloud", WhatsAppCloud(account, one.timeout_seconds)))
    if (waha := wanted.waha) is not None:
        key = waha.api_key.get_secret_value()
        found.append(("waha", Waha(waha.url, key, waha.session, waha.timeout_seconds)))
    if (gowa := wanted.gowa) is not None:
        password = gowa.password.get_secret_value()
        found.append(("gowa", Gowa(gowa.url, gowa.user, password, gowa.device, gowa.timeout_seconds)))
    if (evolution := wanted.evolution) is not None:
        key = evolution.api_key.get_secret_value()
        found.append(("evolution", Evolution(evolution.url, key, evolution.instance, evolution.timeout_seconds)))
    if (fonnte := wanted.fonnte) is not None:
        found.append(("fonnte", Fonnte(fonnte.token.get_secret_value(), fonnte.url, fonnte.timeout_seconds)))
    if (wablas := wanted.wablas) is not None:
        secret_key = wablas.secret_key.get_secret_value() if wablas.secret_key is not None else None
        token = wablas.token.get_secret_value()
        found.append(("wablas", Wablas(wablas.url, token, secret_key, wablas.timeout_seconds)))
    if (star := wanted.starsender) is not None:
        found.append(("starsender", StarSender(star.key.get_secret_value(), star.url, star.timeout_seconds)))
    if (zen := wanted.zenziva) is not None:
        found.append(("zenziva", SmsOverHttp(_zenziva(zen), zen.timeout_seconds)))
    if (sms := wanted.sms) is not None:
        found.append(("sms", SmsOverHttp(_service(sms), sms.timeout_seconds)))
    if (telegram := wanted.telegram) is not None:
        token = telegram.token.get_secret_value()
        found.append(("telegram", Telegram(token, telegram.url, telegram.timeout_seconds)))
    return found


def _way(wanted: MessengerSettings, name: str, driver: Driver) -> Way:
    one = getattr(wanted, name)
    pace = Pace(one.gap_seconds, one.longest_gap_seconds, one.recipient_seconds, wanted.recipient_a_day)
    is_cloud = name == "whatsapp_cloud"
    return Way(name, driver, pace, one.cost, asks_approval=is_cloud, carries_documents=name in CARRIERS)


def _service(sms: SmsSettings) -> SmsService:
    headers = {name: value.get_secret_value() for name, value in sms.headers.items()}
    return SmsService(
        url=sms.url,
        body=sms.body,
        method=sms.method,
        headers=headers,
        body_type=sms.body_type,
        to_format=sms.to_format,
        success_path=sms.success_path,
        success_value=sms.success_value,
        success_regex=re.compile(sms.success_regex) if sms.success_regex is not None else None,
        id_path=sms.id_path,
        secrets=tuple(headers.values()),
        dlr_id=sms.dlr_id,
        dlr_status=sms.dlr_status,
        dlr_words=sms.dlr_words,
    )


def _zenziva(zen: ZenzivaSettings) -> SmsService:
    return zenziva(zen.userkey.get_secret_value(), zen.passkey.get_secret_value(), f"{zen.url}/")


def hooks_of(settings: Settings) -> Mapping[str, HookOf]:
    """Return who understands which driver's webhooks; of what has no secret for their path nobody does."""
    wanted = settings.messengers
    found: dict[str, Hook] = {}
    if (cloud := wanted.whatsapp_cloud) is not None and cloud.app_secret is not None and cloud.verify_token is not None:
        found["whatsapp_cloud"] = CloudHook(cloud.app_secret.get_secret_value(), cloud.verify_token.get_secret_value())
    if (waha := wanted.waha) is not None:
        found["waha"] = WahaHook(waha.hmac_key.get_secret_value() if waha.hmac_key is not None else None)
    if (gowa := wanted.gowa) is not None and gowa.signing_secret is not None:
        found["gowa"] = GowaHook(gowa.signing_secret.get_secret_value())
    if (evolution := wanted.evolution) is not None:
        found["evolution"] = EvolutionHook(evolution.jwt_key.get_secret_value() if evolution.jwt_key else None)
    if wanted.fonnte is not None:
        found["fonnte"] = FonnteHook()
    if wanted.wablas is not None:
        found["wablas"] = WablasHook()
    if wanted.starsender is not None:
        found["starsender"] = StarSenderHook()
    if (zen := wanted.zenziva) is not None:
        found["zenziva"] = SmsHook(_zenziva(zen))
    if (sms := wanted.sms) is not None:
        found["sms"] = SmsHook(_service(sms))
    if (telegram := wanted.telegram) is not None and telegram.secret_token is not None:
        found["telegram"] = TelegramHook(telegram.secret_token.get_secret_value())
    hooks = {}
    for name, hook in found.items():
        secret = getattr(wanted, name).hook_secret
        if secret is not None:
            hooks[name] = HookOf(hook, secret.get_secret_value())
    return hooks


def pictures_of(settings: Settings) -> Pictures:
    """Return what fetches the pictures that people send."""
    wanted = settings.messengers
    sources: dict[str, Source] = {}
    if (cloud := wanted.whatsapp_cloud) is not None:
        sources["whatsapp_cloud"] = CloudMedia(cloud.token.get_secret_value(), cloud.url, cloud.version)
    if (waha := wanted.waha) is not None:
        sources["waha"] = OwnHouse(waha.url, {"X-Api-Key": waha.api_key.get_secret_value()})
    if (gowa := wanted.gowa) is not None:
        sources["gowa"] = OwnHouse(gowa.url, basic_proof(gowa.user, gowa.password.get_secret_value()))
    if wanted.fonnte is not None:
        sources["fonnte"] = Outside()
    if wanted.wablas is not None:
        sources["wablas"] = Outside()
    return Pictures(sources, settings.complaints.photo_megabytes * 1024 * 1024)


def hook_desk(settings: Settings, database: Database) -> HookDesk:
    """Return what takes the calls of messengers."""
    return HookDesk(database, hooks_of(settings))
