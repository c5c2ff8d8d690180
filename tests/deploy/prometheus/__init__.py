"""The rules that ship, by Prometheus' own tools, on what a gateway really says of itself."""
