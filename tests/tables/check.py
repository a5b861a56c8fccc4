"""Reads an output folder with DuckDB, Polars and pandas, and checks that all say the same as its manifest.

    pip install -r tests/tables/requirements.txt
    python tests/tables/check.py OUTPUT_DIR [WEIR]

Of any dataflow. With the binary of weir it also exports the tables, and reads the files back with the csv module, json,
pandas and NetworkX. Prints what fails, and of a graph the top entities. Exit status 1 if anything failed.
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import networkx as nx
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

IDS = {
    "documents": "doc_id",
    "chunks": "chunk_id",
    "mentions": "mention_id",
    "entities": "entity_id",
    "relations": "relation_id",
    "evidence": "evidence_id",
    "items": "item_id",
    "repeats": "fingerprint",
    "shares": "doc_id",
    "failures": "failure_id",
    "calls": "call_id",
}
# Column: what DuckDB, Polars and Arrow call its type, wherever a table has it.
# Which tables an output holds: those of one of these forms.
EVERYWHERE = {"documents", "chunks", "failures"}
FORMS = [
    EVERYWHERE | {"calls", "mentions", "entities", "relations", "evidence"},
    EVERYWHERE | {"calls", "items"},
    EVERYWHERE | {"repeats", "shares"},
]
SPAN = ["char_start", "char_end", "byte_start", "byte_end"]
DUCK_SPAN = "STRUCT(" + ", ".join(f"{name} BIGINT" for name in SPAN) + ")[]"
LABEL = ("VARCHAR", "Categorical", "dictionary")
TIME = ("TIMESTAMP WITH TIME ZONE", "Datetime(time_unit='us', time_zone='UTC')", "timestamp[us, tz=UTC]")
TEXTS = ("VARCHAR[]", "List(String)", "list<")
TYPES = {
    "kind": LABEL,
    "match": LABEL,
    "format": LABEL,
    "outcome": LABEL,
    "reason": LABEL,
    "recorded_at": TIME,
    "answered_at": TIME,
    "first_at": TIME,
    "last_at": TIME,
    "at": TIME,
    "speakers": TEXTS,
    "aliases": TEXTS,
    "spans": (DUCK_SPAN, "List(Struct(", "list<"),
    "merged_by": ("STRUCT(a VARCHAR, b VARCHAR, rule VARCHAR)[]", "List(Struct(", "list<"),
    "meta": ("MAP(VARCHAR, VARCHAR)", "", "map<string, string"),
    "score": ("FLOAT", "Float32", "float"),
    "cost_usd": ("DOUBLE", "Float64", "double"),
    "position": ("BIGINT", "Int64", "int64"),
    "complete": ("BOOLEAN", "Boolean", "bool"),
    "share": ("FLOAT", "Float32", "float"),
    "keywords": TEXTS,
}

failures = []


def check(good, message):
    """Notes what does not hold."""
    if not good:
        failures.append(message)


def one(db, query):
    """The one value that a query gives."""
    return db.execute(query).fetchall()[0][0]


def parts_of(folder):
    """The pattern for the files of a folder. Marks of patterns in its own name must stand in brackets."""
    return re.sub(r"([\[*?])", r"[\1]", str(folder.absolute())) + "/*.parquet"


def table(db, output, name, info):
    """One table: readable by all three, with the manifest's rows, unique ids and the types meant."""
    folder = output / "current" / name
    files = sorted(folder.glob("*.parquet"))
    check({f.name for f in files} == {p["file"] for p in info["parts"]}, f"{name}: not the manifest's files")
    pattern = parts_of(folder)
    polars = pl.read_parquet(pattern)
    pandas = pd.read_parquet(folder)
    direct = duckdb.connect()
    quoted = pattern.replace("'", "''")
    path = f"read_parquet('{quoted}')"
    rows = {
        "manifest": info["rows"],
        "parts": sum(part["rows"] for part in info["parts"]),
        "view": one(db, f"SELECT count(*) FROM {name}"),
        "duckdb": one(direct, f"SELECT count(*) FROM {path}"),
        "polars": polars.height,
        "pandas": len(pandas),
    }
    check(len(set(rows.values())) == 1, f"{name}: rows differ: {rows}")
    key = IDS[name]
    check(polars[key].n_unique() == polars.height, f"{name}: {key} is not unique")
    check(not pandas[key].duplicated().any(), f"{name}: {key} is not unique (pandas)")
    hexes = one(db, f"SELECT count(*) FROM {name} WHERE NOT regexp_full_match({key}, '[0-9a-f]{{32}}|[0-9a-f]{{64}}')")
    check(hexes == 0, f"{name}: {key} is not 32 or 64 hex digits")

    duck_types = dict(db.execute(f"SELECT column_name, column_type FROM (DESCRIBE {name})").fetchall())
    arrow = pq.read_schema(files[0])
    check(list(duck_types) == polars.columns == list(pandas.columns) == arrow.names, f"{name}: columns differ")
    for column, (duck, pole, arr) in TYPES.items():
        if column in duck_types:
            found = duck_types[column], str(polars.schema[column]), str(arrow.field(column).type)
            check(found[0].replace('"', "") == duck, f"{name}.{column}: DuckDB reads {found[0]}")
            check(found[1].startswith(pole), f"{name}.{column}: Polars reads {found[1]}")
            check(found[2].startswith(arr), f"{name}.{column}: Arrow reads {found[2]}")
    for file in files:
        own = {k: v for k, v in pq.read_metadata(file).metadata.items() if k.startswith(b"weir.")}
        check(own.get(b"weir.table") == name.encode(), f"{file}: no weir.table")
        check(own.get(b"weir.schema") == str(info["schema"]).encode(), f"{file}: no weir.schema")

    # Values, not only types: labels and times must say the same in all three.
    for column in duck_types:
        if TYPES.get(column) in (LABEL, TIME) or column == key:
            ours = db.execute(f'SELECT "{column}"::VARCHAR FROM {name} WHERE "{column}" IS NOT NULL').fetchall()
            in_duckdb = sorted(value for (value,) in ours)
            if TYPES.get(column) == TIME:
                check(len(in_duckdb) == polars[column].count() == pandas[column].count(), f"{name}.{column}: nulls")
                if in_duckdb:
                    low = one(db, f'SELECT epoch_us(min("{column}")) FROM {name}')
                    same = low == polars[column].min().timestamp() * 1e6 == pandas[column].min().timestamp() * 1e6
                    check(same, f"{name}.{column}: times differ")
            else:
                in_polars = sorted(polars[column].cast(pl.String).drop_nulls().to_list())
                in_pandas = sorted(pandas[column].dropna().astype(str).to_list())
                check(in_duckdb == in_polars == in_pandas, f"{name}.{column}: values differ")


