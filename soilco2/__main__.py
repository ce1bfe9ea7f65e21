"""``python -m soilco2``."""

from soilco2.main import main

main()
