"""Why a command cannot begin, and the exit codes. Light: every command line needs this much."""

from typing import Final

__all__ = ["EXIT_FAILED", "EXIT_USAGE", "Unusable"]

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class Unusable(Exception):
    """Why a command cannot begin: a sentence for the operator, and the exit code."""

    def __init__(self, sentence: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
