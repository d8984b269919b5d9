"""What can be done: one function per use case, each owning its transaction."""
