"""Relative diffusivity Ds/D0 of gas in soil from air-filled and total porosity.

Every model is one row of `MODELS`: formula, source, where the formula was checked. Air-filled porosity is
``eps``, total porosity ``phi`` [m3 m-3]; equation numbers D1 ... as in ``docs/methods/flux/equations.md``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.flux.errors import SoilTableError
from soilco2.station_config.message import Message

Array = NDArray[np.float64]
Formula = Callable[[Array, Array, Mapping[str, Any]], Array]

DEFAULTS: dict[str, float] = {
    "b": 4.05,
    "eps100": 0.30,
    "currie_a": 1.9,
    "currie_b": 1.4,
    "troeh_u": 0.1,
    "troeh_v": 1.35,
    "pmq_m": 3.0,
}
"""Parameters where the soil table gives none: Campbell b of sand (Clapp & Hornberger 1978,
doi:10.1029/WR014i004p00601), Currie's a and b after Troeh et al. (1982), m of undisturbed soil. `eps100`,
`troeh_u` and `troeh_v` are plain conventions: give your own."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model of relative diffusivity.

    Parameters
    ----------
    name, equation : str
        Name in files and the number of its equation.
    text : str
        The formula as readers see it.
    source : str
        Paper with DOI where there is one.
    checked : str
        Where the form was checked; ``"unverified"`` when no second source could be opened.
    formula : callable
        ``formula(eps, phi, parameters)`` of two arrays, dimensionless.
    parameters : tuple of str
        Names from `DEFAULTS` that it uses.
    """

    name: str
    equation: str
    text: str
    source: str
    checked: str
    formula: Formula
    parameters: tuple[str, ...] = ()


def _cube(x: Array) -> Array:
    return x * x * x


_SPSH = "second source: R package spsh 1.1.0, KvapFun"

_ROWS = (
    Model("millington_quirk_1961", "D6", "eps^(10/3) / phi^2",
          "Millington & Quirk 1961, doi:10.1039/TF9615701200", _SPSH + "; COMSOL and MOOSE manuals",
          lambda e, f, p: _cube(e) * np.cbrt(e) / (f * f)),
    Model("buckingham_1904", "D1", "eps^2", "Buckingham 1904, USDA Bur. Soils Bull. 25", _SPSH,
          lambda e, f, p: e * e),
    Model("penman_1940", "D2", "0.66 eps", "Penman 1940, doi:10.1017/S0021859600048164", _SPSH,
          lambda e, f, p: 0.66 * e),
    Model("marshall_1959", "D3", "eps^1.5", "Marshall 1959, doi:10.1111/j.1365-2389.1959.tb00667.x",
          "second source: R package neonSoilFlux 4.0.1", lambda e, f, p: e * np.sqrt(e)),
    Model("millington_1959", "D4", "eps^(4/3)", "Millington 1959, doi:10.1126/science.130.3367.100-a",
          "second source: Davidson et al. 2012, doi:10.1111/j.1365-2486.2011.02546.x, and ClimaLand.jl, microbe_source",
          lambda e, f, p: e * np.cbrt(e)),
    Model("millington_quirk_1960", "D5", "eps^2 / phi^(2/3)",
          "Millington & Quirk 1960, Trans. 7th Int. Congr. Soil Sci. 1:97", _SPSH,
          lambda e, f, p: e * e / np.cbrt(f * f)),
    Model("currie_1960", "D7", "a eps^b", "Currie 1960, doi:10.1088/0508-3443/11/8/303",
          "second source: R package ConFluxPro 1.3.1, DSD0_currie",
          lambda e, f, p: p["currie_a"] * e ** p["currie_b"], ("currie_a", "currie_b")),
    Model("troeh_1982", "D8", "((eps - u) / (1 - u))^v, 0 below u",
          "Troeh, Jabro & Kirkham 1982, doi:10.1016/0016-7061(82)90033-7", "unverified",
          lambda e, f, p: (np.maximum(e - p["troeh_u"], 0.0) / (1.0 - p["troeh_u"])) ** p["troeh_v"],
          ("troeh_u", "troeh_v")),
    Model("moldrup_1997", "D9", "0.66 phi (eps / phi)^((12 - m) / 3)",
          "Moldrup et al. 1997, doi:10.2136/sssaj1997.03615995006100060011x",
          "second source: OpenGeoSys manual (m = 6 repacked); " + _SPSH + " writes eps for the leading phi",
          lambda e, f, p: 0.66 * f * (e / f) ** ((12.0 - p["pmq_m"]) / 3.0), ("pmq_m",)),
    Model("moldrup_1999", "D10", "phi^2 (eps / phi)^(2 + 3 / b)",
          "Moldrup et al. 1999, doi:10.2136/sssaj1999.03615995006300050005x",
          "second source: SoilTracers.jl, diffus_soil_air (as eps^2 (eps/phi)^(3/b))",
          lambda e, f, p: f * f * (e / f) ** (2.0 + 3.0 / p["b"]), ("b",)),
    Model("moldrup_2000", "D11", "(2 e100^3 + 0.04 e100) (eps / e100)^(2 + 3 / b)",
          "Moldrup et al. 2000, doi:10.2136/sssaj2000.64194x",
          "second source: R package ConFluxPro 1.3.1, DSD0_moldrup",
          lambda e, f, p: (2.0 * p["eps100"] ** 3 + 0.04 * p["eps100"])
          * (e / p["eps100"]) ** (2.0 + 3.0 / p["b"]), ("b", "eps100")),
    Model("moldrup_2000_wlr", "D12", "eps^2.5 / phi",
          "Moldrup et al. 2000, doi:10.2136/sssaj2000.6451588x",
          "the paper's abstract: Marshall's model (D3) times eps/phi",
          lambda e, f, p: e * e * np.sqrt(e) / f),
    Model("deepagoda_2011", "D13", "0.1 (2 (eps / phi)^3 + 0.04 (eps / phi))",
          "Deepagoda et al. 2011, doi:10.2136/vzj2010.0049",
          "second source: Ogee et al. 2016, doi:10.5194/bg-13-2221-2016, as (0.2 (eps/phi)^2 + 0.004)/phi",
          lambda e, f, p: 0.1 * (2.0 * _cube(e / f) + 0.04 * (e / f))),
)  # fmt: skip

MODELS: dict[str, Model] = {row.name: row for row in _ROWS}
"""Every model by its name; the first is the default."""

SPREAD_MODELS = ("millington_quirk_1961", "marshall_1959", "moldrup_1999", "moldrup_2000_wlr", "penman_1940")
"""Models whose disagreement is reported as the model spread: those that need nothing but eps and phi (and b)
and are in use for undisturbed mineral soil. Buckingham and Deepagoda are left out: the one is known to lie
low in dry sand, the other is made for compacted landfill covers."""


def relative_diffusivity(
    eps: NDArray[np.float64],
    phi: NDArray[np.float64],
    model: str = "millington_quirk_1961",
    parameters: Mapping[str, Any] | None = None,
) -> Array:
    """Ds/D0 by a model's name or by an own expression.

    Parameters
    ----------
    eps, phi : ndarray
        Air-filled and total porosity [m3 m-3], shapes that broadcast together. NaN gives NaN.
    model : str
        A name from `MODELS`, or an expression in ``eps``, ``phi`` and parameter names, such as
        ``"1.1 * eps^1.6"``.
    parameters : mapping, optional
        Values that go before `DEFAULTS`.

    Returns
    -------
    ndarray
        Ds/D0 [1]; 0 where eps is 0. An air-filled porosity below 0 gives NaN (water above porosity).

    Raises
    ------
    SoilTableError
        When the model is unknown or the expression cannot be used.
    """
    chosen = {**DEFAULTS, **(parameters or {})}
    e = np.asarray(eps, dtype=float)
    f = np.asarray(phi, dtype=float)
    formula = MODELS[model].formula if model in MODELS else compile_expression(model, tuple(chosen))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = formula(np.where(e >= 0.0, e, np.nan), f, chosen)
    return np.asarray(value, dtype=float)


def model_spread_ln(
    eps: NDArray[np.float64],
    phi: NDArray[np.float64],
    parameters: Mapping[str, Any] | None = None,
    models: Sequence[str] = SPREAD_MODELS,
) -> Array:
    """Standard deviation of ln(Ds/D0) between `models`, Eq. D14 [1].

    Returns
    -------
    ndarray
        Shape of eps and phi broadcast together; 0.2 means that the models disagree by some 20 %.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.stack([relative_diffusivity(eps, phi, name, parameters) for name in models]))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.std(logs, axis=0, ddof=1))


