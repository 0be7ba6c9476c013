"""Files, Parquet, paths and hashing that every layer uses."""
