"""SNMP: the client, the objects that are read, and what a device says of itself."""
