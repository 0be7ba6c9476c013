"""The details of a customer that name or reach a person: passed through from the customers table to lists, for people."""

import polars as pl

from features.tables.schema import CUSTOMERS

DETAIL_COLUMNS: dict[str, pl.DataType] = {name: pl.String() for name in CUSTOMERS.details}
TITLES = {"external_id": "Customer number", "name": "Name", "email": "E-mail", "phone": "Phone"}
