"""The SQL ledger for who only looks at what is recorded, without a gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.adapters.sql.engine import open_reader, sqlite_url
from gateway.adapters.sql.recordings import Recordings
from gateway.settings import Settings
from gateway.wiring.ledger import LEDGER_FILE
from gateway.wiring.trouble import CannotStart


@contextmanager
def open_recordings(settings: Settings) -> Iterator[Recordings]:
    """What the ledger of the settings has. Makes no file. Raises CannotStart."""
    try:
        recordings = Recordings(open_reader(_address(settings)))
    except ValueError as error:
        raise CannotStart(f"TOLLHOUSE_DATABASE_URL: {error}") from None
    try:
        yield recordings
    finally:
        recordings.close()


def _address(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    path = settings.data_dir.absolute() / LEDGER_FILE
    if not path.is_file():
        raise CannotStart(
            f"There is no SQL ledger at {path}: nothing is recorded. TOLLHOUSE_DATA_DIR says where it is."
        )
    return sqlite_url(path)
