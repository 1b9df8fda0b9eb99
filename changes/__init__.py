"""What a change is and what may happen to it.

Pure: no I/O, no clock, no Temporal, no database. Everything that depends on the world (who somebody is,
who is asked, what time it is, when something falls due) enters as data, see :mod:`changes.facts`.
"""
