"""The secrets of a gateway: those it was given, or those of its data directory, made at the first start."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters.secret_files import SecretFileError, WatchedSecret, kept_secret, sendable
from gateway.adapters.system import SystemEntropy
from gateway.core.current import Current
from gateway.core.key_secret import ENTROPY_BYTES, Kind, Peppers, kind_of, mint, parse_peppers
from gateway.service.hooks import HookSecrets
from gateway.settings import Settings
from gateway.wiring.trouble import CannotStart

_PURPOSE: Final = b"tollhouse: the webhooks of the built-in sandbox"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What digests virtual keys, what opens the control plane, and by what webhooks are known."""

    peppers: Current[Peppers]
    admin_key: Current[str]
    hooks: Current[HookSecrets]

    def take(self, others: "Secrets") -> None:
        """From now on these are the ones."""
        self.peppers.value = others.peppers.value
        self.admin_key.value = others.admin_key.value
        self.hooks.value = others.hooks.value


def gateway_secrets(settings: Settings, entropy: SystemEntropy) -> Secrets:
    """Raises CannotStart, naming the setting or file at fault and never its content."""
    try:
        given, home = settings, settings.data_dir
        pepper = given.pepper.get_secret_value() if given.pepper else _kept_pepper(home / "pepper", entropy)
        admin = given.admin_key.get_secret_value() if given.admin_key else _kept_admin_key(home / "admin.key", entropy)
        peppers = parse_peppers(pepper)
    except SecretFileError as error:
        raise CannotStart(str(error)) from None
    except ValueError as error:
        raise CannotStart(f"TOLLHOUSE_PEPPER: {error}") from None
    if kind_of(admin) is not Kind.ADMIN:
        raise CannotStart("TOLLHOUSE_ADMIN_KEY: an admin key is toll_admin_ and 36 characters with a sound checksum")
    return Secrets(Current(peppers), Current(admin), Current(_hook_secrets(settings, peppers)))


def _hook_secrets(settings: Settings, peppers: Peppers) -> HookSecrets:
    """What a sandbox signs with is known at every gateway of the store, because its calls may come to any: also to one
    that was given another pepper since."""
    derived = tuple(hmac.digest(pepper, _PURPOSE, "sha256").hex() for pepper in peppers.newest_first)
    if settings.upstream_webhook_secret is None:
        return HookSecrets(live=derived, test=derived)
    given = (settings.upstream_webhook_secret.get_secret_value(),)
    return HookSecrets(live=given, test=given if settings.sandboxed else derived)


def make_secrets(directory: Path, entropy: SystemEntropy) -> tuple[Path, Path]:
    """The files of a pepper and an admin key, made where there are none yet: what several gateways of one store share.

    Raises SecretFileError and OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    pepper, admin_key = directory / "pepper", directory / "admin-key"
    _kept_pepper(pepper, entropy)
    _kept_admin_key(admin_key, entropy)
    return pepper, admin_key


def _kept_pepper(path: Path, entropy: SystemEntropy) -> str:
    return kept_secret(path, lambda: f"1:{entropy.token(32).hex()}")


def _kept_admin_key(path: Path, entropy: SystemEntropy) -> str:
    return kept_secret(path, lambda: mint(Kind.ADMIN, entropy.token(ENTROPY_BYTES)))


def upstream_key(settings: Settings) -> Callable[[], str]:
    """The real key, asked for afresh by every request: a key in a file may be replaced while we run."""
    if settings.pixelbyte_api_key is not None:
        if not sendable(settings.pixelbyte_api_key.get_secret_value()):
            raise CannotStart("PIXELBYTE_API_KEY must be one line of visible ASCII, without spaces in it")
        return settings.pixelbyte_api_key.get_secret_value
    if settings.pixelbyte_api_key_file is None:
        raise CannotStart("PIXELBYTE_API_KEY is not set")
    try:
        return WatchedSecret(settings.pixelbyte_api_key_file)
    except SecretFileError as error:
        raise CannotStart(f"PIXELBYTE_API_KEY_FILE: {error}") from None
