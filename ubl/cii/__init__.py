"""The UN/CEFACT CII binding of the invoice (EN 16931-3-3): reading and writing it."""
