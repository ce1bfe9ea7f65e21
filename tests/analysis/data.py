"""The measured records that tests use, as tidy tables."""

from __future__ import annotations

from soilco2.teaching.datasets import agua_amarga, sjer_2020, sjer_2022

__all__ = ["agua_amarga", "sjer_2020", "sjer_2022"]
