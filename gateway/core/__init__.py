"""The platform every domain stands on: settings, errors, clocks, database, blobs, jobs.

Knows no domain: nothing here may mention an invoice, a participant or a payment.
"""
