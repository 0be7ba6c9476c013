"""Names of the columns that every family shares."""

CUSTOMER = "customer_id"
DAY = "day"
