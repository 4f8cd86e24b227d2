"""Why validation could not take place, as typed errors with stable codes."""

__all__ = [
    "ArtefactRefused",
    "EngineFailed",
    "ManifestInvalid",
    "RulesRefused",
    "StoreFailed",
    "UnknownRuleset",
]


class ArtefactRefused(Exception):
    """A rule artefact is missing or is not the file the manifest names (RULES-ARTEFACT)."""

    code = "RULES-ARTEFACT"


class ManifestInvalid(ValueError):
    """The rule-set manifest cannot be used as written (RULES-MANIFEST)."""

    code = "RULES-MANIFEST"


class RulesRefused(ValueError):
    """A rule file offered for import cannot be used as rules (RULES-IMPORT)."""

    code = "RULES-IMPORT"


class StoreFailed(Exception):
    """The folder of rule files cannot be read or takes no more (RULES-STORE)."""

    code = "RULES-STORE"


class UnknownRuleset(LookupError):
    """Rules were asked for by an id that the manifest does not know (RULES-UNKNOWN)."""

    code = "RULES-UNKNOWN"


class EngineFailed(Exception):
    """A rule engine stopped before its end, or gave no result (ENGINE-FAILED).

    Nothing may be concluded about the document, least of all that it is valid.
    """

    code = "ENGINE-FAILED"
