"""The service provider's desk: traffic, queues, failures, alarms, and doing something about them.

Sees all accounts at once and therefore serves the operator's account only. Reads what the packages
below recorded and calls their services; keeps nothing of its own.
"""
