"""The decisions, pure: what a job costs, which limits it meets, how a hold may move. No I/O, no clock, no chance."""
