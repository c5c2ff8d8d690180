"""What a key may spend and what a job would cost: the decisions of a submit, without spending anything."""

import json

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.core.account import Balance
from gateway.core.job import Malformed
from gateway.core.nearest import WouldPass
from gateway.core.policy import InputNotAllowed, ModelNotAllowed
from gateway.core.pricing import InputRefused, PriceUnknown
from gateway.core.principal import Principal
from gateway.core.refusal import Verdict
from gateway.core.webhook_address import BadAddress
from gateway.ports import StoreUnavailable
from gateway.service.nearest import Nearest
from gateway.service.policy_desk import PolicyDesk
from gateway.service.preview import Denied, NoPolicies, Preview, Previews, Standings
from gateway.service.submit import Asked, Submit
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import COST, Told, Workshop, accepted, workshop
from tests.walkthrough.house import SLUG
from tests.walkthrough.policies import allow, budget, quota, rate, team

RULES = team(
    budget("1.00"),
    quota("jobs", 3),
    quota("seconds", 4, "short-films"),
    budget("0.10", "shadow", mode="shadow"),
    budget("9.00", "of-a-key", per="key"),
    rate(2, "hour"),
)


def nearest(room: Workshop) -> Nearest:
    return Nearest(room.ledger, RedisClosedPrices(room.store), room.clock)


def previews(room: Workshop) -> Previews:
    return Previews(room.desk, room.ledger, nearest(room), room.clock)


async def spend(room: Workshop, principal: Principal, *jobs: str) -> None:
    for job in jobs:
        submit: Submit = submitting(room, Told(accepted(job)))
        await submit(Asked(principal, BODY, "req_1", None, {}))


async def test_standings_are_every_limit_with_its_balance_and_the_models_allowed(store: Store) -> None:
    room = await workshop(store, team(budget("1.00"), budget("9.00", "of-a-key", per="key"), allow(models=["kling/*"])))
    spender, other = await room.principal(), await room.principal(models=("*/text-to-video", "google/*"))
    await spend(room, spender, "job_1", "job_2")

    mine, theirs = await previews(room).standings(spender), await previews(room).standings(other)

    assert isinstance(mine, Standings)
    assert isinstance(theirs, Standings)
    assert [(demand.account.limit, balance) for demand, balance in mine.limits] == [
        ("ample", Balance(2 * COST, 0)),
        ("budget", Balance(2 * COST, 0)),
        ("of-a-key", Balance(2 * COST, 0)),
    ]
    assert [balance for _, balance in theirs.limits] == [Balance(2 * COST, 0), Balance(2 * COST, 0), Balance(0, 0)]
    assert {price.slug.split("/")[0] for price in mine.models} == {"kling"}
    assert SLUG in {price.slug for price in mine.models}
    assert theirs.models
    assert all(price.slug.startswith("kling/") and price.slug.endswith("/text-to-video") for price in theirs.models)
    assert len(theirs.models) < len(mine.models)


async def test_a_quote_is_judged_by_every_limit_and_uses_up_none(store: Store) -> None:
    room = await workshop(store, RULES)
    principal = await room.principal()
    await spend(room, principal)
    before = [entry async for entry in store.client.scan_iter()]

    for _ in range(5):
        preview = await previews(room).quote(principal, BODY)

    assert isinstance(preview, Preview)
    assert (preview.quote.amount, preview.quote.model) == (COST, SLUG)
    assert {demand.account.limit: verdict for demand, _, verdict in preview.limits} == {
        "ample": Verdict.OK,
        "budget": Verdict.OK,
        "jobs": Verdict.OK,
        "short-films": Verdict.NEVER,
        "shadow": Verdict.NEVER,
        "of-a-key": Verdict.OK,
    }
    assert not preview.admitted
    assert sorted([entry async for entry in store.client.scan_iter()]) == sorted(before)


async def test_a_shadow_limit_alone_does_not_stand_in_the_way(store: Store) -> None:
    room = await workshop(store, team(budget("0.10", "shadow", mode="shadow")))
    preview = await previews(room).quote(await room.principal(), BODY)
    assert isinstance(preview, Preview)
    assert preview.admitted


async def test_a_quote_changes_its_mind_as_the_submit_would(store: Store) -> None:
    room = await workshop(store, team(budget("0.70")))
    principal, admitted = await room.principal(), []
    for job in ("job_1", "job_2", "job_3"):
        preview = await previews(room).quote(principal, BODY)
        assert isinstance(preview, Preview)
        admitted.append(preview.admitted)
        await spend(room, principal, job)
    assert admitted == [True, True, False]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", Malformed),
        (b'{"model":"a/b/c","input":{}}', PriceUnknown),
        (BODY.replace(b'"prompt"', b'"duration"'), InputRefused),
        (BODY.replace(b"kling-2.6-pro/text", b"kling-2.6-pro/image"), ModelNotAllowed),
        (BODY[:-1] + b',"webhookUrl":"http://127.0.0.1/"}', BadAddress),
    ],
)
async def test_what_a_submit_refuses_has_no_quote(store: Store, body: bytes, kind: type) -> None:
    room = await workshop(store, team(allow(models=["*/text-to-video"])))
    answered = await previews(room).quote(await room.principal(), body)
    assert isinstance(answered.deny if isinstance(answered, Denied) else answered, kind)


async def test_a_quote_says_what_would_pass_whatever_stands_in_the_way(store: Store) -> None:
    room = await workshop(store, team(budget("0.35"), allow(input={"has_sound": ["false"]})))
    principal = await room.principal()
    short = (WouldPass({"duration": 5}, SLUG, COST),)

    preview = await previews(room).quote(principal, with_input(duration=10))
    assert isinstance(preview, Preview)
    assert preview.refusal is not None
    assert preview.refusal.named.demand.account.limit == "budget"
    assert preview.would_pass == short

    denied = await previews(room).quote(principal, with_input(duration=5, has_sound=True))
    assert denied == Denied(InputNotAllowed("has_sound", ("false",)), (WouldPass({"has_sound": False}, SLUG, COST),))
    plain = await previews(room).quote(principal, BODY)
    assert isinstance(plain, Preview)
    assert (plain.refusal, plain.would_pass) == (None, ())


def with_input(**inputs: object) -> bytes:
    return json.dumps({"model": SLUG, "input": inputs}).encode()


async def test_without_policies_or_a_store_there_is_nothing_to_say(store: Store) -> None:
    room = await workshop(store, team())
    principal = await room.principal()
    blind = Previews(PolicyDesk(room.desk._policies, lambda _files: (), "acme"), room.ledger, nearest(room), room.clock)
    assert await blind.standings(principal) == NoPolicies()
    assert await blind.quote(principal, BODY) == NoPolicies()

    await store.command("SET", keys.account_of((await previews(room).standings(principal)).limits[0][0].account), "x")
    with pytest.raises(StoreUnavailable):
        await previews(room).standings(principal)
    with pytest.raises(StoreUnavailable):
        await previews(room).quote(principal, BODY)


async def test_somebody_whose_team_is_gone_has_no_limits_and_no_models(store: Store) -> None:
    room = await workshop(store, team())
    principal = await room.principal()
    await room.publish(team(slug="audio"), remove_teams=("video",))
    await room.desk.refresh()
    standings = await previews(room).standings(principal)
    assert isinstance(standings, Standings)
    assert (standings.limits, standings.models) == ((), ())
