"""The other unit of `{{convert}}`: factors, what a unit is converted to, and how far a converted value is rounded.

Rounding follows the template's documentation: a converted value is as precise as the one that was typed, shifted by the
size of the factor, and has at least two significant figures (temperatures: three of the absolute temperature).
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """What is measured, and a unit's size in the base unit of that kind."""

    kind: str
    size: float


_SIZES_TEXT = """
length: m=1 km=1000 cm=.01 mm=.001 nm=1e-9 um=1e-6 μm=1e-6 ft=.3048 foot=.3048 in=.0254 yd=.9144 mi=1609.344 nmi=1852
length: fathom=1.8288 ftm=1.8288 furlong=201.168 chain=20.1168 smi=1609.344 AU=149597870700 ly=9.4607304725808e15
length: pc=3.0856776e16 hand=.1016
area: m2=1 km2=1e6 cm2=1e-4 mm2=1e-6 sqmi=2589988.110336 mi2=2589988.110336 sqft=.09290304 ft2=.09290304 sqin=.00064516
area: sqyd=.83612736 acre=4046.8564224 acres=4046.8564224 ha=1e4 hectare=1e4 sqkm=1e6 sqm=1
volume: m3=1 km3=1e9 cm3=1e-6 cc=1e-6 cuft=.028316846592 ft3=.028316846592 cuin=1.6387064e-5 cumi=4168181825.440579584
volume: cuyd=.764554857984 l=.001 L=.001 ml=1e-6 mL=1e-6 hl=.1 USgal=.003785411784 impgal=.00454609
volume: oilbbl=.158987294928 acre.ft=1233.48183754752
mass: kg=1 g=.001 mg=1e-6 t=1000 tonne=1000 MT=1000 lb=.45359237 lbs=.45359237 oz=.028349523125 st=6.35029318
mass: ST=907.18474
mass: LT=1016.0469088 ozt=.0311034768 kt=1e6 Mt=1e9
speed: km/h=1 kph=1 mph=1.609344 mi/h=1.609344 m/s=3.6 kn=1.852 ft/s=1.09728 km/s=3600 m/min=.06 ft/min=.018288
power: W=1 kW=1000 MW=1e6 GW=1e9 hp=745.69987158227022 bhp=745.69987158227022 PS=735.49875 shp=745.69987158227022
pressure: Pa=1 hPa=100 kPa=1000 MPa=1e6 GPa=1e9 psi=6894.757293168361 bar=1e5 mbar=100 atm=101325 inHg=3386.388640341
pressure: mmHg=133.322387415
force: N=1 kN=1000 lbf=4.4482216152605 kgf=9.80665
torque: Nm=1 N.m=1 lbft=1.3558179483314004 lb.ft=1.3558179483314004
energy: J=1 kJ=1000 MJ=1e6 GJ=1e9 kWh=3.6e6 MWh=3.6e9 cal=4.184 kcal=4184 BTU=1055.05585262
density: PD/sqkm=1 PD/sqmi=.3861021585424458 /km2=1 /sqkm=1 /sqmi=.3861021585424458
flow: m3/s=1 cumsec=1 cuft/s=.028316846592 cumec=1
mass in volume: kg/m3=1 g/cm3=1000
line: kg/m=1 lb/ft=1.4881639435695538 lb/yd=.4960546478565179
difference of temperature: C-change=1 F-change=.5555555555555556
"""
UNITS: dict[str, Unit] = {
    code: Unit(line.split(": ")[0], float(size))
    for line in _SIZES_TEXT.strip().splitlines()
    for code, size in (pair.split("=") for pair in line.split(": ")[1].split())
}
# `e6km2`: a million of a unit.
POWERS = {"e3": "thousand", "e6": "million", "e9": "billion", "e12": "trillion"}
UNITS |= {
    power + code: Unit(unit.kind, unit.size * float(f"1{power}")) for power in POWERS for code, unit in UNITS.items()
}
# code: (kelvins a degree, degrees at 0 K)
TEMPERATURES = {
    "C": (1.0, 273.15), "°C": (1.0, 273.15), "F": (5 / 9, 459.67), "°F": (5 / 9, 459.67), "K": (1.0, 0.0),
    "R": (5 / 9, 0.0),
}  # fmt: skip
# What a unit is converted to where the page doesn't say.
_DEFAULTS_TEXT = """
m=ft km=mi cm=in mm=in ft=m foot=m in=mm yd=m mi=km nmi=km ly=pc m2=sqft km2=sqmi sqkm=sqmi sqmi=km2 mi2=km2 sqft=m2
ft2=m2 acre=ha acres=ha ha=acre m3=cuft cuft=m3 l=USgal L=USgal USgal=L impgal=L kg=lb g=oz lb=kg lbs=kg oz=g C=F
°C=F F=C °F=C km/h=mph kph=mph mph=km/h mi/h=km/h kn=km/h kW=hp hp=kW bhp=kW PS=kW psi=kPa
C-change=F-change F-change=C-change
"""
DEFAULTS = dict(pair.split("=") for pair in _DEFAULTS_TEXT.split())
DEFAULTS |= {power + given: power + wanted for power in POWERS for given, wanted in DEFAULTS.items()}


