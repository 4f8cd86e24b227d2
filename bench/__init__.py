"""Benchmarks of the product: what one process does per second, and where its time goes.

Run by ``python -m bench`` from the root of a source checkout. Part of no installation; measures
the product from outside and changes nothing in it.
"""
