"""Rigs for tests with many processes: a store, gateways, a provider and a crowd, each killed when a test says so.

Everything runs as a user would run it and talks over sockets. What became of the money is read beside the program: from
the store's keys by `books`, from the provider's own diary by `provider`, from what clients were told by `crowd`.
"""
