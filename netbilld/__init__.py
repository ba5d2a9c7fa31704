"""netbilld: AAA and billing daemon for internet providers."""

__version__ = "0.1.0"
