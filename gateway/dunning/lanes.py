"""The kinds of background work of dunning and the lanes it queues in.

Only e-mail has a lane: a mail server that is down must hold up neither planning nor Peppol, and is
asked by few at a time.
"""

from typing import Final

__all__ = ["MAIL", "MAIL_LANE", "RUN", "SEND", "THANK"]

RUN: Final = "dunning.run"
SEND: Final = "dunning.send"
MAIL: Final = "dunning.mail"
THANK: Final = "dunning.thank"

MAIL_LANE: Final = "mail"
