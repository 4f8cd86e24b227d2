"""How services are built from settings and from each other; the only place that picks adapters."""
