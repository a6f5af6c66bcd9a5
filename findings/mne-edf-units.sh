#!/bin/sh
# mne 1.13.2: an ECG channel of an EDF file whose unit it does not know is taken for volts.
#
# A good guess: units are read in their usual spellings, and an unknown one is refused or told.
# What happens: "mV" and "uV" are scaled; "UV", "uVolt", "nV" and an empty unit are not, so the number in the file is volts: a
# millivolt in "uVolt" becomes 1,000 V. No Python warning comes at the default level. Look at the greatest value first.
#
# Output seen:
#   1 mV, written in mV: 0.001 V, uV: 0.001 V, uVolt: 1000 V, UV: 1000 V, nV: 1e+06 V
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check mne==1.13.2 edfio==0.4.18 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'EOF'
import warnings

import edfio
import mne
import numpy as np

seen, told = {}, []
for unit, per_mv in (("mV", 1.0), ("uV", 1e3), ("uVolt", 1e3), ("UV", 1e3), ("nV", 1e6)):
    signal = edfio.EdfSignal(per_mv * np.sin(np.arange(2500) / 40.0), 250, label="ECG", physical_dimension=unit)
    edfio.Edf([signal]).write("unit.edf")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen[unit] = float(mne.io.read_raw_edf("unit.edf", preload=True, verbose="WARNING").get_data().max())
    told += [str(one.message) for one in caught if "unit" in str(one.message).lower()]
print("1 mV, written in " + ", ".join(f"{unit}: {volts:.2g} V" if volts < 1 or volts > 2e3 else f"{unit}: {volts:.0f} V" for unit, volts in seen.items()))
expected = {"mV": 1e-3, "uV": 1e-3, "uVolt": 1e3, "UV": 1e3, "nV": 1e6}
assert all(abs(seen[unit] / volts - 1) < 0.01 for unit, volts in expected.items()), seen
assert not told, told
EOF
