"""What can be wrong with an application response, and how it is said."""

from dataclasses import dataclass

__all__ = ["Fault", "ResponseRefused"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a response.

    ``code`` is stable: RESPONSE-NOT-MLS, RESPONSE-NOT-MLR, RESPONSE-NOT-INVOICE-RESPONSE,
    RESPONSE-MISSING, RESPONSE-COUNT, RESPONSE-ADDRESS, RESPONSE-DATE, RESPONSE-TIME,
    RESPONSE-CODE, RESPONSE-CONTRADICTION or RESPONSE-TEXT. ``rule`` is the id of the official
    rule the check stands for, where there is one; ``path`` is where, in short XPath from the root.
    """

    code: str
    path: str
    message: str
    rule: str | None = None


class ResponseRefused(ValueError):
    """The response breaks the structure the network prescribes; ``faults`` says where and why."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults

    @property
    def code(self) -> str:
        """Stable code of the first fault."""
        return self.faults[0].code
