"""The story of ``gateway demo``: two ordinary gateways and an SMP exchange real messages."""
