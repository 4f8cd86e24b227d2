"""How this instance finds a participant's SMP: by DNS, or from a file."""
