"""The built-in live page, Grafana dashboards as code, and what every web part needs."""
