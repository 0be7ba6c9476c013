"""Files in an object store, read from a real S3 server on loopback, are what the same files are on this machine."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.tables.errors import TableUnusableError
from features.tables.object_stores import list_objects
from features.tables.read import RawTable, read_table
from settings.errors import SettingsError
from settings.load import load_settings

Put = Callable[[str, bytes], str]
ORDERS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "a", "c"],
        "order_id": ["1", "2", "3", "4"],
        "ordered_at": ["2026-01-05", "2026-01-09", "2026-02-01", "2026-02-02"],
        "amount": ["5.00", "6.50", "7.25", "8.00"],
    }
)


def read(folder: Path, source: str) -> RawTable:
    config = folder / "holdfast.toml"
    config.write_text(f"[tables]\ntransactions = {source}\n", encoding="utf-8")
    table = read_table(load_settings(config, {}), "transactions")
    assert table is not None
    return table


def as_parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def as_workbook(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_excel(out)
    return out.getvalue()


FORMATS = {
    "orders.csv": ORDERS.write_csv().encode(),
    "orders.parquet": as_parquet(ORDERS),
    "orders.xlsx": as_workbook(ORDERS),
    "old.csv": ORDERS.write_csv(separator=";").encode("cp1252"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_object_is_read_like_a_local_file(name: str, tmp_path: Path, put: Put) -> None:
    (tmp_path / name).write_bytes(FORMATS[name])
    folder = put(name, FORMATS[name])
    local, remote = read(tmp_path, f'"{name}"'), read(tmp_path, f'"{folder}/{name}"')
    assert_frame_equal(remote.rows.collect(), local.rows.collect())
    assert remote.files == local.files == [name]
    assert local.rows.collect().height == ORDERS.height


def test_a_pattern_names_the_objects_that_it_names_on_a_disk(tmp_path: Path, put: Put) -> None:
    names = ["2025.csv", "2026.csv", "old/2024.csv", "old/deep/2023.csv", "2026.txt", "x2026.csv.bak"]
    for name in names:
        folder = put(name, b"a")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a")
    for pattern in ("*.csv", "202[56].csv", "**/*.csv", "old/*.csv", "20??.csv", "*/*.csv", "2026.csv", "*.no"):
        found = [stored.url.removeprefix(f"{folder}/") for stored in list_objects(f"{folder}/{pattern}")]
        assert found == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(pattern)), pattern
    assert [stored.size for stored in list_objects(f"{folder}/2026.*")] == [1, 1]


def write_partitions(write: Callable[[str, bytes], object]) -> None:
    for month in ("2026-01", "2026-02"):
        rows = ORDERS.filter(pl.col("ordered_at").str.starts_with(month))
        write(f"sales/month={month}/region=North/part-0.parquet", as_parquet(rows))
    write("sales/_SUCCESS", b"")
    write("sales/_temporary/part-9.parquet", b"half of a file")
    write("sales/month=2026-02/.part-1.parquet.crc", b"checksum")


def test_a_partitioned_data_set_has_its_folders_as_columns(tmp_path: Path, put: Put) -> None:
    def write(name: str, content: bytes) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    write_partitions(write)
    write_partitions(put)
    folder = put("other.txt", b"")
    local, remote = read(tmp_path, '"sales"'), read(tmp_path, f'"{folder}/sales/"')
    frame = local.rows.collect()
    assert_frame_equal(remote.rows.collect(), frame)
    assert local.files == remote.files == [f"month=2026-0{month}/region=North/part-0.parquet" for month in (1, 2)]
    assert frame["region"].unique().to_list() == ["North"]
    assert frame["customer_id"].to_list() == ORDERS["customer_id"].to_list()


def test_a_half_written_partition_stops_the_table_and_is_named(tmp_path: Path, put: Put) -> None:
    write_partitions(put)
    folder = put("sales/month=2026-03/region=North/part-0.parquet", as_parquet(ORDERS)[:-20])
    with pytest.raises(TableUnusableError, match=r"month=2026-03.*part-0\.parquet"):
        read(tmp_path, f'"{folder}/sales"')
    put("sales/month=2026-03/region=North/part-0.parquet", b"")
    with pytest.raises(TableUnusableError, match=r"month=2026-03.*part-0\.parquet"):
        read(tmp_path, f'"{folder}/sales"')


def test_a_partition_with_another_schema_is_named(tmp_path: Path, put: Put) -> None:
    write_partitions(put)
    folder = put("sales/month=2026-03/region=North/part-0.parquet", as_parquet(ORDERS.rename({"amount": "sum"})))
    with pytest.raises(TableUnusableError, match=r"amount.*\(in month=2026-03/region=North/part-0\.parquet\)"):
        read(tmp_path, f'"{folder}/sales"')


def test_a_delta_table_is_read_in_its_newest_version(tmp_path: Path, put: Put) -> None:
    folder = put("other.txt", b"")
    for place in (str(tmp_path / "lake"), f"{folder}/lake"):
        ORDERS.head(2).write_delta(place)
        ORDERS.tail(2).write_delta(place, mode="append")
    for source in ("lake", f"{folder}/lake", f"{folder}/lake/"):
        table = read(tmp_path, f'"{source}"')
        assert table.files == ["lake"]
        assert sorted(table.rows.collect()["customer_id"]) == sorted(ORDERS["customer_id"])


def test_an_iceberg_table_is_read_by_its_newest_metadata(tmp_path: Path) -> None:
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("own", warehouse=f"file://{tmp_path}/lake")
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.orders", schema=ORDERS.to_arrow().schema)
    for part in (ORDERS.head(3), ORDERS.tail(1)):
        table.append(part.to_arrow().cast(table.schema().as_arrow()))
    place = Path(table.location().removeprefix("file://"))
    for source in (place, max((place / "metadata").glob("*.metadata.json"))):
        assert sorted(read(tmp_path, f'"{source}"').rows.collect()["customer_id"]) == sorted(ORDERS["customer_id"])


@pytest.fixture
def refusing_server() -> Iterator[str]:
    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # a name of the base class
            self.send_error(403, "AccessDenied")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["s3://shop/orders.csv", "s3://shop/sales/*.parquet", "s3://shop/lake"])
def test_a_store_that_refuses_is_named_in_one_sentence(
    place: str, tmp_path: Path, s3_environment: Callable[..., None], refusing_server: str
) -> None:
    s3_environment(AWS_ENDPOINT_URL=refusing_server)
    with pytest.raises(TableUnusableError) as error:
        read(tmp_path, f'"{place}"')
    assert str(error.value) == (
        f"Table transactions: {place} cannot be read: access is denied; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
        "environment, and what they may read."
    )
    assert "test-" not in str(error.value)


def test_a_store_that_cannot_be_reached_is_named_in_one_sentence(
    tmp_path: Path, s3_environment: Callable[..., None], closed_port: int
) -> None:
    s3_environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{closed_port}")
    with pytest.raises(TableUnusableError, match="the object store cannot be reached; check the network, and the endpoint"):
        read(tmp_path, '"s3://shop/orders.csv"')


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("s3://nowhere/orders.csv", "there is no such bucket or object"),
        ("s3://shop/nothing.csv", "there is no file s3://shop/nothing.csv; correct tables.transactions in the configuration"),
        ("s3://shop/nothing/*.csv", "there is no file"),
    ],
)
def test_a_missing_object_is_named(place: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(TableUnusableError, match=problem.replace("*", r"\*")):
        read(tmp_path, f'"{place}"')


@pytest.mark.parametrize("place", ["s3://key:secret-of-mine@shop/orders.csv", "s3://shop/orders.csv?token=secret-of-mine"])
def test_credentials_in_the_configuration_are_refused_and_not_repeated(place: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="should be a URL without credentials; they come from the environment") as error:
        read(tmp_path, f'"{place}"')
    assert "secret-of-mine" not in str(error.value)
