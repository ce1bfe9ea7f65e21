"""Limits that profiles of another shape set to an interval, with their own noise, Eq. U5e."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.methods import propagate
from soilco2.analysis.flux.methods.outputs import Outputs
from soilco2.analysis.flux.methods.propagate import ONE_SIDED, Conductivity, Inputs, Linear, Term
from soilco2.analysis.rounding import ROUNDING

Array = NDArray[np.float64]


def edges(
    i: Inputs, terms: Sequence[Term], conductivity: Conductivity, outputs: Outputs, result: Linear, k: Array
) -> Array:
    """One-sided 95 % limits of the least and the largest alternative efflux (2, batch), NaN where there is none.

    The alternative at the inputs that lie 1.64 sd off in the direction in which it changes most (first-order
    reliability, Hasofer & Lind 1974, doi:10.1061/JMCEA3.0001848): exact for whatever grows steadily with one normal
    number, such as a flux with the logarithm of its diffusivity.

    Parameters
    ----------
    result : Linear
        Of `outputs`, at these inputs and terms.
    k : ndarray (batch, s)
        Conductivity at these inputs.
    """
    whole, parts = result.value[:, outputs.whole], result.parts[:, :, outputs.whole]
    still = np.zeros(i.depth_m.shape[-1])
    down = np.stack([t.displacement if t.target == "depth" else still for t in terms])
    unlike = [number for number, term in enumerate(terms) if term.target != "ln_d"]
    excess_sd = outputs.excess_sd(parts[unlike], i.depth_m)
    air = outputs.air_part(k, i.depth_m)
    found = np.full((2, len(whole)), np.nan)
    base, moved, with_air = (
        outputs.alternatives(fluxes, z, excess_sd)
        for fluxes, z in (
            (whole, i.depth_m),
            (whole + parts, i.depth_m + down[:, None]),
            (whole + air, i.depth_m),
        )
    )
    for which, sign in enumerate((-1.0, 1.0)):
        if not np.isfinite(base[which]).any():
            continue
        effects = np.nan_to_num(np.concatenate([moved[which], with_air[which][None]]) - base[which])
        noise = np.sqrt(np.sum(effects**2, axis=0))
        known = noise > ROUNDING * np.abs(base[which])  # the direction of rounding is none
        step = sign * ONE_SIDED * np.divide(effects, noise, out=np.zeros_like(effects), where=known)
        ends = propagate.along(i, terms, step[:-1], conductivity, outputs)[:, outputs.whole]
        z = i.depth_m + step[:-1].T @ down
        edge = outputs.alternatives(ends + step[-1][:, None] * air, z, excess_sd)[which]
        crossed = np.any(np.diff(z) <= 0.0, axis=-1) | ~np.isfinite(edge)
        found[which] = np.where(crossed, base[which] + sign * ONE_SIDED * noise, edge)
    return found
