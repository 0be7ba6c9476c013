"""Check suites: what is expected of each table and frame, as pure functions of its columns and thresholds."""
