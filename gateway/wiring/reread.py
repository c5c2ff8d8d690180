"""Secrets exchanged while the gateway runs: what settings that are read again say, as far as it can be followed.

The rule of this file: a secret that cannot be right changes nothing, and what counts from the next start only is named.
"""

import logging
from dataclasses import dataclass
from typing import Final

from gateway.adapters.system import SystemEntropy
from gateway.settings import Settings, variable
from gateway.wiring.secrets import Secrets, gateway_secrets
from gateway.wiring.trouble import CannotStart

_LOG: Final = logging.getLogger("tollhouse.secrets")
_FOLLOWED: Final = frozenset({"pepper", "admin_key", "upstream_webhook_secret"})


@dataclass(frozen=True, slots=True)
class Reread:
    """`started` is what the gateway was started with, `secrets` what it uses."""

    started: Settings
    secrets: Secrets
    entropy: SystemEntropy

    def __call__(self, settings: Settings) -> None:
        """Use the secrets of these settings from now on."""
        try:
            self.secrets.take(gateway_secrets(settings, self.entropy))
        except CannotStart as error:
            _LOG.error("the secrets stay as they were: %s", error)
            return
        _LOG.info("the secrets were read again")
        for name in Settings.model_fields:
            if name not in _FOLLOWED and getattr(settings, name) != getattr(self.started, name):
                _LOG.warning("%s has changed: that counts from the next start on", variable(name))
