"""GoPay accounts that are linked at Midtrans (GoPay Tokenization): asked for, charged without a PIN, unlinked.

Charging without a PIN (`recurring`) is for merchants that Midtrans has allowed it; for others each charge waits for the
account's owner, and then nothing is taken. Only the balance is charged, never PayLater: nobody asked for a loan.
"""

from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.gateways.http_client import Reply
from netbilld.adapters.gateways.midtrans import Midtrans, path_of
from netbilld.ports.gateways import Charge, GatewayRefusedError
from netbilld.ports.mandates import Charged, Linking, LinkState, Taken

_STATES: Final = {"PENDING": LinkState.PENDING, "ENABLED": LinkState.ENABLED}
_PAID_BY: Final = ("GOPAY_WALLET", "GOPAY_SAVINGS")  # in this order; PAY_LATER is a loan
_TAKEN: Final = frozenset(("settlement", "capture"))
_HOME: Final = "+62"


class MidtransGopay:
    """The other end of the port MandateGateway."""

    name: Final = "midtrans"
    kind: Final = "gopay"

    def __init__(self, midtrans: Midtrans) -> None:
        self._midtrans = midtrans

    async def link(self, phone: str, return_url: str) -> Linking:
        """Begin to link the account of a number; GoPay is of Indonesian ones."""
        if not phone.startswith(_HOME):
            raise GatewayRefusedError("GoPay is of Indonesian numbers alone", code="phone_invalid")
        asked = {
            "payment_type": "gopay",
            "gopay_partner": {
                "phone_number": phone.removeprefix(_HOME),
                "country_code": _HOME[1:],
                "redirect_url": return_url,
            },
        }
        reply = await self._midtrans.ask("POST", "/v2/pay/account", asked)
        token, url = reply.text("account_id"), _links(reply).get("activation-link-url", "")
        if reply.text("status_code") not in {"200", "201"} or not token or not url.startswith(("https://", "http://")):
            raise _refused(reply, "does not link the account")
        return Linking(token, url)

    async def state(self, token: str) -> LinkState:
        """Return whether the account may be charged."""
        reply = await self._account(token)
        word = reply.text("account_status").upper()
        if word:
            return _STATES.get(word, LinkState.OVER)
        if reply.status == 404 or reply.text("status_code") == "404":
            return LinkState.OVER
        raise _refused(reply, "does not say how the account is")

    async def charge(self, charge: Charge, token: str) -> Charged:
        """Take the money out of the account's balance."""
        asked = {
            **self._midtrans.common_of(charge),
            "payment_type": "gopay",
            "gopay": {
                "account_id": token,
                "payment_option_token": await self._option(token, charge.amount_minor),
                "recurring": True,
            },
        }
        reply = await self._midtrans.charge(charge, asked)
        if reply.text("status_code") not in {"200", "201"}:
            raise _refused(reply, "does not charge the account")
        taken = Taken.TAKEN if reply.text("transaction_status").lower() in _TAKEN else Taken.NEEDS_OWNER
        return Charged(taken, reply.text("transaction_id"))

    async def unlink(self, token: str) -> None:
        """End it."""
        reply = await self._midtrans.ask("POST", f"/v2/pay/account/{path_of(token)}/unbind", {})
        if reply.text("account_status").upper() == "DISABLED" or await self.state(token) is LinkState.OVER:
            return
        raise _refused(reply, "does not unlink the account")

    async def _account(self, token: str) -> Reply:
        return await self._midtrans.ask("GET", f"/v2/pay/account/{path_of(token)}")

    async def _option(self, token: str, amount_minor: int) -> str:
        """Return the token of what is charged, which is asked for anew each time as it changes."""
        reply = await self._account(token)
        metadata = reply.body.get("metadata") if isinstance(reply.body, dict) else None
        listed = metadata.get("payment_options") if isinstance(metadata, dict) else None
        options = {str(one.get("name")): one for one in listed or () if isinstance(one, dict) and one.get("active")}
        for name in _PAID_BY:
            if (option := options.get(name)) is not None and option.get("token"):
                return str(option["token"])
        raise GatewayRefusedError(f"the GoPay account has no balance that could pay {amount_minor}")


def _links(reply: Reply) -> Mapping[str, str]:
    listed: Any = reply.body.get("actions") if isinstance(reply.body, dict) else None
    actions = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(one.get("name", "")): str(one.get("url", "")) for one in actions}


def _refused(reply: Reply, what: str) -> GatewayRefusedError:
    said = " ".join(filter(None, (reply.text("status_code"), reply.text("channel_response_message", "status_message"))))
    return GatewayRefusedError(f"midtrans {what}: {said or reply.status}"[:300])
