"""What an error from the store proves: that nothing ran, that it does not know the script, or nothing at all.

The store checks these things before it runs a command or a script. A script that meets one of them half-way has run
until there: then the store adds where in the script it was, and the error proves nothing.
"""

from typing import Final

from redis.exceptions import NoScriptError

from gateway.ports import StoreRefused, StoreUnavailable

_CHECKED_FIRST: Final = frozenset(
    ("OOM", "READONLY", "LOADING", "MASTERDOWN", "NOPERM", "NOAUTH", "MISCONF", "CLUSTERDOWN", "MOVED")
)
_HALF_WAY: Final = "@user_script"
# An unknown command is quoted with its arguments, and a password is one.
_QUOTED: Final = ", with args"


def failure(error: str) -> Exception:
    """What to raise for an error reply: StoreRefused, NoScriptError, or StoreUnavailable."""
    text = error.partition(_QUOTED)[0]
    code = text.partition(" ")[0]
    if code == "NOSCRIPT":
        return NoScriptError(text)
    if code in _CHECKED_FIRST and _HALF_WAY not in text:
        return StoreRefused(text)
    return StoreUnavailable(text)
