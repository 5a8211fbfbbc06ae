"""Quantities: names and symbols of units, and the templates that print a number with its unit."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.numbers import NUMBER, decimal_sign, format_number

# code: (singular, plural, symbol); British spelling, as Template:Convert without sp=us.
_UNITS_TEXT = """
m=metre=metres=m|km=kilometre=kilometres=km|cm=centimetre=centimetres=cm|mm=millimetre=millimetres=mm
nm=nanometre=nanometres=nm
um=micrometre=micrometres=μm|μm=micrometre=micrometres=μm|ft=foot=feet=ft|foot=foot=foot=ft|in=inch=inches=in
yd=yard=yards=yd|mi=mile=miles=mi
nmi=nautical mile=nautical miles=nmi|furlong=furlong=furlongs=furlong|chain=chain=chains=chain
fathom=fathom=fathoms=fathom|AU=astronomical unit=astronomical units=AU
ly=light-year=light-years=ly|pc=parsec=parsecs=pc|league=league=leagues=league|hand=hand=hands=hands
ftm=fathom=fathoms=fathoms|smi=statute mile=statute miles=mi
m2=square metre=square metres=m²|km2=square kilometre=square kilometres=km²
cm2=square centimetre=square centimetres=cm²|mm2=square millimetre=square millimetres=mm²
sqmi=square mile=square miles=sq mi|mi2=square mile=square miles=sq mi|sqft=square foot=square feet=sq ft
ft2=square foot=square feet=sq ft|sqin=square inch=square inches=sq in
sqyd=square yard=square yards=sq yd|acre=acre=acres=acres|ha=hectare=hectares=ha
sqnmi=square nautical mile=square nautical miles=sq nmi|dunam=dunam=dunams=dunam|rai=rai=rai=rai
m3=cubic metre=cubic metres=m³|km3=cubic kilometre=cubic kilometres=km³|cm3=cubic centimetre=cubic centimetres=cm³
cc=cubic centimetre=cubic centimetres=cc|cuft=cubic foot=cubic feet=cu ft
ft3=cubic foot=cubic feet=cu ft|cuin=cubic inch=cubic inches=cu in|cumi=cubic mile=cubic miles=cu mi
cuyd=cubic yard=cubic yards=cu yd|l=litre=litres=l|L=litre=litres=L|ml=millilitre=millilitres=ml
mL=millilitre=millilitres=mL|hl=hectolitre=hectolitres=hl|USgal=US gallon=US gallons=US gal
impgal=imperial gallon=imperial gallons=imp gal|gal=gallon=gallons=gal|pt=pint=pints=pt|qt=quart=quarts=qt
usoz=US fluid ounce=US fluid ounces=US fl oz|impoz=imperial fluid ounce=imperial fluid ounces=imp fl oz
oilbbl=barrel=barrels=bbl|bbl=barrel=barrels=bbl|acre.ft=acre-foot=acre-feet=acre⋅ft
acre.foot=acre-foot=acre-foot=acre⋅ft|TEU=TEU=TEU=TEU
kg=kilogram=kilograms=kg|g=gram=grams=g|mg=milligram=milligrams=mg|t=tonne=tonnes=t|lb=pound=pounds=lb
lbs=pound=pounds=lb|oz=ounce=ounces=oz|st=stone=stone=st|ST=short ton=short tons=short tons
LT=long ton=long tons=long tons
MT=metric ton=metric tons=t|tonne=tonne=tonnes=t|short ton=short ton=short tons=short tons
long ton=long ton=long tons=long tons|ozt=troy ounce=troy ounces=ozt|carat=carat=carats=carats
kt=kilotonne=kilotonnes=kt|Mt=megatonne=megatonnes=Mt|gr=grain=grains=gr|cwt=hundredweight=hundredweight=cwt
km/h=kilometre per hour=kilometres per hour=km/h|mph=mile per hour=miles per hour=mph
m/s=metre per second=metres per second=m/s|kn=knot=knots=kn|ft/s=foot per second=feet per second=ft/s
kph=kilometre per hour=kilometres per hour=km/h|km/s=kilometre per second=kilometres per second=km/s
mi/h=mile per hour=miles per hour=mph
C=degree Celsius=degrees Celsius=°C|°C=degree Celsius=degrees Celsius=°C|F=degree Fahrenheit=degrees Fahrenheit=°F
°F=degree Fahrenheit=degrees Fahrenheit=°F|K=kelvin=kelvins=K|C-change=degree Celsius=degrees Celsius=°C
F-change=degree Fahrenheit=degrees Fahrenheit=°F|R=degree Rankine=degrees Rankine=°R
W=watt=watts=W|kW=kilowatt=kilowatts=kW|MW=megawatt=megawatts=MW|GW=gigawatt=gigawatts=GW|hp=horsepower=horsepower=hp
bhp=brake horsepower=brake horsepower=bhp|PS=metric horsepower=metric horsepower=PS
shp=shaft horsepower=shaft horsepower=shp|ihp=indicated horsepower=indicated horsepower=ihp
J=joule=joules=J|kJ=kilojoule=kilojoules=kJ|MJ=megajoule=megajoules=MJ|GJ=gigajoule=gigajoules=GJ
kWh=kilowatt hour=kilowatt hours=kWh|MWh=megawatt-hour=megawatt-hours=MWh|GWh=gigawatt-hour=gigawatt-hours=GWh
TWh=terawatt-hour=terawatt-hours=TWh|cal=calorie=calories=cal|kcal=kilocalorie=kilocalories=kcal
BTU=British thermal unit=British thermal units=BTU|eV=electronvolt=electronvolts=eV
Pa=pascal=pascals=Pa|hPa=hectopascal=hectopascals=hPa|kPa=kilopascal=kilopascals=kPa|MPa=megapascal=megapascals=MPa
GPa=gigapascal=gigapascals=GPa|psi=pound per square inch=pounds per square inch=psi|bar=bar=bar=bar
mbar=millibar=millibars=mbar|atm=standard atmosphere=standard atmospheres=atm
mmHg=millimetre of mercury=millimetres of mercury=mmHg|inHg=inch of mercury=inches of mercury=inHg
N=newton=newtons=N|kN=kilonewton=kilonewtons=kN|lbf=pound-force=pounds-force=lbf|Nm=newton metre=newton metres=N⋅m
N.m=newton metre=newton metres=N⋅m|lbft=pound-foot=pound-feet=lb⋅ft|lb.ft=pound-foot=pound-feet=lb⋅ft
kgf=kilogram-force=kilograms-force=kgf
PD/sqkm=inhabitant per square kilometre=inhabitants per square kilometre=/km²
PD/sqmi=inhabitant per square mile=inhabitants per square mile=/sq mi
/km2=per square kilometre=per square kilometre=/km²|/sqkm=per square kilometre=per square kilometre=/km²
/sqmi=per square mile=per square mile=/sq mi
m3/s=cubic metre per second=cubic metres per second=m³/s|cuft/s=cubic foot per second=cubic feet per second=cu ft/s
cumsec=cubic metre per second=cubic metres per second=m³/s
kg/m3=kilogram per cubic metre=kilograms per cubic metre=kg/m³
g/cm3=gram per cubic centimetre=grams per cubic centimetre=g/cm³|m3/d=cubic metre per day=cubic metres per day=m³/d
oilbbl/d=barrel per day=barrels per day=bbl/d
lb/ft=pound per foot=pounds per foot=lb/ft|kg/m=kilogram per metre=kilograms per metre=kg/m
lb/yd=pound per yard=pounds per yard=lb/yd|mpgus=mile per US gallon=miles per US gallon=mpg‑US
mpgimp=mile per imperial gallon=miles per imperial gallon=mpg‑imp
L/100 km=litre per 100 kilometres=litres per 100 kilometres=L/100 km
km/L=kilometre per litre=kilometres per litre=km/L|rpm=revolution per minute=revolutions per minute=rpm
Hz=hertz=hertz=Hz|kHz=kilohertz=kilohertz=kHz|MHz=megahertz=megahertz=MHz|GHz=gigahertz=gigahertz=GHz
deg=degree=degrees=°|µm=micrometre=micrometres=μm|Mm=megametre=megametres=Mm
sqkm=square kilometre=square kilometres=km²|sqm=square metre=square metres=m²|sq mi=square mile=square miles=sq mi
sq ft=square foot=square feet=sq ft|cu ft=cubic foot=cubic feet=cu ft|km²=square kilometre=square kilometres=km²
m²=square metre=square metres=m²|m³=cubic metre=cubic metres=m³
miles=mile=miles=mi|mile=mile=miles=mi|feet=foot=feet=ft|inch=inch=inches=in|inches=inch=inches=in|yards=yard=yards=yd
metre=metre=metres=m|metres=metre=metres=m|meter=meter=meters=m|meters=meter=meters=m
kilometre=kilometre=kilometres=km|kilometres=kilometre=kilometres=km|kilometer=kilometer=kilometers=km
kilometers=kilometer=kilometers=km|acres=acre=acres=acres|hectare=hectare=hectares=ha|hectares=hectare=hectares=ha
pound=pound=pounds=lb|pounds=pound=pounds=lb|tons=ton=tons=tons|ton=ton=tons=tons
long tons=long ton=long tons=long tons|kilograms=kilogram=kilograms=kg|m/min=metre per minute=metres per minute=m/min
ft/min=foot per minute=feet per minute=ft/min
"""
UNITS = {
    code: (one, many, symbol)
    for code, one, many, symbol in (u.split("=") for u in _UNITS_TEXT.strip().replace("\n", "|").split("|"))
}


_ASTRONOMICAL = {"solar mass": "M☉", "solar radius": "R☉", "solar luminosity": "L☉"}
# The number and what is counted, where one value holds both: "1 200 habitants".
_COUNTED = re.compile(r"([-−+]?[0-9][0-9 ]*(?:[.,][0-9]+)?)(?: +|&nbsp;)([^\W\d_].*)", re.DOTALL)
_SPACED_POWER = re.compile(r"(?<=[^\W\d_]) ([23])$")
_LONG_NUMBER = re.compile(r"[-−+]?[0-9]{5,}(?:\.[0-9]+)?")


def write_number(text: str, call: Call) -> str:
    """Write the number that an editor typed as the wiki groups digits; fractions as they are."""
    text = text.replace("//", "/")
    if "+" in text[1:] and "/" in text:
        return text.replace("+", " ", 1)
    if call.language != "en" and not _LONG_NUMBER.fullmatch(text):
        return text.replace(".", decimal_sign(call.language)) if NUMBER.fullmatch(text) else text
    return (
        format_number(text, call.language).replace("-", "−")
        if text.startswith("-")
        else format_number(text, call.language)
    )


def height(call: Call) -> str:
    """Print `{{height|m=1.80}}` and `{{height|ft=5|in=11}}` with their units."""
    pairs = [(call.get(name), name) for name in ("m", "cm", "ft", "in", "mm", "st", "lb", "kg")]
    return " ".join(f"{value} {unit}" for value, unit in pairs if value) or call.first_value()


def val(call: Call) -> str:
    """Print `{{val|1234.5|0.2|e=3|u=m}}`: the number, its uncertainty, its power of ten and its unit."""
    number, plus = call.value(1), call.value(2)
    text = format_number(number, "en") if number else ""
    text += f" ± {plus}" if plus else ""
    power = call.get("e", "10")
    text += ("×" if text else "") + f"10<sup>{power}</sup>" if power else ""
    unit, before = call.get("u", "ul", "upl", "up"), call.get("p")
    unit = _ASTRONOMICAL.get(unit.lower(), unit)
    return (
        before
        + text
        + (("" if unit in ("%", "°") else " ") + UNITS.get(unit, (unit, unit, unit))[2] if unit else "")
        + call.get("s")
    )


def fraction(call: Call) -> str:
    """Print `{{frac|1|2}}` as 1/2 and `{{frac|3|1|2}}` as 3 1/2."""
    values = [v for v in call.values() if v]
    if len(values) == 3:
        return f"{values[0]} {values[1]}/{values[2]}"
    return "/".join(values) if len(values) == 2 else f"1/{values[0]}" if values else ""


def measure(call: Call) -> str:
    """Print the values of a quantity template one after the other, with exponents: `{{unité|25|km|2|e=3}}`."""
    values = [v for v in call.values() if v]
    if not values:
        return ""
    counted = _COUNTED.fullmatch(values[0])
    number, words = counted.groups() if counted else (values[0], "")
    words = _SPACED_POWER.sub(r"<sup>\1</sup>", words)
    power = f" × 10<sup>{call.get('e')}</sup>" if call.get("e") else ""
    text = format_number(number.replace(" ", ""), call.language) + power + (f" {words}" if words else "")
    for value in values[1:]:
        is_power = re.fullmatch(r"[-−]?[0-9]", value) and not text[-1:].isdecimal()
        text += f"<sup>{value}</sup>" if is_power else value if value.startswith("/") else f" {value}"
    return text
