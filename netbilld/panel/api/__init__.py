"""The JSON API under /api/v1: for programs, with tokens; what it says of itself is made from what it does."""
