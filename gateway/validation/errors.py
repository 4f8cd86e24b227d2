"""What validation refuses, with its stable codes."""

from typing import Final

from gateway.core.errors import ErrorKind

__all__ = ["FILE_MISSING", "NOT_ACCEPTABLE", "RULESET_UNKNOWN", "TOO_MANY_FILES"]

RULESET_UNKNOWN: Final = ErrorKind(
    "VALIDATION-RULESET", "There is no such rule set to check by", 422
)
NOT_ACCEPTABLE: Final = ErrorKind("NOT-ACCEPTABLE", "Reports are not written like that", 406)
TOO_MANY_FILES: Final = ErrorKind("VALIDATION-FILES", "These are too many files at once", 422)
FILE_MISSING: Final = ErrorKind("VALIDATION-FILE-MISSING", "There is no file to check", 422)