_OPERATORS: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "min": np.minimum, "max": np.maximum,
}  # fmt: skip
_ARITY = {"sqrt": 1, "exp": 1, "log": 1, "min": 2, "max": 2}
_MAX_EXPRESSION = 200


def compile_expression(text: str, parameters: Sequence[str] = tuple(DEFAULTS)) -> Formula:
    """Turn an expression of the soil table into a formula; nothing but arithmetic is understood.

    Parameters
    ----------
    text : str
        Numbers, ``eps``, ``phi``, parameter names, ``+ - * / ^ **``, brackets, and sqrt, exp, log, min, max.

    Raises
    ------
    SoilTableError
        When it is neither a model's name nor such an expression.
    """
    hint = Message(
        "a model ({models}) or an expression in eps and phi such as '1.1 * eps^1.6' is expected",
        models=", ".join(MODELS),
    )
    not_understood = Message(
        "diffusivity {expression!r} is not understood: {hint}", expression=text, hint=hint
    )
    if len(text) > _MAX_EXPRESSION:
        raise SoilTableError(
            Message(
                "diffusivity expression of {count} characters: {limit} at most",
                count=len(text),
                limit=_MAX_EXPRESSION,
            )
        )
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SoilTableError(not_understood) from None
    _check(tree, {"eps", "phi", *parameters}, text, not_understood, hint)

    def value(node: ast.expr, names: Mapping[str, Array | float]) -> Array:
        match node:
            case ast.Constant(value=int() | float() as number):
                return np.asarray(float(number))
            case ast.Name(id=name):
                return np.asarray(names[name], dtype=float)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](value(left, names), value(right, names))
            case ast.UnaryOp(op=op, operand=operand):
                inner = value(operand, names)
                return -inner if isinstance(op, ast.USub) else inner
            case ast.Call(func=ast.Name(id=name), args=args):
                return _FUNCTIONS[name](*(value(argument, names) for argument in args))
        raise AssertionError(node)

    return lambda e, f, p: value(tree, {**p, "eps": e, "phi": f}) + np.zeros_like(e)


