#!/bin/sh
# mne 1.13.2: a recording that was cropped and exported to EDF begins at its old time.
#
# A good guess: 10 s cut off at the front, the file begins 10 s later on the clock.
# What happens: meas_date stays, the samples that came before count in first_samp, and the export writes meas_date alone: the
# file's clock is 10 s slow from its first sample on. Annotations keep their distance to the samples. Two parts of one night
# that are exported have the same start. Set meas_date yourself after a crop.
#
# Output seen:
#   cut at 10 s of a recording from 10:20:30: the file begins at 10:20:30, the beat of 10:20:45 is written at 5.0 s
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check mne==1.13.2 edfio==0.4.18 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'EOF'
import datetime as dt

import edfio
import mne
import numpy as np

mne.set_log_level("ERROR")
signal = 1e-3 * np.sin(np.arange(250 * 60) / 40.0)[None]
raw = mne.io.RawArray(signal, mne.create_info(["ECG"], 250.0, "ecg"))
raw.set_meas_date(dt.datetime(2020, 1, 2, 10, 20, 30, tzinfo=dt.timezone.utc))
raw.set_annotations(mne.Annotations([15.0], [0], ["beat"], orig_time=raw.info["meas_date"]))
mne.export.export_raw("cut.edf", raw.crop(10.0), fmt="edf")
file = edfio.read_edf("cut.edf")
onset = next(note.onset for note in file.annotations if note.text == "beat")
print(
    f"cut at 10 s of a recording from 10:20:30: the file begins at {file.starttime}, "
    f"the beat of 10:20:45 is written at {onset} s"
)
assert (file.starttime, onset, file.duration) == (dt.time(10, 20, 30), 5.0, 50.0)
EOF
