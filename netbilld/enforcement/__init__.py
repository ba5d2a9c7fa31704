"""What service is due, without I/O: entitlement, profiles, differences, retries."""
