#!/bin/sh
# wfdb 4.3.1: rdann(sampfrom=...) without sampto returns all annotations, and moves them if asked to.
#
# A good guess: what is read begins at sampfrom, as in rdrecord.
# What happens: sampfrom is looked at only where sampto is given as well. With shift_samps the beats from before get times
# as if they came after sampfrom. Give both.
#
# Output seen:
#   400 annotations, 200 of them from sample 50000 on
#   sampfrom alone: 400, first at 200; with sampto: 200, first at 50200
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check wfdb==4.3.1 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'EOF'
import numpy as np
import wfdb

samples = np.arange(200, 100_000, 250)
wfdb.wrann("beats", "atr", samples, ["N"] * len(samples))
alone = wfdb.rdann("beats", "atr", sampfrom=50_000).sample
both = wfdb.rdann("beats", "atr", sampfrom=50_000, sampto=100_000).sample
print(f"{len(samples)} annotations, {(samples >= 50_000).sum()} of them from sample 50000 on")
print(f"sampfrom alone: {len(alone)}, first at {alone[0]}; with sampto: {len(both)}, first at {both[0]}")
assert (len(alone), int(alone[0]), len(both), int(both[0])) == (400, 200, 200, 50_200)
EOF
