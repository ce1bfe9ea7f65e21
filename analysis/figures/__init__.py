"""Figures of the jobs."""
