#!/bin/sh
# sqlite3 of Python 3.11 to 3.13 with numpy 2.4.6: R peaks out of an array are stored as bytes, NaN as nothing.
#
# A good guess: an int64 of numpy goes into an INTEGER column as a number, or is refused; NaN comes back NaN.
# What happens: int64 and float32 offer a buffer, so they are stored as a blob, without an error; a blob is greater than any
# number, so every beat lies after sample 1,000,000, and sums are 0. A float64 is a Python float and is stored as one. NaN
# becomes NULL. Give `int(...)` and `float(...)`, or `array.tolist()`.
#
# Output seen:
#   beats stored as ['blob']; after sample 1,000,000: 3 of 3; score NaN is stored as null
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
env/bin/python - <<'EOF'
import sqlite3

import numpy as np

database = sqlite3.connect(":memory:")
database.execute("create table beats (r_peak integer, score real)")
peaks, scores = np.array([78, 374, 668]), np.array([1.5, np.nan, 2.5])
database.executemany("insert into beats values (?, ?)", list(zip(peaks, scores)))
kinds = [row[0] for row in database.execute("select distinct typeof(r_peak) from beats")]
late = database.execute("select count(*) from beats where r_peak > 1000000").fetchone()[0]
nan = database.execute("select typeof(score) from beats limit 1 offset 1").fetchone()[0]
print(f"beats stored as {kinds}; after sample 1,000,000: {late} of 3; score NaN is stored as {nan}")
assert (kinds, late, nan) == (["blob"], 3, "null"), (kinds, late, nan)
EOF
