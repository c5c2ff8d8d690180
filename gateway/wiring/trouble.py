"""Why a gateway does not start, or a store is not initialised."""


class CannotStart(Exception):
    """What was asked cannot be begun; the text says why in a sentence."""
