"""From concentration to flux: soil-gas physics on arrays shaped (..., depth), depth in m positive
downward."""
