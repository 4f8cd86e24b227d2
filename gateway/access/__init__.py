"""Who may do what: tenants, users, roles, sign-in, API keys and the audit log."""
