"""Uploads: an address to PUT a file to, and its state. The bytes are taken and dropped."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# "Within 15 minutes", "deleted 60 minutes after creation": the presign page.
ADDRESS_LIFE: Final = timedelta(minutes=15)
FILE_LIFE: Final = timedelta(minutes=60)

MEGABYTE: Final = 1_048_576
MAX_SIZE: Final = {"image": 10 * MEGABYTE, "video": 100 * MEGABYTE, "audio": 50 * MEGABYTE}
CONTENT_TYPES: Final = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "video/mp4",
        "video/webm",
        "audio/mpeg",
        "audio/wav",
    }
)


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    filename: str
    content_type: str
    file_url: str
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.created_at + FILE_LIFE

    @property
    def max_size(self) -> int:
        """Bytes."""
        return MAX_SIZE[self.content_type.partition("/")[0]]

    def status(self, now: datetime) -> str:
        """`pending` is the documents' word for available."""
        return "pending" if now < self.expires_at else "expired"
