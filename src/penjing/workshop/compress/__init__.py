"""`penjing compress`: a model and a budget in, a bundle with its passport out.

settings.py   what was asked for
work.py       the unfinished work on disk, so that a kill costs at most a minute
prepare.py    budget, texts and disk: everything that can be refused is refused first
controls.py   the negative controls
measure.py    what was kept, on the exported files, in the engine
passport.py   the numbers as data
run.py        the stages in order
"""
