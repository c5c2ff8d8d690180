"""Why a gateway does not start."""


class CannotStart(Exception):
    """The gateway cannot start; the text says why in a sentence."""
