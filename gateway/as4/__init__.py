"""AS4 on the wire: SBDH, ebMS, WS-Security, MIME, gzip and receipts.

Plain functions over bytes and spooled parts. Never opens a socket, reads a clock or draws
randomness on its own: time, identifiers and keys are handed in.
"""
