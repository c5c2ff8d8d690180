"""`tollhouse alert`, against a control plane that runs."""

from gateway.adapters.redis.connection import Store
from tests.adapters.redis.holds import open_ledger
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.web.test_admin_alerts import raise_all


async def test_alerts_are_listed(store: Store) -> None:
    ledger = await open_ledger(store)
    async with running_control(store) as plane:
        tollhouse = Tollhouse(plane)
        assert (await tollhouse("alert", "list")).stdout == "There are no alerts.\n"
        await raise_all(store, ledger)
        document = await tollhouse.document("alert", "list", "--team", "video", "--limit", "5")
        assert [one["id"] for one in document["alerts"]] == ["evt_1", "evt_0"]
        columns = [line.split() for line in (await tollhouse("alert", "list", "--limit", "4")).stdout.splitlines()]
        numbers = ["80%", "0.000009", "0.000007", "0.000001", "2026-12-01T00:00:00Z"]
        assert columns == [
            ["at", "team", "limit", "scope", "threshold", "ceiling", "posted", "held", "resets_at"],
            ["2026-11-23T12:00:04Z", "audio", "running", "team", "80%", "9", "7", "1", "-"],
            ["2026-11-23T12:00:03Z", "audio", "jobs", "team", "80%", "9", "7", "1", "2026-12-01T00:00:00Z"],
            ["2026-11-23T12:00:02Z", "-", "spend", "organization", *numbers],
            ["2026-11-23T12:00:01Z", "video", "spend", "k1", *numbers],
        ]
        assert (await tollhouse("alert", "list", "--limit", "0")).exit_code == 2
