"""Rules for single rows: what sets a row aside, the quarantine, and the release of corrected rows."""
