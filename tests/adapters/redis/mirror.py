"""Calls whose right answer anybody can tell: each is answered with what it said."""

import hashlib
from typing import Final

from gateway.adapters.redis.connection import Script, Store, naming_its_call


def script_of(name: str, text: bytes) -> Script:
    """A script of a test's own, sent as those of the package are."""
    script = Script("hold")
    script.name, script.text = name, naming_its_call(text)
    script.sha = hashlib.sha1(script.text, usedforsecurity=False).hexdigest()
    return script


MIRROR: Final = script_of("mirror", b"#!lua\nreturn {ARGV[1], #ARGV}\n")


async def mirrored(store: Store, text: str) -> str:
    """Asks a script. It sees its own argument and no other."""
    answer, arguments = await store.run(MIRROR, [], [text])
    assert arguments == 1
    return str(answer.decode())


async def echoed(store: Store, text: str) -> str:
    """Asks by a plain command."""
    answer: bytes = await store.command("ECHO", text)
    return answer.decode()
