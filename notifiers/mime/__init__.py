"""MIME: a rendered mail as bytes: its headers, addresses and files (RFC 5322, RFC 2045-2047)."""
