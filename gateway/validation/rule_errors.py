"""What can go wrong with rule files, as kinds of error with stable codes."""

from typing import Final

from gateway.core.errors import ErrorKind, Retry

__all__ = [
    "ARCHIVE_REFUSED",
    "HASH_DIFFERS",
    "ID_TAKEN",
    "IMPORT_REFUSED",
    "MANIFEST_REFUSED",
    "NOT_IMPORTED",
    "NOT_OPERATOR",
    "RULES_UNKNOWN",
    "SOURCE_UNREACHABLE",
    "STILL_NEEDED",
    "STORE_FAILED",
]

SOURCE_UNREACHABLE: Final = ErrorKind(
    "RULES-SOURCE", "A rule file cannot be fetched", 502, Retry.BACKOFF
)
ARCHIVE_REFUSED: Final = ErrorKind("RULES-ARCHIVE", "An archive of rule files is refused", 422)
HASH_DIFFERS: Final = ErrorKind("RULES-HASH", "A rule file is not the one expected", 422)
IMPORT_REFUSED: Final = ErrorKind("RULES-IMPORT", "These rules cannot be imported", 422)
MANIFEST_REFUSED: Final = ErrorKind("RULES-MANIFEST", "A rule-set manifest cannot be used", 422)
ID_TAKEN: Final = ErrorKind("RULES-ID-TAKEN", "Another rule set has this id", 409)
NOT_OPERATOR: Final = ErrorKind("RULES-OPERATOR", "Only the service provider changes rules", 403)
RULES_UNKNOWN: Final = ErrorKind("RULES-UNKNOWN", "There is no rule set with this id", 404)
NOT_IMPORTED: Final = ErrorKind("RULES-NOT-IMPORTED", "Only imported rules can be withdrawn", 409)
STILL_NEEDED: Final = ErrorKind("RULES-NEEDED", "Other rule sets build on this one", 409)
STORE_FAILED: Final = ErrorKind("RULES-STORE", "The rule store takes no more", 507, Retry.BACKOFF)
