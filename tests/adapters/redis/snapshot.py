"""Everything in the store at one instant, read beside the program: by one script that knows no more than key names."""

from dataclasses import dataclass, field
from typing import Any, Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store

_READ_ALL: Final = """
local read = {hash = {'HGETALL'}, zset = {'ZRANGE', 0, -1, 'WITHSCORES'}, string = {'GET'}, set = {'SMEMBERS'},
  stream = {'XLEN'}}
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local command = read[kind]
  all[#all + 1] = {key, redis.call('PTTL', key), redis.call(command[1], key, unpack(command, 2))}
end
return all
"""


@dataclass(slots=True)
class Snapshot:
    """`accounts` are fields by account name, `holds` fields by id, `indices` scores by hold id by key, those of teams
    too.

    `past` are window ends by account name, of those that wait to be swept.

    Two are equal when nothing but time has passed between them.
    """

    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    holds: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    indices: dict[str, dict[str, int]] = field(default_factory=dict)
    past: dict[str, int] = field(default_factory=dict)
    rates: dict[str, int] = field(default_factory=dict)
    store: dict[str, str] = field(default_factory=dict)
    length: int = 0
    others: set[str] = field(default_factory=set)
    lifetimes_ms: dict[str, int] = field(default_factory=dict, compare=False)


async def snapshot(store: Store) -> Snapshot:
    taken = Snapshot()
    for name, lifetime, content in await store.command("EVAL", _READ_ALL, 0):
        key = name.decode()
        if lifetime >= 0:
            taken.lifetimes_ms[key] = lifetime
        _file(taken, key, content)
    return taken


def _file(taken: Snapshot, key: str, content: Any) -> None:
    if key == keys.ENTRIES:
        taken.length = content
    elif key == keys.STORE:
        taken.store = _pairs(content)
    elif key in {keys.ENDED, *keys.OPEN.values()} or key.startswith("{toll}:jobs:"):
        taken.indices[key] = _scores(content)
    elif key == keys.PAST_ACCOUNTS:
        taken.past = _scores(content)
    elif key.startswith(keys.account("")):
        taken.accounts[key.removeprefix(keys.account(""))] = _pairs(content)
    elif key.startswith(keys.hold("")):
        taken.holds[key.removeprefix(keys.hold(""))] = _pairs(content)
    elif key.startswith(keys.job("")):
        taken.jobs[key.removeprefix(keys.job(""))] = content.decode()
    elif key.startswith("{toll}:rate:"):
        taken.rates[key] = int(content)
    else:
        taken.others.add(key)


def _pairs(content: list[bytes]) -> dict[str, str]:
    texts = [part.decode() for part in content]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _scores(content: list[bytes]) -> dict[str, int]:
    return {name: int(float(score)) for name, score in _pairs(content).items()}
