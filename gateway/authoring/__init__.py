"""Writing invoices at the console: drafts with live totals and checks, until they are sent."""
