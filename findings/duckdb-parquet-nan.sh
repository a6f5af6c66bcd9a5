#!/bin/sh
# duckdb 2.0.1 with pyarrow 26.0.1: whether a NaN score is found depends on the file's statistics.
#
# A good guess: a filter finds the same rows in a table in memory and in the Parquet file of that table; and NaN is either
# above 4, as DuckDB's documentation has it, or not, as in numpy.
# What happens: pyarrow leaves NaN out of the statistics of a column, and DuckDB believes them. Where the greatest number of
# a row group is below the limit, its NaN rows are gone: `score > 4`, `isnan(score)` and `max(score)` answer 100, 100 and
# NaN in memory or without statistics, and 0, 0 and 1.0 from the file. The filter of a pyarrow data set, "not at most 4",
# loses them likewise. Scores of beats that could not be judged are NaN: write them as null.
#
# Output seen:
#   memory             score > 4: 100   isnan: 100   greatest: nan
#   with statistics    score > 4: 0   isnan: 0   greatest: 1.0
#   without statistics score > 4: 100   isnan: 100   greatest: nan
#   pyarrow, not (score <= 4): 100 in memory, 0 from the file
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 numpy==2.4.6
env/bin/python - <<'EOF'
import math

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

score = np.linspace(0, 1, 10_000, dtype=np.float32)
score[50::100] = np.nan
memory = pa.table({"score": score})
pq.write_table(memory, "with.parquet")
pq.write_table(memory, "without.parquet", write_statistics=False)
seen = {}
for name, source in (("memory", "memory"), ("with statistics", "'with.parquet'"), ("without statistics", "'without.parquet'")):
    above, nan, greatest = (
        duckdb.sql(f"select {what} from {source} {where}").fetchall()[0][0]
        for what, where in (("count(*)", "where score > 4"), ("count(*)", "where isnan(score)"), ("max(score)", ""))
    )
    seen[name] = above, nan, greatest
    print(f"{name:18} score > 4: {above}   isnan: {nan}   greatest: {greatest}")
assert seen["memory"][:2] == seen["without statistics"][:2] == (100, 100), seen
assert seen["with statistics"] == (0, 0, 1.0), seen
assert math.isnan(seen["memory"][2]), seen
wanted = ~(pc.field("score") <= 4)
rows = memory.filter(wanted).num_rows, ds.dataset("with.parquet").to_table(filter=wanted).num_rows
print("pyarrow, not (score <= 4): {} in memory, {} from the file".format(*rows))
assert rows == (100, 0), rows
EOF
