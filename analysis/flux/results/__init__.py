"""Summaries and figures of fluxes."""
