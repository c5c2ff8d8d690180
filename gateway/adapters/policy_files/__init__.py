"""Policy files, `organization.toml`, `teams/<team>.toml` and `prices/<version>.toml`, as the rules to decide by.

`load` is pure but for the time zone data; `read_directory` reads the files.
"""

from gateway.adapters.policy_files.directory import Directory, read_directory
from gateway.adapters.policy_files.load import load

__all__ = ["Directory", "load", "read_directory"]
