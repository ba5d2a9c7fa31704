"""Messengers: WhatsApp by its own interface or by a gateway, SMS over HTTP, Telegram."""
