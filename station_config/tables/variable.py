"""Table ``[[variable]]``: a quantity of the station's own, beside those that come with the package."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from soilco2.station_config.base import BothNames, Table
from soilco2.station_config.variables import Variable

_Text = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f|]*$")]


class VariableTable(Table):
    """One quantity that the registry does not have.

    Its values are kept, judged, shown, sent on and exported like those of any other. While readings of it are kept, its
    `unit` stays: numbers would go on with another meaning. A quantity in another unit is another variable.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    """Name in files, messages and databases: small letters, digits and underscores."""
    name: BothNames
    """Name for people."""
    symbol: _Text
    """Symbol for axes and tables."""
    unit: _Text
    """Unit of everything that is kept; one of the list, or any other, into which nothing is turned."""
    unit_text: _Text | None = None
    """The unit as readers see it; `unit` when left out."""
    lower: float
    """Least value that is possible at any site [unit]; below it is bad."""
    upper: float
    """Greatest value that is possible at any site [unit]; above it is bad."""
    resolution: float = Field(gt=0)
    """Smallest step worth showing [unit]."""
    has_depth: bool = True
    """Whether it belongs to a position with a depth; otherwise to the whole site."""
    also_at_site: bool = False
    """Whether what has a depth may also be given without one."""
    sums: bool = False
    """Whether values add up over time, as rain does, instead of being averaged."""
    cf_standard_name: str = Field(default="", pattern=r"^[a-z0-9_]{0,200}$")
    """Name in the table of the CF convention; left out where it has none."""

    @classmethod
    def of(cls, row: Variable) -> Self:
        """The table that describes a row of the registry."""
        given = {name: getattr(row, name) for name in cls.model_fields if name != "name"}
        return cls.model_validate({**given, "name": {"en": row.name_en, "zh": row.name_zh}})

    @property
    def row(self) -> Variable:
        """The same as a row of the registry."""
        return Variable(
            id=self.id,
            symbol=self.symbol,
            unit=self.unit,
            unit_text=self.unit_text or self.unit,
            cf_standard_name=self.cf_standard_name,
            name_en=self.name.en,
            name_zh=self.name.zh,
            lower=self.lower,
            upper=self.upper,
            resolution=self.resolution,
            has_depth=self.has_depth,
            also_at_site=self.also_at_site,
            sums=self.sums,
        )
