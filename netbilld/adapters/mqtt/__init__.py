"""MQTT: where the broker is, and the connection to it."""
