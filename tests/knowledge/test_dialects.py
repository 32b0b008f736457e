"""Tables as people's programs write them: a value is never torn, nor given another's name."""

from __future__ import annotations

import pytest

from penjing.knowledge.formats import csv


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("sep=;\nWare;Preis\nNagel;0,12\n", "Ware: Nagel; Preis: 0,12"),
        ("sep=|\nA|B\n1;2|3\n", "A: 1;2; B: 3"),
        ("Price list 2026\n\nName;Price\nWidget;12,50\n",
         "Price list 2026\nName: Widget; Price: 12,50"),
        ("Liste;;\nName;Preis;Rest\nHerd;499,00;3\n", "Liste\nName: Herd; Preis: 499,00; Rest: 3"),
        ("Name;Price, net, EUR, 2026\nWidget;12,50\nGadget;7,00\n",
         "Name: Widget; Price, net, EUR, 2026: 12,50\nName: Gadget; Price, net, EUR, 2026: 7,00"),
        ("Name,Price\nWidget,12,50\nGadget,7,00\n",
         "Name: Widget; Price: 12,50\nName: Gadget; Price: 7,00"),
        ("Name,Price\nWidget,12.50\n", "Name: Widget; Price: 12.50"),
        ('Name,Price\nWidget,"12,50"\n', "Name: Widget; Price: 12,50"),
        ("Widget;12,50\nGadget;7,00\n", "Widget; 12,50\nGadget; 7,00"),
        ("Year;2023;2024\nSales;5;6\n", "Year: Sales; 2023: 5; 2024: 6"),
        ("'a;b';'c'\n'd;e';'f'\n", "a;b: d;e; c: f"),
        ("name\nanna\nben\n", "name: anna\nname: ben"),
        ("note\nbuy milk, eggs\nbuy salt\n", "note: buy milk, eggs\nnote: buy salt"),
        ('a, b\n1, "x, y"\n', "a: 1; b: x, y"),
        ("k\tv\nx, y\t1,5\n", "k: x, y; v: 1,5"),
        ('Name,Text\nA,"say \\"hi\\", now"\n', 'Name: A; Text: say "hi", now'),
        ('Name,Text\nA,"say ""hi"", now"\n', 'Name: A; Text: say "hi", now'),
        ("Date;Temp\n2026-01-01;-3,5\n", "Date: 2026-01-01; Temp: -3,5"),
        ('a,b\n"x; y",z\n"u; v",w\n', "a: x; y; b: z\na: u; v; b: w"),
        ("名称；备注\n", "名称；备注"),
    ],
)  # fmt: skip
def test_rows_say_what_stood_there(table: str, text: str) -> None:
    assert csv.read(table.encode()).text.strip() == text
