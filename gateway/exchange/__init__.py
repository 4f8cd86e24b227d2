"""Documents out and in: submission, delivery, receipts, MLS, Invoice Responses and evidence."""
