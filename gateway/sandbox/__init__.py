"""A stand-in for the paid upstream: the documented job API with its own account book, and faults on demand.

It obeys the provider's documents and shares no code with the gateway, so that its account book is a second opinion on
every price. Jobs live in memory and end with the process.
"""

from gateway.sandbox.app import OpenSandbox, create_sandbox, open_sandbox
from gateway.sandbox.faults import Faults
from gateway.sandbox.randomness import Drawn
from gateway.sandbox.world import SandboxConfig

__all__ = ["Drawn", "Faults", "OpenSandbox", "SandboxConfig", "create_sandbox", "open_sandbox"]
