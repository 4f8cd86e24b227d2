"""Is it right: recognition of documents, rule sets, engines, findings and reports.

Pure apart from reading rule artefacts; only the engine modules know Saxon.
"""
