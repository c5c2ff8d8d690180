"""The spool and the journal: what a process writes down so that no accepted job depends on its life.

One directory, files of lines. A hold is written down before its first byte leaves, an acceptance before the client
is answered. The store is the truth; these files are read when a process starts, and when the store lost history.
"""

from gateway.adapters.spool.directory import DirectorySpool
from gateway.adapters.spool.opening import SpoolInUse, open_spool
from gateway.adapters.spool.retention import Bounds

__all__ = ["Bounds", "DirectorySpool", "SpoolInUse", "open_spool"]
