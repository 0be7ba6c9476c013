"""What commands call: check every table, load the usable ones, check our own outputs, release rows."""
