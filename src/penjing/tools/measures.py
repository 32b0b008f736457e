"""Units of measurement and how they convert, exactly. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Unit:
    """One unit."""

    name: str
    """How it is written in an answer."""
    kind: str
    """What it measures; units of one kind convert into each other."""
    factor: Fraction
    """How many of the kind's base unit it is."""
    offset: Fraction = Fraction(0)
    """What is added after the factor: where a scale's zero lies."""


_TABLE = """
length m 1: m metre metres meter meters 米 公尺
length km 1000: km kilometre kilometres kilometer kilometers 公里 千米
length cm 1/100: cm centimetre centimetres centimeter centimeters 厘米 公分
length mm 1/1000: mm millimetre millimetres millimeter millimeters 毫米
length mi 201168/125: mi mile miles 英里
length ft 381/1250: ft foot feet 英尺
length in 127/5000: inch inches 英寸
length yd 1143/1250: yd yard yards 码
length nmi 1852: nmi 海里
length li 500: li 里
mass kg 1: kg kilo kilos kilogram kilograms 公斤 千克
mass g 1/1000: g gram grams gramme grammes 克
mass mg 1/1000000: mg milligram milligrams 毫克
mass t 1000: tonne tonnes ton tons 吨
mass jin 1/2: jin 斤
mass liang 1/20: liang 两重
mass lb 45359237/100000000: lb lbs pound pounds 磅
mass oz 45359237/1600000000: oz ounce ounces 盎司
volume l 1: l litre litres liter liters 升
volume ml 1/1000: ml millilitre millilitres milliliter milliliters 毫升
volume gal 473176473/125000000: gal gallon gallons 加仑
volume cup 473176473/2000000000: cup cups 杯
volume m3 1000: m3 立方米
area m2 1: m2 平方米 平米
area km2 1000000: km2 平方公里
area ha 10000: ha hectare hectares 公顷
area mu 2000/3: mu 亩
area acre 316160658/78125: acre acres 英亩
time s 1: s sec secs second seconds 秒 秒钟
time min 60: min mins minute minutes 分钟
time h 3600: h hr hrs hour hours 小时 钟头
time d 86400: day days 天
time week 604800: week weeks 星期 周
speed m/s 1: mps
speed km/h 5/18: kmh kph
speed mph 1397/3125: mph
energy J 1: joule joules 焦耳
energy kWh 3600000: kwh 度电
energy kcal 4184: kcal 大卡 千卡
data B 1: byte bytes 字节
data KB 1000: kb
data MB 1000000: mb
data GB 1000000000: gb
data TB 1000000000000: tb
"""


def _units() -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        head, words = line.split(":")
        kind, name, factor = head.split()
        unit = Unit(name, kind, Fraction(factor))
        found |= dict.fromkeys(words.split(), unit)
    celsius = Unit("°C", "temperature", Fraction(1))
    fahrenheit = Unit("°F", "temperature", Fraction(5, 9), Fraction(-160, 9))
    kelvin = Unit("K", "temperature", Fraction(1), Fraction(-27315, 100))
    found |= dict.fromkeys(("°c", "celsius", "摄氏度", "℃"), celsius)
    found |= dict.fromkeys(("°f", "fahrenheit", "华氏度", "℉"), fahrenheit)
    found |= dict.fromkeys(("kelvin", "开尔文"), kelvin)
    return found


UNITS = _units()
"""Every word for a unit, in lower case."""


def to_base(value: Fraction, unit: Unit) -> Fraction:
    """A value of a unit in its kind's base unit."""
    return value * unit.factor + unit.offset


def from_base(value: Fraction, unit: Unit) -> Fraction:
    """A value of the kind's base unit in a unit."""
    return (value - unit.offset) / unit.factor
