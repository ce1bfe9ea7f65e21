"""The built-in live page and Grafana dashboards as code."""
