"""Policy files, `organization.toml`, `teams/<team>.toml` and `prices/<version>.toml`, as the rules to decide by.

`load` is pure but for the time zone data; `read_directory` reads the files.
"""

from gateway.adapters.policy_files.directory import Directory, read_directory
from gateway.adapters.policy_files.load import Memory, load

__all__ = ["Directory", "Memory", "load", "read_directory"]
