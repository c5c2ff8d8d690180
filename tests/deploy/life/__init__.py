"""A gateway from its start to its end, as whoever runs it sees it."""
