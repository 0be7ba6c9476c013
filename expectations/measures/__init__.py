"""Measures of a whole table that its checks look at: volume, completeness, drift, links between tables."""
