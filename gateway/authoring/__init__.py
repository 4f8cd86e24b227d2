"""Writing invoices at the console: drafts, what they add up to, what is wrong, sending them."""
