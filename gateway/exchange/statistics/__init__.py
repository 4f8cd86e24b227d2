"""Statistics for the network: what was exchanged, counted and reported month by month."""
