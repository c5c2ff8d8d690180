"""Tollhouse: a reverse proxy in front of a paid, asynchronous job API that spends no money a team was not given.

The words of the design, each with one meaning throughout the program:

principal    who is asking: organization, team, virtual key and the key's scopes
virtual key  the key we issue in place of the real one
quote        the price of one job, with its factors and the version of the rate card it came from
limit        one ceiling on one meter in one window; on money a *budget*, else a *quota*
demand       an account, an amount and a ceiling: what one limit asks of one job
account      scope x limit x meter x window, with what is `posted` and what is `held` on it
hold         money and counts set aside for one submit, until *capture* posts them or *void* releases them
entry        an immutable line of the ledger

A submission reads from top to bottom in `service/submit.py`; what each job costs is in `core/pricing.py`, which
limits it meets in `core/policy.py`, how money moves in `core/ledger.py`, and the atomic check in
`adapters/redis/lua/hold.lua`.
"""

__version__ = "0.1.0"
