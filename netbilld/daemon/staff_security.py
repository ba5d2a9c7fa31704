"""How the staff prove who they are, put together by the settings."""

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.passkeys import WebauthnAuthenticators
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.settings import Settings
from netbilld.panel.parts import PasskeyParts, SecurityParts
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.passkeys import Passkeys
from netbilld.services.second_factor import SecondFactor


def security_parts(settings: Settings, database: Database, box: SecretBox) -> SecurityParts:
    """Return second factors, passkeys, identity numbers and what log-ins go by."""
    return SecurityParts(
        second_factor=SecondFactor(database, box, entropy, settings.business_name, settings.panel.totp_roles),
        identities=ManageBuyers(database, box),
        one_login=settings.panel.single_login,
        passkeys=PasskeyParts(
            Passkeys(database, WebauthnAuthenticators(), entropy, settings.panel.totp_roles), settings.panel.public_url
        ),
    )
