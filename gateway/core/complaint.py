"""A complaint is one mistake in one file, worded so that its author can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """`file` is the path below the policies directory, `key` the TOML key (`limit[1].ceiling`; empty: the file)."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}"
