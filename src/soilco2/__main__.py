"""``python -m soilco2``."""

from soilco2.cli.main import main

main()
