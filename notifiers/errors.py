"""Errors: why a mail cannot be built.

MessageError
├── BadHeader    a header's value holds a line break or another control character
└── BadAddress   there is no address, or not one that plain SMTP can carry
"""

from __future__ import annotations


class MessageError(ValueError):
    """The mail cannot be built as it is."""


class BadHeader(MessageError):
    """A header's value holds a line break or another control character."""


class BadAddress(MessageError):
    """There is no address, or not one that plain SMTP can carry."""
