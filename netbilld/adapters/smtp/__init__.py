"""E-mail, handed to a mail server of the provider's (RFC 5321 over TLS, RFC 8314)."""
