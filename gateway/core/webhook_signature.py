"""How webhooks are signed: by the provider for us, and by us for our clients, in one scheme.

The rule of this file: what is signed are the bytes as they were sent, with the second at which they were; whoever
reads them verifies first. HMAC-SHA-256 over `<Unix seconds>.<raw body>`, in two headers, as the provider documents it.
"""

import hmac
import re
from datetime import datetime, timedelta
from typing import Final

TIMESTAMP: Final = "X-PixelByte-Timestamp"
SIGNATURE: Final = "X-PixelByte-Signature"
# The provider's samples refuse what is older. What comes from the future is as suspicious.
TOLERANCE: Final = timedelta(seconds=300)

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def signed(body: bytes, at: datetime, secret: str) -> dict[str, str]:
    """The two headers for a body that is sent at this instant."""
    seconds = str(int(at.timestamp()))
    return {TIMESTAMP: seconds, SIGNATURE: _signature(body, seconds, secret)}


def verified(body: bytes, timestamp: str, signature: str, secret: str, now: datetime) -> bool:
    """Whether whoever has the secret signed exactly these bytes, not long ago. Takes any text; never raises."""
    expected = _signature(body, timestamp, secret).encode()
    genuine = hmac.compare_digest(expected, signature.encode("utf-8", "surrogateescape"))
    return genuine and _SECONDS.fullmatch(timestamp) is not None and _is_fresh(int(timestamp), now)


def _is_fresh(seconds: int, now: datetime) -> bool:
    return abs(seconds - now.timestamp()) <= TOLERANCE.total_seconds()


def _signature(body: bytes, timestamp: str, secret: str) -> str:
    message = timestamp.encode("utf-8", "surrogateescape") + b"." + body
    return "sha256=" + hmac.digest(secret.encode(), message, "sha256").hex()
