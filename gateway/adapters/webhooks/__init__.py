"""Webhooks to clients: one POST to an address that a stranger chose."""

from gateway.adapters.webhooks.postman import HttpPostman

__all__ = ["HttpPostman"]
