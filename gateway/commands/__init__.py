"""One module per family of commands that `gateway.cli` offers; each registers its own."""
