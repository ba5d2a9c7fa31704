"""What several services are handed, as Protocols; one with a single user lives beside that service."""
