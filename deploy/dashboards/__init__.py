"""The Grafana dashboards as code: `python -m deploy.dashboards` writes them, and a test sees that it did."""
