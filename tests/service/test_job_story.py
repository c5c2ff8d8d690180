"""A job by its own id or its hold's, with what SQL has of it."""

from dataclasses import dataclass, field

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.core.entry import Entry
from gateway.core.ledger import Verb
from gateway.service.job_desk import NoSuchJob
from gateway.service.job_story import JobStories, Story
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.doubles import NOON


@dataclass
class Asked:
    """Implements `job_story.Entries`: nothing, and what for."""

    holds: list[str] = field(default_factory=list)

    async def entries_of(self, hold_id: str) -> tuple[Entry, ...]:
        self.holds.append(hold_id)
        return ()


async def test_a_job_is_found_by_either_name(store: Store) -> None:
    ledger = await open_ledger(store)
    hold = admission("h1", demand(TEAM, 100, 1000)).hold
    await ledger.admit(admission("h1", demand(TEAM, 100, 1000)), NOON)
    await ledger.move(Verb.CAPTURE, hold, NOON, job="job_1", cost=80)
    asked = Asked()
    stories = JobStories(ledger, RedisJobs(store), asked)
    told = [await stories.tell(name) for name in ("job_1", "h1")]
    assert all(isinstance(one, Story) and one.record.cost == 80 for one in told)
    assert asked.holds == ["h1", "h1"]
    assert await stories.tell("job_2") == NoSuchJob()
    assert asked.holds == ["h1", "h1"]
