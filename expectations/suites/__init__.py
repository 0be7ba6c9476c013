"""Great Expectations suites: what each table is expected to be, as pure functions of its columns."""
