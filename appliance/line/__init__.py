"""The line: the stations a ticket passes, one file each, and the order, which stands in ``line.py`` alone."""
