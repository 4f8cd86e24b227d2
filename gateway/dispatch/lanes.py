"""The kinds of background work of dispatch and the lanes it queues in.

Documents share the lane of all e-mail: one mail server is asked by few at a time.
"""

from typing import Final

__all__ = ["BOUNCES", "DISCOVER", "MAIL_LANE", "SEND"]

SEND: Final = "dispatch.send"
BOUNCES: Final = "dispatch.bounces"
DISCOVER: Final = "dispatch.discover"

MAIL_LANE: Final = "mail"
