"""Gas, soil and diffusivity."""
