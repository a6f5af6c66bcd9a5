#!/bin/sh
# neurokit2 0.3.0: signal_resample to a lower rate does not filter: hum of the mains becomes a wave inside the QRS band.
#
# A good guess: resampling down low-passes first, as scipy.signal.resample_poly does.
# What happens: the default method interpolates between samples. From 1,000 to 100 Hz a hum of 60 Hz is a wave of 40 Hz at full
# height, and a pacing spike of one sample is five times as high or low by where it falls. method="poly" filters.
#
# Output seen:
#   hum of 1 mV at 60 Hz, 1,000 -> 100 Hz: default 1.00 mV at 40 Hz, poly 0.00 mV
#   spike of 5 mV, 1,000 -> 250 Hz, at four places: default 0.64 to 3.01 mV, poly 0.79 to 1.25 mV
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check neurokit2==0.3.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
env/bin/python - <<'EOF'
import neurokit2 as nk
import numpy as np
from scipy.signal import periodogram

hum = np.sin(2 * np.pi * 60 * np.arange(10_000) / 1000)
heights, where = {}, {}
for method in ("interpolation", "poly"):
    extra = {} if method == "interpolation" else {"method": method}
    after = np.asarray(nk.signal_resample(hum, sampling_rate=1000, desired_sampling_rate=100, **extra))[50:-50]
    frequency, power = periodogram(after, 100)
    heights[method], where[method] = float(after.std() * 2**0.5), float(frequency[power.argmax()])
print(
    f"hum of 1 mV at 60 Hz, 1,000 -> 100 Hz: default {heights['interpolation']:.2f} mV at {where['interpolation']:.0f} Hz, "
    f"poly {heights['poly']:.2f} mV"
)
tops = {"interpolation": [], "poly": []}
for method, top in tops.items():
    for place in range(4):
        spike = np.zeros(4000)
        spike[2000 + place] = 5.0
        extra = {} if method == "interpolation" else {"method": method}
        top.append(float(np.abs(nk.signal_resample(spike, sampling_rate=1000, desired_sampling_rate=250, **extra)).max()))
low, high = min(tops["interpolation"]), max(tops["interpolation"])
print(
    f"spike of 5 mV, 1,000 -> 250 Hz, at four places: default {low:.2f} to {high:.2f} mV, "
    f"poly {min(tops['poly']):.2f} to {max(tops['poly']):.2f} mV"
)
assert heights["interpolation"] > 0.95 and abs(where["interpolation"] - 40) < 0.5 and heights["poly"] < 0.05
assert high > 4 * low and max(tops["poly"]) < 2 * min(tops["poly"])
EOF
