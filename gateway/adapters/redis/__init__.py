"""The store: Redis or Valkey, 7.0 or newer. Everything that knows a key name, a script or a connection is here."""
