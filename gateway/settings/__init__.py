"""Settings: defaults, then one TOML file, then the environment. Frozen, checked as a whole, secrets redacted.

Every setting is a field of `Settings`; its variable is `TOLLHOUSE_` and the field's name in capitals (the upstream key
keeps the provider's name, `PIXELBYTE_API_KEY`), its key in the file the field's name. Secrets and URLs may instead be
the content of the file that `<VARIABLE>_FILE` names.
"""

from gateway.settings.forms import Address
from gateway.settings.model import PROVIDER_URL, Settings, variable
from gateway.settings.sources import Origin, SettingsError, Source, load_settings, load_with_origins

__all__ = [
    "PROVIDER_URL",
    "Address",
    "Origin",
    "Settings",
    "SettingsError",
    "Source",
    "load_settings",
    "load_with_origins",
    "variable",
]
