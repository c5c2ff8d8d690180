"""Words of a command as they are sent, so that those which many calls share are written once."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, cast

from hiredis import pack_command

Argument: TypeAlias = str | bytes | int

# Its stub takes tuples of one word only.
_packed: Final = cast(Callable[[tuple[Argument, ...]], bytes], pack_command)


class Words(NamedTuple):
    """How many words, and their bytes in the store's protocol."""

    number: int
    data: bytes


def pack(*words: Argument) -> Words:
    """Raises UnicodeEncodeError for text that has no bytes."""
    packed = _packed(words)
    return Words(len(words), packed[packed.index(b"\n") + 1 :])


def command(*parts: Words) -> bytes:
    """One command of all these words."""
    return b"*%d\r\n%b" % (sum(part.number for part in parts), b"".join([part.data for part in parts]))
