"""The chart, by real Helm."""
