"""Rules for single rows: which rows are set aside, the quarantine, and the release of corrected rows."""
