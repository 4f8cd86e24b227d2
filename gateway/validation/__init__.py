"""Validation runs: the bridge between the rule engine's worker processes and the gateway."""
