"""How CO₂ goes with temperature, water, rain and depth."""