def orphans(db, what, query):
    """Rows that refer to nothing."""
    count = one(db, f"SELECT count(*) FROM ({query})")
    check(count == 0, f"{what}: {count} rows")


def plain(value):
    """A value of JSON Lines as it must stand in CSV."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "'" + value if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return None


def exports(weir, output, manifest):
    """Exports everything and compares it."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder)
        for form in ["csv", "jsonl", "parquet"]:
            subprocess.run([weir, "export", "-o", output, "--format", form, "--to", to], check=True, capture_output=True)
        tables = {}
        for name in manifest["tables"]:
            rows = [json.loads(line) for line in (to / f"{name}.jsonl").open(encoding="utf-8")]
            with (to / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                records = list(csv.DictReader(file))
            frame = pd.read_parquet(to / f"{name}.parquet")
            expected = manifest["tables"][name]["rows"]
            check(len(rows) == len(records) == len(frame) == expected, f"exported {name}: counts differ")
            for row, record in zip(rows, records):
                check(set(row) == set(record), f"exported {name}: columns differ")
                for column, value in row.items():
                    if plain(value) is not None:
                        check(record[column] == plain(value), f"exported {name}.{column}: CSV and JSON differ")
                    else:
                        check(json.loads(record[column]) == value, f"exported {name}.{column}: CSV and JSON differ")
            tables[name] = rows
        graph_file = to / "graph.graphml"
        export = [weir, "export", "-o", output, "--format", "graphml", "--to", graph_file]
        done = subprocess.run(export, capture_output=True, text=True)
        if "entities" not in tables:
            check(done.returncode == 2 and "have no entities" in done.stderr, f"GraphML without a graph: {done.stderr}")
            return
        check(done.returncode == 0, f"GraphML: {done.stderr}")
        graph = nx.read_graphml(graph_file)
        check(graph.is_directed(), "GraphML: not directed")
        check(graph.number_of_nodes() == len(tables["entities"]), "GraphML: nodes are not the entities")
        check(graph.number_of_edges() == len(tables["relations"]), "GraphML: edges are not the relations")
        for row in tables["entities"]:
            node = graph.nodes[row["entity_id"]]
            for key in ["name", "kind", "mentions", "documents"]:
                check(node[key] == row[key], f"GraphML: {key} of a node differs")
        found = {(a, b, data["predicate"]): data for a, b, data in graph.edges(data=True)}
        quotes = {}
        for row in tables["evidence"]:
            quotes.setdefault(row["relation_id"], set()).add(row["quote"])
        for row in tables["relations"]:
            edge = found[row["source_id"], row["target_id"], row["predicate"]]
            check(edge["evidence"] == row["evidence"], "GraphML: evidence of an edge differs")
            check(edge["quote"] in quotes[row["relation_id"]], "GraphML: a quote is not of the relation's evidence")


def main(output, weir=None):
    """All checks."""
    views = (output / "views.sql").read_text()
    db = duckdb.connect()
    # Times print in UTC, whatever the machine's zone.
    db.execute("SET TimeZone = 'UTC'")
    db.execute(views)
    manifest = json.loads((output / "current" / "manifest.json").read_text())
    held = manifest["tables"]
    check(set(held) in FORMS, f"the tables are those of no form: {sorted(held)}")
    check({folder.name for folder in (output / "current").iterdir() if folder.is_dir()} == set(held), "folders differ")
    views_found = set(re.findall(r"VIEW (\w+) AS", views)) - {"vintages"}
    check(views_found == set(held), f"views.sql has {sorted(views_found)}")
    for name in held:
        table(db, output, name, manifest["tables"][name])

    parts = ["ok", "failed", "dropped", "duplicate", "pending", "unasked"]
    chunks = manifest["chunks"]
    check(chunks["total"] == sum(chunks[part] for part in parts), "manifest: chunks do not add up")
    check(manifest["documents"] == manifest["tables"]["documents"]["rows"], "manifest: documents differ")
    check(manifest["failures"] == manifest["tables"]["failures"]["rows"], "manifest: failures differ")
    total = " + ".join(f"chunks_{part}" for part in parts)
    orphans(db, "documents whose chunks do not add up", f"FROM documents WHERE chunks_total <> {total}")
    for part in ["total", *parts]:
        summed = one(db, f"SELECT coalesce(sum(chunks_{part}), 0) FROM documents")
        check(summed == chunks[part], f"chunks_{part}: {summed} in documents, {chunks[part]} in the manifest")
    for part in parts:
        query = f"""SELECT d.doc_id FROM documents d LEFT JOIN
            (SELECT doc_id, count(*) n FROM chunks WHERE status = '{part}' GROUP BY doc_id) c USING (doc_id)
            WHERE coalesce(c.n, 0) <> d.chunks_{part}"""
        orphans(db, f"documents whose {part} chunks are not those of chunks", query)
    for child, column, parent, key in [
        ("mentions", "entity_id", "entities", "entity_id"),
        ("mentions", "chunk_id", "chunks", "chunk_id"),
        ("relations", "source_id", "entities", "entity_id"),
        ("relations", "target_id", "entities", "entity_id"),
        ("evidence", "relation_id", "relations", "relation_id"),
        ("evidence", "chunk_id", "chunks", "chunk_id"),
        ("chunks", "doc_id", "documents", "doc_id"),
        ("chunks", "duplicate_of", "chunks", "chunk_id"),
        ("items", "chunk_id", "chunks", "chunk_id"),
        ("items", "doc_id", "documents", "doc_id"),
        ("repeats", "first_chunk_id", "chunks", "chunk_id"),
        ("shares", "doc_id", "documents", "doc_id"),
        ("documents", "doc_id", "shares" if "shares" in held else "documents", "doc_id"),
    ]:
        if child not in held:
            continue
        query = f"""FROM {child} c WHERE c.{column} IS NOT NULL
            AND NOT EXISTS (FROM {parent} p WHERE p.{key} = c.{column})"""
        orphans(db, f"{child}.{column} that is not in {parent}", query)
    for child, key, parent, column in [
        ("mentions", "entity_id", "entities", "mentions"),
        ("evidence", "relation_id", "relations", "evidence"),
        ("chunks", "fingerprint", "repeats", "chunks"),
    ]:
        if parent not in held:
            continue
        query = f"""FROM {parent} p LEFT JOIN (SELECT {key}, count(*) n FROM {child} GROUP BY {key}) c USING ({key})
            WHERE coalesce(c.n, 0) <> p.{column}"""
        orphans(db, f"{parent}.{column} that is not the number of {child}", query)
    for name in {"mentions", "evidence", "items"} & set(held):
        orphans(db, "scores out of range", f"FROM {name} WHERE score NOT BETWEEN 0 AND 1")
        orphans(db, "matches that contradict spans", f"FROM {name} WHERE (match = 'none') <> (len(spans) = 0)")
        spans = pq.read_table(output / "current" / name)["spans"]
        check(pa.types.is_list(spans.type), "spans are no lists to Arrow")
        query = f"FROM {name} r JOIN chunks c USING (chunk_id) WHERE r.prompt_id <> c.prompt_id OR r.schema_id <> c.schema_id"
        orphans(db, f"{name} of another vintage than their chunk", query)
    if "calls" in held:
        texts = {(v["prompt_id"], v["schema_id"], v["model"]): v["texts"] for v in manifest["vintages"]}
        found = db.execute("SELECT prompt_id, schema_id, model, texts FROM vintages").fetchall()
        check({row[:3]: row[3] for row in found} == texts, f"vintages differ: {found} in the view, {texts} in the manifest")

    for folder in sorted((output / "changes").glob("*")) if (output / "changes").exists() else []:
        found = pl.read_parquet(parts_of(folder), columns=["_epoch", "_diff"])
        check(found["_diff"].abs().unique().to_list() == [1], f"changes of {folder.name}: diffs are not 1 or -1")
        check(found["_epoch"].max() <= manifest["epoch"], f"changes of {folder.name}: from the future")

    if weir:
        exports(weir, output, manifest)

    for failure in failures:
        print(f"FAILED  {failure}")
    rows = {name: manifest["tables"][name]["rows"] for name in held}
    print(f"epoch {manifest['epoch']}: " + ", ".join(f"{count} {name}" for name, count in rows.items()))
    if "entities" in held:
        print(db.sql("SELECT name, kind, mentions, documents FROM entities ORDER BY mentions DESC, name LIMIT 10"))
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
