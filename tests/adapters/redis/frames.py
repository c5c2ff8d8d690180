"""Whole replies in what a store sends (RESP2)."""


def whole(stream: bytes) -> tuple[list[bytes], bytes]:
    """The replies that the stream begins with, each with all that is in it, and what is left."""
    frames, at = [], 0
    while (end := _end(stream, at)) is not None:
        frames.append(stream[at:end])
        at = end
    return frames, stream[at:]


def _end(stream: bytes, at: int) -> int | None:
    """Where the reply ends that begins here; None when more of it must come first."""
    line = stream.find(b"\r\n", at)
    if line < 0:
        return None
    after = line + 2
    if stream[at : at + 1] == b"$" and stream[at + 1 : line] != b"-1":
        after += int(stream[at + 1 : line]) + 2
        return after if after <= len(stream) else None
    if stream[at : at + 1] == b"*":
        for _ in range(int(stream[at + 1 : line])):
            end = _end(stream, after)
            if end is None:
                return None
            after = end
    return after
