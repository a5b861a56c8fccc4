"""Runs the queries of dataflows/QUERIES.md on the sample transcripts' tables and compares their answers with the page.

    pip install -r tests/tables/requirements.txt
    python tests/tables/queries.py OUT [--write]

OUT holds one output folder for each dataflow, by its name. With --write the page gets the answers that were found.
Exit status 1 if one differs.
"""

import re
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl

PAGE = Path(__file__).parents[2] / "dataflows" / "QUERIES.md"
# A block of SQL or Python that names its dataflow, and the block of text after it.
BLOCK = re.compile(r"```(sql|python) ([a-z-]+)\n(.*?)```\n+```text\n(.*?)```", re.S)


def cell(value):
    """A value as the page shows it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        return cell(value.tolist()) if hasattr(value, "tolist") else ", ".join(map(str, value))
    return str(value)


def rows(language, code, output):
    """The rows of an answer."""
    if language == "sql":
        db = duckdb.connect()
        db.execute("SET TimeZone = 'UTC'")
        db.execute((output / "views.sql").read_text())
        return db.execute(code).fetchall()
    names = {"pl": pl, "pd": pd, "output": str(output)}
    exec(code, names)
    answer = names["answer"]
    if isinstance(answer, pl.DataFrame):
        return answer.rows()
    return list(answer.itertuples(index=False, name=None))


def main(outputs, write):
    """Every block of the page."""
    page = PAGE.read_text()
    different = []
    count = 0

    def again(block):
        nonlocal count
        language, dataflow, code, shown = block.groups()
        found = "".join(" | ".join(map(cell, row)) + "\n" for row in rows(language, code, outputs / dataflow))
        count += 1
        if found != shown:
            different.append((code, shown, found))
        head, tail = block.group(0).rsplit("```text\n", 1)
        return f"{head}```text\n{found}```" if write else block.group(0)

    new = BLOCK.sub(again, page)
    if count < 10 or count != page.count("```text\n"):
        sys.exit(f"{PAGE}: {count} queries with answers were found")
    if write:
        PAGE.write_text(new)
        print(f"{count} answers written, {len(different)} of them new")
        return 0
    for code, shown, found in different:
        print(f"FAILED\n{code}the page shows\n{shown}but the answer is\n{found}")
    print(f"{count} queries, {len(different)} with another answer than the page shows")
    return 1 if different else 0


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--write"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    sys.exit(main(Path(arguments[0]), "--write" in sys.argv))
