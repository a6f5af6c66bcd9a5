#!/bin/sh
# edfio 0.4.18, mne 1.13.2, pyEDFlib 0.1.42: a start at half a second is read three ways.
#
# A good guess: EDF+ keeps the fraction of the start in its first annotation, and readers know it.
# What happens: edfio gives 10:20:30.500000, mne drops the fraction, and pyEDFlib takes units of 100 ns for units of 10 ns
# and gives .050000. Two devices are lined up by it to half a second. Annotations come back at 5.25 s in all three.
#
# Output seen:
#   written 10:20:30.500000; edfio 10:20:30.500000, mne 10:20:30, pyEDFlib 10:20:30.050000
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check mne==1.13.2 edfio==0.4.18 pyEDFlib==0.1.42 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'EOF'
import datetime as dt

import edfio
import mne
import numpy as np
import pyedflib

mne.set_log_level("ERROR")
signal = edfio.EdfSignal(np.sin(np.arange(2500) / 40.0), 250, label="ECG II", physical_dimension="mV")
start = dt.time(10, 20, 30, 500_000)
edfio.Edf(
    [signal],
    starttime=start,
    recording=edfio.Recording(startdate=dt.date(2020, 1, 2)),
    annotations=[edfio.EdfAnnotation(5.25, None, "beat")],
).write("half.edf")
first = edfio.read_edf("half.edf").starttime
raw = mne.io.read_raw_edf("half.edf")
second = raw.info["meas_date"].time()
third = pyedflib.EdfReader("half.edf").getStartdatetime().time()
print(f"written {start}; edfio {first}, mne {second}, pyEDFlib {third}")
assert (first, second, third) == (start, dt.time(10, 20, 30), dt.time(10, 20, 30, 50_000))
assert raw.annotations.onset.tolist() == [5.25]
EOF
