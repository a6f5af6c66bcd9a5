#!/bin/sh
# wfdb 4.3.1: processing.resample_sig draws a line through a hole, and returns no NaN.
#
# A good guess: NaN in, NaN out, or an error, as scipy.signal.resample (which it calls) makes the whole signal NaN.
# What happens: missing samples are interpolated first, without a word: two seconds without electrodes come back as a ramp
# between its edges, and the end of the record runs into its beginning by the Fourier transform.
#
# Output seen:
#   500 samples missing of 5000; after 250 -> 200 Hz missing: 0; in the hole from -0.16 to -0.82 mV in a line
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check wfdb==4.3.1 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
env/bin/python - <<'EOF'
import numpy as np
from wfdb.processing import resample_sig

signal = np.cos(np.arange(5000) / 250.0)
edges = signal[1999], signal[2500]
signal[2000:2500] = np.nan
after, _ = resample_sig(signal, 250, 200)
hole = after[1610:1990]
print(
    f"500 samples missing of 5000; after 250 -> 200 Hz missing: {np.isnan(after).sum()}; "
    f"in the hole from {hole[0]:.2f} to {hole[-1]:.2f} mV in a line"
)
assert not np.isnan(after).any() and len(after) == 4000
assert np.abs(hole - np.interp(np.arange(1610, 1990) * 1.25, [1999, 2500], edges)).max() < 0.02
EOF
