"""Pages for staff and subscribers: put together, and served here or by a process of their own."""
