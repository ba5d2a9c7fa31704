"""Pages for the staff, one file a subject."""
