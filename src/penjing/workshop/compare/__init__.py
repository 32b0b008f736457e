"""`penjing compare`: methods at several sizes, each beside its negative controls.

order.py      what is to be compared; whatever can be refused is refused here
outcome.py    what was found, as frozen values; one file's part of it as JSON
run.py        the stages: build, measure, time, write down
verdict.py    does a method beat its controls, in words
table.py      the table, line by line, for the terminal, Markdown and the page
terminal.py   the table in a terminal
markdown.py   the table as Markdown
figure.py     the Pareto plot: KLD and decode speed against bytes
page.py       compare.html
document.py   compare.json
"""
