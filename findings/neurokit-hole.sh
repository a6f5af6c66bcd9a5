#!/bin/sh
# neurokit2 0.3.0: two seconds without signal get a beat, a heart rate and a quality.
#
# A good guess: samples that are NaN stay NaN in the cleaned signal, and no beat is reported inside.
# What happens: ecg_clean fills the hole, and ecg_process, which corrects what it takes for a missed beat by default, puts an
# R peak into it; rate and quality are numbers throughout. Only a warning of the filling tells it. Mask afterwards.
#
# Output seen:
#   hole from 20 to 22 s: missing in the cleaned signal 0, R peaks inside 1, quality in its middle is a number: True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check neurokit2==0.3.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
env/bin/python - <<'EOF'
import warnings

import neurokit2 as nk
import numpy as np

warnings.simplefilter("ignore")
signal = nk.ecg_simulate(duration=60, sampling_rate=250, heart_rate=70, noise=0, random_state=1)
signal[5000:5500] = np.nan
frame, info = nk.ecg_process(signal, sampling_rate=250)
peaks = np.asarray(info["ECG_R_Peaks"])
inside = int(((peaks > 5000) & (peaks < 5500)).sum())
missing = int(np.isnan(frame["ECG_Clean"]).sum())
told = bool(np.isfinite(frame["ECG_Quality"][5250]) and np.isfinite(frame["ECG_Rate"][5250]))
print(
    f"hole from 20 to 22 s: missing in the cleaned signal {missing}, R peaks inside {inside}, "
    f"quality in its middle is a number: {told}"
)
assert (missing, inside, told) == (0, 1, True)
EOF
