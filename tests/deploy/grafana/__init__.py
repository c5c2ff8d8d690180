"""The dashboards: as their source says, in Grafana's form, and with answers to all that they ask."""
