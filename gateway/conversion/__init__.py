"""Invoices from one format into another, and from data into a document: the use cases and doors."""
