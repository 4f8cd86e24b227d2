"""What the demonstration can be asked for, known without loading it."""

from typing import Final

__all__ = ["CUTS", "PATIENCE_S"]

PATIENCE_S: Final = 30

CUTS: Final = ("receipt", "mls", "response", "mail", "webhook", "bank-message")
"""What can be withheld to see the story fail at the right step."""