def is_convertible(given: str, wanted: str) -> bool:
    """Tell whether both units are known and measure the same."""
    if given in TEMPERATURES or wanted in TEMPERATURES:
        return given in TEMPERATURES and wanted in TEMPERATURES
    return given in UNITS and wanted in UNITS and UNITS[given].kind == UNITS[wanted].kind


def convert_value(value: float, given: str, wanted: str) -> float:
    """Return a value in another unit.

    >>> round(convert_value(10, "km", "mi"), 3), round(convert_value(-40, "C", "F"), 6)
    (6.214, -40.0)
    """
    if given in TEMPERATURES:
        (size, zero), (other_size, other_zero) = TEMPERATURES[given], TEMPERATURES[wanted]
        return (value + zero) * size / other_size - other_zero
    return value * UNITS[given].size / UNITS[wanted].size


def num_decimals(text: str, value: float, converted: float, given: str, wanted: str) -> int:
    """Return how many decimals a converted value has (below 0: how many zeros end it), from the text of the typed one.

    >>> num_decimals("87", 87, 285.43, "m", "ft"), num_decimals("640000", 640000, 1581474.4, "ha", "acre")
    (0, -5)
    """
    whole, _, after = text.strip("-−+~ ").replace(",", "").partition(".")
    if "/" in text:
        typed = max(int(math.log10(float(text.rpartition("/")[2] or 1))), 1)
    else:
        typed = len(after) if after else len(whole.rstrip("0")) - len(whole)
    if given in TEMPERATURES:
        size, zero = TEMPERATURES[given]
        kelvins = abs((value + zero) * size)
        return max(typed, 2 - math.floor(math.log10(kelvins) + 1e-14) if kelvins > 1e-8 else 2)
    if not value or not converted:
        return 0
    # Feet and pounds are large for what is measured in them: a whole number gives one more digit.
    is_finer = wanted in ("ft", "lb") and value == int(value)
    factor = 1 / UNITS[given].size if is_finer else abs(value / converted)
    shift = math.log10(2 * factor)
    return max(math.floor(typed + shift), 1 - math.floor(math.log10(abs(converted)) + 1e-14))


@lru_cache(maxsize=100)
def _quantum(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def round_value(value: float, decimals: int) -> str:
    """Round half up, as readers do, and write without an exponent.

    >>> round_value(285.43, 0), round_value(1581474.4, -4), round_value(2.5, 0)
    ('285', '1580000', '3')
    """
    exact = Decimal(repr(round(value, 12)))
    rounded = exact.quantize(_quantum(decimals), rounding=ROUND_HALF_UP)
    return f"{rounded:f}" if decimals >= 0 else str(int(rounded))
