"""The provider's account book: what every job was charged and what came back, in whole micro-cents.

This is the other side's ledger. Tests hold the gateway's figures against it.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """One job's money, in micro-cents."""

    charged: int
    refunded: int = 0


@dataclass(slots=True)
class AccountBook:
    """`balance` is what was prepaid, in micro-cents; None: no end to it."""

    balance: int | None = None
    charged: int = 0
    refunded: int = 0
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        return self.charged - self.refunded

    def affords(self, amount: int) -> bool:
        return self.balance is None or self.spent + amount <= self.balance

    def charge(self, job_id: str, amount: int) -> None:
        """Charge a job, once. Raises ValueError for a second time or a negative amount."""
        if job_id in self.lines or amount < 0:
            raise ValueError(f"{job_id} cannot be charged {amount}")
        self.lines[job_id] = Line(amount)
        self.charged += amount

    def refund(self, job_id: str) -> int:
        """Return all that the job was charged; a second time returns nothing. Raises KeyError for an unknown job."""
        line = self.lines[job_id]
        amount = line.charged - line.refunded
        line.refunded += amount
        self.refunded += amount
        return amount
