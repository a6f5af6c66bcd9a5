#!/bin/sh
# vitaldb 1.7.2: a hole is NaN as recorded, and a voltage of -32.768 mV once the library has saved the file itself.
#
# A good guess: what `to_vital` writes reads as what was read; a hole stays NaN.
# What happens: `to_vital` joins the blocks of a wave and fills holes with the lowest code of its steps (-32768); `to_numpy`
# takes that code for a sample: -32.768 mV at a gain of 0.001, for as long as the hole lasts. Only floats come back.
#
# Output seen:
#   a hole of 2 s at 500 Hz: 1000 samples NaN as recorded; after to_vital: 0 NaN, 1000 samples of -32.768 mV
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check vitaldb==1.7.2 wfdb==4.3.1 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'EOF'
import numpy as np
import vitaldb
from vitaldb.utils import Track

began = 1614897001.0
steps = np.round(1000 * np.sin(np.arange(500 * 60) / 50)).astype(np.int16)
blocks = [{"dt": began + i, "val": steps[500 * i : 500 * i + 500]} for i in range(60) if i not in (20, 21)]
file = vitaldb.VitalFile()
file.dtstart, file.dtend = began, began + 60
file.trks["ECG_II"] = Track("ECG_II", 1, unit="mV", fmt=5, srate=500, gain=0.001, offset=0.0, recs=blocks)
file.to_vital("recorded.vital", packed=False)
vitaldb.VitalFile("recorded.vital").to_vital("saved.vital")
recorded, saved = (vitaldb.VitalFile(name).to_numpy(["ECG_II"], 1 / 500)[:, 0] for name in ("recorded.vital", "saved.vital"))
lowest = int((np.abs(saved + 32.768) < 1e-3).sum())
print(
    f"a hole of 2 s at 500 Hz: {np.isnan(recorded).sum()} samples NaN as recorded; "
    f"after to_vital: {np.isnan(saved).sum()} NaN, {lowest} samples of {np.nanmin(saved):.3f} mV"
)
assert (np.isnan(recorded).sum(), np.isnan(saved).sum(), lowest) == (1000, 0, 1000)
EOF
