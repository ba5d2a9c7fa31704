"""Sockets, database and NAS: one technology a module; driver errors are translated here."""
