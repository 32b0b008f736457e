"""What the workshop's HTML pages share: one layout, one style, one drawing kit, one way to write.

    render("report/page.html", ...) -> str     a whole page; its template extends pages/base.html
    plots.py, axes.py                          SVG elements; axes, marks and legends of figures
    texts.py                                   numbers and names as they are written

Must not know what a page shows: passports and comparisons have rooms of their own.
"""
