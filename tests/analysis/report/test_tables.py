"""What is withheld, on the screen: one line for each reason."""

from __future__ import annotations

from soilco2.analysis.report.tables import withheld_by_reason
from soilco2.storage.results.results import Result


def refused(profile: str, depth_m: float, driver: str, scale: str, why: str) -> Result:
    return Result(
        what="pearson_r", target=f"st/{profile}/x/co2", target_depth_m=depth_m, driver=f"st/{profile}/x/{driver}",
        scale=scale, refused=True, why=why,
    )  # fmt: skip


def test_results_with_one_reason_stand_together_and_numbers_become_ranges() -> None:
    rows = [
        refused("p1", 0.1, "soil_temperature", "daily", "12 pairs are too few (24 needed)"),
        refused("p1", 0.3, "soil_temperature", "daily", "9 pairs are too few (24 needed)"),
        refused("p2", 0.1, "soil_water", "daily", "15 pairs are too few (24 needed)"),
        refused("p2", 0.1, "soil_water", "daily", "r = -0.97, since 2026-05-01"),
        refused("p1", 0.3, "soil_water", "daily", "r = 1.00, since 2026-05-01"),
        refused("p1", 0.3, "soil_water", "daily", "r = 1.00, since 2026-06-01"),
        Result(what="pearson_r", target="st/p1/x/co2", value=0.5),
    ]
    found = withheld_by_reason(rows, "en")
    assert [(count, why) for count, why, _ in found] == [
        (3, "9 to 15 pairs are too few (24 needed)"),
        (2, "r = -0.97 to 1.00, since 2026-05-01"),
        (1, "r = 1.00, since 2026-06-01"),
    ]
    assert found[0][2].startswith("p1 0.10, 0.30 m; p2 0.10 m · temperature, water")
    assert withheld_by_reason(rows, "zh")[0][1].startswith("9～15 ")
    assert sum(count for count, _, _ in found) == sum(row.refused for row in rows)
