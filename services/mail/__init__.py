"""Mail: what becomes of it, from the outbox through a mail server to what comes back of it."""
