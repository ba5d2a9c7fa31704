"""Processes that answer authentication beside the daemon; it stays the one owner of limits, pools and accounting."""
