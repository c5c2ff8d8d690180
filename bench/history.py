"""A long history in an SQL ledger, made up: what teams asked for in a month, held or refused as the policies say.

Its rows are those that the exporter writes, from holds and refusals that were decided as a gateway decides them.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.core.acceptance import Witness
from gateway.core.durations import Durations
from gateway.core.export import Line
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import Charge, Flow, Hold, moves
from gateway.core.plan import Rules
from gateway.core.pricing import AppliedFactor, Quote
from gateway.core.recorded import Request, Turn
from gateway.core.refused import Refused
from gateway.core.replay import Judged, Replay

START: Final = datetime(2026, 11, 1, tzinfo=UTC)
MODEL: Final = "kling/kling-2.6-pro/text-to-video"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH: Final = timedelta(days=30)
_RUNS: Final = timedelta(minutes=2)
_AT_ONCE: Final = 5000


async def write_history(url: str, rules: Rules, submissions: int, seed: int = 0) -> None:
    """Write so many submissions of November 2026, by all teams of `rules`, to the database."""
    archive = SqlArchive(open_engine(url), "bench")
    lease = await archive.lease("bench", None, rules.policies.organization.slug, START, _MONTH)
    assert lease.token is not None
    history, after = _History(rules, random.Random(seed)), None
    for number in range(submissions):
        history.submit(START + _MONTH * number / submissions)
        if len(history.lines) >= _AT_ONCE or number == submissions - 1:
            if history.lines:
                await archive.write(lease.token, after, history.lines)
                after = history.lines[-1].place
            await archive.write_refused(lease.token, f"{number}-0", history.refused)
            history.lines, history.refused = [], []
    await archive.close()


@dataclass(slots=True)
class _History:
    """What is not written yet, and what goes on."""

    rules: Rules
    rng: random.Random
    lines: list[Line] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    running: list[tuple[datetime, Hold]] = field(default_factory=list)
    seq: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        self._replay = Replay(self.rules, {}, Durations())

    _replay: Replay = field(init=False)

    def submit(self, at: datetime) -> None:
        while self.running and self.running[0][0] <= at:
            self._end(*self.running.pop(0))
        self.asked += 1
        team = self.rng.choice(sorted(self.rules.policies.teams))
        inputs = {"duration": self.rng.choice(("5", "10")), "has_sound": self.rng.choice(("true", "false"))}
        quote = self.rules.prices.quote(MODEL, None, inputs, at)
        assert isinstance(quote, Quote)
        organization, key = self.rules.policies.organization.slug, f"key_{team}"
        asked = Request(
            f"hold_{self.asked}", at, organization, team, key, False, MODEL, None, inputs, quote.hold_amount,
            quote.rate_card,
        )  # fmt: skip
        judged = self._replay.submit(asked)
        if judged.refused is None:
            self._held(asked, quote, judged)
        else:
            self._refused(asked, judged)

    def _held(self, asked: Request, quote: Quote, judged: Judged) -> None:
        hold = Hold(
            id=asked.id,
            attempt="a",
            organization=asked.organization,
            team=asked.team,
            key=asked.key,
            model=MODEL,
            version=None,
            amount=quote.hold_amount,
            quoted=quote.amount,
            factors=tuple([AppliedFactor(one.field, one.value, one.multiplier) for one in quote.factors]),
            rate_card=quote.rate_card,
            policy=self.rules.version,
            key_revision=1,
            charges=tuple(
                [Charge(one.account.name, one.account.meter, one.amount, one.resets_at) for one in judged.demands]
            ),
            digest="0" * 64,
            request_id=f"req_{asked.id}",
            created_at=asked.at,
            deadline=asked.at + timedelta(seconds=30),
        )
        held = "\n".join(f"{one.account} 0 {one.amount}" for one in hold.charges)
        self._write("hold", hold.id, asked.at, held, {}, encode_hold(hold))
        self._turn(hold, "captured", Flow.POST_HELD, asked.at + timedelta(milliseconds=300), hold.amount)
        self.running.append((asked.at + _RUNS, hold))

    def _end(self, at: datetime, hold: Hold) -> None:
        if self.rng.random() < 0.05:
            self._turn(hold, "refunded", Flow.RETURN, at, hold.amount)
        else:
            self._turn(hold, "finished", Flow.END, at, 0)

    def _turn(self, hold: Hold, kind: str, flow: Flow, at: datetime, cost: int) -> None:
        self._replay.turn(hold.id, Turn(flow, cost), at)
        text = "\n".join(f"{one.account} {one.posted} {one.held}" for one in moves(hold, flow, cost))
        facts = {"captured": {"job": f"job_{hold.id}", "cost": str(cost)}, "refunded": {"refunded": str(cost)}}
        self._write(kind, hold.id, at, text, facts.get(kind, {}), None)

    def _write(
        self, kind: str, hold: str, at: datetime, text: str, facts: dict[str, str], record: bytes | None
    ) -> None:
        self.seq += 1
        self.lines.append(Line(Witness("e.1", self.seq, hold), kind, _micros(at), text, facts, record))

    def _refused(self, asked: Request, judged: Judged) -> None:
        assert judged.refused is not None
        self.refused.append(
            Refused(
                id=f"ref_{self.asked}",
                at=_micros(asked.at),
                request_id=f"req_{self.asked}",
                organization=asked.organization,
                team=asked.team,
                key=asked.key,
                test=False,
                model=MODEL,
                version=None,
                amount=judged.amount,
                outcome="over_limit",
                code=judged.refused.code,
                limit=judged.refused.limit,
                scope=judged.refused.scope,
                policy=self.rules.version,
                rate_card=asked.rate_card,
                inputs=asked.options,
                after=self.seq,
            )
        )


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
