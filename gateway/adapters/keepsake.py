"""A gateway's memory on disk: a small file, replaced whole, so that a start knows what the process before it knew.

It is what tells a store that was emptied or restored while nobody ran from one that is as it was left.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from gateway.core.history import Kept

_KEPT: Final = TypeAdapter(Kept)


class KeepsakeUnreadable(Exception):
    """The file is there and says nothing that can be understood."""


class KeepsakeFile:
    """Implements `fence.Keepsake`. Several writes at once end as one of them, in no particular order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()

    def read(self) -> Kept | None:
        """Raises KeepsakeUnreadable."""
        try:
            return _KEPT.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise KeepsakeUnreadable(f"{self._path} cannot be read: {type(error).__name__}") from None

    async def write(self, kept: Kept) -> None:
        """Raises OSError."""
        async with self._writing:
            await asyncio.to_thread(_replace, self._path, _KEPT.dump_json(kept))


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
