"""Payment-initiation providers, one module each."""
