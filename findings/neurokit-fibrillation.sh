#!/bin/sh
# neurokit2 0.3.0: the correction of artefacts invents beats in atrial fibrillation, and reports that it found nothing.
#
# A good guess: signal_fixpeaks(method="Kubios") leaves beats that were really there, or lists what it changed.
# What happens: irregular intervals look like missed and extra beats. Some are moved and some are added; what is returned
# as ectopic, missed, extra and longshort is that of the last pass, which had nothing left to do: four empty lists. RMSSD,
# by which fibrillation is told, falls. Compare the peaks, not the report.
#
# Output seen:
#   601 beats; 608 after it, 21 of the old ones gone; reported: 0; RMSSD 260 -> 221 ms
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


def rmssd(peaks: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.diff(np.diff(peaks) * 4.0) ** 2)))


rng = np.random.default_rng(1)
intervals_s = np.clip(rng.gamma(12, 0.65 / 12, 600), 0.3, 1.6)  # 92 a minute, as irregular as fibrillation
peaks = np.round(np.cumsum(np.r_[0.5, intervals_s]) * 250).astype(int)
info, after = nk.signal_fixpeaks(peaks, sampling_rate=250, method="Kubios", iterative=True)
gone = len(set(peaks.tolist()) - set(np.asarray(after).tolist()))
reported = sum(len(info[kind]) for kind in ("ectopic", "missed", "extra", "longshort"))
print(
    f"{len(peaks)} beats; {len(after)} after it, {gone} of the old ones gone; reported: {reported}; "
    f"RMSSD {rmssd(peaks):.0f} -> {rmssd(after):.0f} ms"
)
assert reported == 0 and gone > 10 and len(after) > len(peaks) and rmssd(after) < 0.9 * rmssd(peaks)
EOF
