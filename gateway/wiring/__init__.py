"""The composition root: settings in, a running gateway out. The only place that knows every part."""

from gateway.wiring.examine import examine
from gateway.wiring.gateway import Gateway, open_gateway
from gateway.wiring.recordings import open_recordings
from gateway.wiring.store import packaged_policies
from gateway.wiring.store_init import Initialised, init_store
from gateway.wiring.trouble import CannotStart

__all__ = [
    "CannotStart",
    "Gateway",
    "Initialised",
    "examine",
    "init_store",
    "open_gateway",
    "open_recordings",
    "packaged_policies",
]
