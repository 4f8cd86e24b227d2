"""Who owes what: open items and their entries, bank messages, reconciliation, customers."""
