"""Words: what a mail says, in its language, before it is laid out as text and HTML."""