def _check(node: ast.expr, known: set[str], text: str, not_understood: Message, hint: Message) -> None:
    """Refuse what is no arithmetic of known names."""
    match node:
        case ast.Constant(value=bool()):
            raise SoilTableError(not_understood)
        case ast.Constant(value=int() | float()):
            return
        case ast.Name(id=name) if name in known:
            return
        case ast.Name(id=name):
            raise SoilTableError(
                Message(
                    "diffusivity {expression!r}: {name!r} is unknown; {hint}",
                    expression=text,
                    name=name,
                    hint=hint,
                )
            )
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            inner = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            inner = [operand]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if _ARITY.get(name) == len(args):
            inner = args
        case _:
            raise SoilTableError(not_understood)
    for one in inner:
        _check(one, known, text, not_understood, hint)


def require_possible(text: str) -> None:
    """Refuse an own expression that gives what Ds/D0 cannot be, in a soil of porosity 0.45 from wet to dry.

    Raises
    ------
    SoilTableError
        When it is no expression, or gives a value that is not finite, below 0 or above 1, or nothing but 0.
    """
    eps = np.linspace(0.03, 0.45, 43)
    formula = compile_expression(text)
    with np.errstate(all="ignore"):
        found = formula(eps, np.full_like(eps, 0.45), DEFAULTS)
    nothing = not rounding.above(found, 0.0, 1.0).any()
    wrong = ~np.isfinite(found) | rounding.below(found, 0.0, 1.0) | rounding.above(found, 1.0) | nothing
    if wrong.any():
        first = int(np.argmax(wrong))
        raise SoilTableError(
            Message(
                "diffusivity {expression!r} gives {found:.3g} at eps = {eps:.2f}, phi = 0.45:"
                " Ds/D0 between 0 and 1 is expected; max(..., 0) holds it above 0",
                expression=text,
                found=float(found[first]),
                eps=float(eps[first]),
            )
        )
