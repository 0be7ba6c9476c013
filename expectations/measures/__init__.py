"""What is measured of a whole table before its checks are run: volume, completeness, drift, links between tables."""
