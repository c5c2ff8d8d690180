"""Mutants: the program with one mistake in it, each of which a named test must notice.

`mutants.toml` lists them by the invariant they break. A mutant that lives says that a promise has no test.
"""
