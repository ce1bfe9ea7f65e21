"""Errors of the dashboards.

DashboardError          anything the user of a dashboard can mend
├── QueryError          a request to the API that cannot be answered as it was put
├── ServeError          the page cannot be served: port taken, no password beyond loopback
└── GrafanaError        no dashboards from this station file, or the files cannot be written
    └── PublishError    Grafana does not take them
"""

from __future__ import annotations

from soilco2.station_config.message import Message


class DashboardError(Exception):
    """A page or dashboard cannot be made; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class QueryError(DashboardError):
    """A request that cannot be answered as it was put.

    Parameters
    ----------
    message : Message
        One sentence.
    status : int
        HTTP status.
    """

    def __init__(self, message: Message, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ServeError(DashboardError):
    """The page cannot be served."""


class GrafanaError(DashboardError):
    """Grafana's dashboards cannot be made from a station file, or written."""


class PublishError(GrafanaError):
    """Grafana cannot be reached, or does not take a dashboard."""
