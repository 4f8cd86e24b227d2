"""Invoices for people: the same view set as a page of HTML or as sheets of PDF."""
