"""Words of a command as they are sent, so that those which many calls share are written once."""

from typing import NamedTuple, TypeAlias

from hiredis import pack_command

Argument: TypeAlias = str | bytes | int


class Words(NamedTuple):
    """How many words, and their bytes in the store's protocol."""

    number: int
    data: bytes


def pack(*words: Argument) -> Words:
    """Raises UnicodeEncodeError for text that has no bytes."""
    packed = pack_command(words)  # type: ignore[arg-type]  # its stub takes one word
    return Words(len(words), packed[packed.index(b"\n") + 1 :])


def command(*parts: Words) -> bytes:
    """One command of all these words."""
    return b"*%d\r\n%b" % (sum(part.number for part in parts), b"".join([part.data for part in parts]))
