"""`/me` and `/quote` over real sockets: what a key holder sees of limits, prices and verdicts."""

from datetime import UTC, datetime, timedelta

from tests.walkthrough.house import SEED, SLUG, open_house
from tests.walkthrough.policies import allow, budget, in_flight, organization, quota, rate, team

WHOLE = organization(budget("100.00", "organization-month"))
RULES = team(
    budget("1.00", "monthly-spend"),
    budget("0.50", "of-a-key", "day", per="key"),
    budget("0.10", "would-refuse", "total", mode="shadow"),
    quota("seconds", 60, "film", "week", models=["google/*"]),
    in_flight(5),
    rate(2, "hour"),
    allow(models=["kling/kling-2.6-pro/*"]),
)
ROW = {"name", "scope", "meter", "window", "mode", "ceiling", "posted", "held", "headroom", "resets_at"}


async def test_me_says_who_i_am_what_i_may_and_how_my_limits_stand() -> None:
    async with open_house(WHOLE, RULES) as house:
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        key = await house.key(scopes=["submit_job"], expires_at=expires.isoformat(), models=["*/text-to-video"])
        assert (await house.submit(key)).status == 200

        me = await house.me(key)

        assert me.keys() == {
            *("organization", "team", "key", "name", "scopes", "expires_at", "test", "as_of", "limits", "models"),
        }
        assert (me["organization"], me["team"], me["key"], me["name"]) == ("acme", "video", key.id, "a key")
        assert (me["scopes"], me["test"]) == (["submit_job"], False)
        assert datetime.fromisoformat(me["expires_at"]) == expires
        assert abs(datetime.fromisoformat(me["as_of"]) - datetime.now(UTC)) < timedelta(seconds=10)
        assert me["models"] == [{"slug": SLUG, "base_usd": "0.070000", "unit": "second"}]
        assert all(row.keys() == ROW for row in me["limits"])
        stands = {row["name"]: (row["scope"], row["posted"], row["held"], row["headroom"]) for row in me["limits"]}
        assert stands == {
            "organization-month": ("organization", "0.350000", "0.000000", "99.650000"),
            "monthly-spend": ("team", "0.350000", "0.000000", "0.650000"),
            "would-refuse": ("team", "0.350000", "0.000000", "-0.250000"),
            "film": ("team", 0, 0, 60),
            "at-once": ("team", 0, 1, 4),
            "of-a-key": ("key", "0.350000", "0.000000", "0.150000"),
        }
        modes = {row["name"]: (row["mode"], row["window"], row["resets_at"] is None) for row in me["limits"]}
        assert modes["would-refuse"] == ("shadow", "total", True)
        assert modes["at-once"] == ("enforce", None, True)
        assert modes["film"] == ("enforce", "week", False)


async def test_a_quote_has_the_price_its_factors_and_the_verdict_of_every_limit() -> None:
    async with open_house(WHOLE, RULES) as house:
        key = await house.key()
        answer = await house.quote(key, **SEED)
        assert answer.status == 200
        quote = answer.document
        assert (quote["cost_usd"], quote["micro_usd"], quote["admitted"]) == ("0.700000", 700_000, False)
        assert (quote["model"], quote["version"], quote["rate_card"]) == (SLUG, None, "2026-02-18")
        assert quote["factors"] == [
            {"field": "duration", "value": "5", "multiplier": "5"},
            {"field": "has_sound", "value": "true", "multiplier": "2"},
        ]
        assert all(row.keys() == ROW | {"required", "verdict"} for row in quote["limits"])
        verdicts = {row["name"]: (row["required"], row["verdict"]) for row in quote["limits"]}
        assert verdicts == {
            "organization-month": ("0.700000", "ok"),
            "monthly-spend": ("0.700000", "ok"),
            "would-refuse": ("0.700000", "never"),
            "at-once": (1, "ok"),
            "of-a-key": ("0.700000", "never"),
        }
        assert datetime.fromisoformat(quote["as_of"]) <= datetime.now(UTC)

        cheaper = (await house.quote(key)).document
        assert (cheaper["cost_usd"], cheaper["admitted"]) == ("0.350000", True)


async def test_quotes_spend_nothing_and_use_up_no_rate() -> None:
    async with open_house(WHOLE, RULES) as house:
        key = await house.key()
        for _ in range(10):
            assert (await house.quote(key)).document["admitted"]
        assert await house.accounts() == {}
        assert await house.entries() == ()
        assert house.upstream_calls == 0
        assert (await house.submit(key)).status == 200
        # The day's budget of the key is used up; the quote says so, and still answers 200.
        used_up = await house.quote(key)
        assert (used_up.status, used_up.document["admitted"]) == (200, False)
        verdicts = {row["name"]: row["verdict"] for row in used_up.document["limits"]}
        assert (verdicts["of-a-key"], verdicts["monthly-spend"]) == ("exceeded", "ok")


async def test_each_key_sees_its_own_accounts_and_test_keys_those_of_tests() -> None:
    async with open_house(WHOLE, RULES) as house:
        one, other, test = await house.key(), await house.key(), await house.key(test=True)
        assert (await house.submit(one)).status == 200
        assert (await house.limit(one, "of-a-key"))["posted"] == "0.350000"
        assert (await house.limit(other, "of-a-key"))["posted"] == "0.000000"
        assert (await house.limit(other, "monthly-spend"))["posted"] == "0.350000"
        assert (await house.limit(test, "monthly-spend"))["posted"] == "0.000000"
        assert (await house.me(test))["test"] is True
