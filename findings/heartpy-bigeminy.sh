#!/bin/sh
# heartpy 1.2.7: a heart in bigeminy at 75 a minute beats 86 a minute, and 120 once it is "cleaned".
#
# A good guess: beats that are early count as beats for the rate, and cleaning intervals changes variability alone.
# What happens: `process` rejects every other beat (38 of 80) as too far from the mean interval, and takes the rate from the
# intervals that are left; with clean_rr=True only the short ones are left: 120 a minute, RMSSD NaN. Nothing is told.
#
# Output seen:
#   true 75.0 a minute; process: 85.9 with 38 of 80 beats rejected; clean_rr=True: 120.0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check heartpy==1.2.7 numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2 setuptools==84.2.1
env/bin/python - <<'EOF'
import warnings

import heartpy
import numpy as np

warnings.simplefilter("ignore")
intervals_s = np.tile([0.5, 1.1], 40)
peaks_s = np.cumsum(np.r_[0.5, intervals_s])[:-1]
at = np.arange(round(intervals_s.sum() * 250) + 500)
signal = np.exp(-0.5 * ((at[:, None] - np.trunc(peaks_s * 250)) / 3) ** 2).sum(axis=1)
signal += 0.005 * np.random.default_rng(0).normal(size=len(at))
work, plain = heartpy.process(signal, 250.0)
_, cleaned = heartpy.process(signal.copy(), 250.0, clean_rr=True)
true = 60 / intervals_s.mean()
rejected = len(work["removed_beats"])
print(
    f"true {true:.1f} a minute; process: {plain['bpm']:.1f} with {rejected} of {len(peaks_s)} beats rejected; "
    f"clean_rr=True: {cleaned['bpm']:.1f}"
)
assert true == 75 and plain["bpm"] > 82 and rejected > 30 and cleaned["bpm"] > 115
EOF
