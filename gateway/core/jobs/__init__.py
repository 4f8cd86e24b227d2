"""Durable background work: jobs in the same database and transactions as the rows they serve.

A job says which handler runs (`kind`) on which rows (`payload`, identifiers only) and not before
when. Knows no domain; handlers are registered by the packages that own the work.
"""
