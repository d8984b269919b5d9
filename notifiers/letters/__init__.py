"""Letters: the draft of an official letter (*công văn*) that goes with a mail, for signing.

`letter_of` gives it, `enclosed` what the mail says of it.
"""

from notifiers.letters.drafting import enclosed, letter_of

__all__ = ["enclosed", "letter_of"]
