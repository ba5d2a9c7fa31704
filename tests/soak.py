"""How long the fuzzers of `make soak` run."""

from typing import Final

SECONDS: Final = 600
