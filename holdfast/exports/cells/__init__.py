"""How the cells of an export are written: numbers, dates, time zones, and words that say what became of an order."""
