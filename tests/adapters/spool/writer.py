"""A process that writes into a spool until it is killed: `python -m tests.adapters.spool.writer DATA_DIR`.

After every call it says so on its standard output: whatever was said must be on disk, however the process ends.
"""

import itertools
import os
import sys
from pathlib import Path

from gateway.adapters.spool import Bounds, open_spool
from tests.adapters.spool.spools import MACHINE, acceptance
from tests.doubles import StillClock

BOUNDS = Bounds(segment=20_000, total=10**9)


def main(data_dir: Path) -> None:
    with open_spool(data_dir, "writer", MACHINE, StillClock(), BOUNDS) as (spool, _):
        os.write(1, b"opened\n")
        for n in itertools.count():
            spool.sent(f"h{n}")
            os.write(1, b"sent h%d\n" % n)
            if n % 2:
                spool.accepted(acceptance(f"h{n}"))
                os.write(1, b"accepted h%d\n" % n)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
