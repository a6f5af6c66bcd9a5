#!/bin/sh
# mne 1.13.2: part of an EDF with several rates is another signal: each piece of a slow channel is stretched to fit.
#
# A good guess: a piece that is read alone is what the whole file has there; reading it whole first only saves time.
# What happens: without preload, a channel that is slower than another is resampled after the data records around a piece
# were read: to the length of the piece, whatever part of them it is. 0.6 s of a second with one beat hold that whole
# second. Pieces that are whole data records are right, as are files of one rate and files that were loaded whole.
# `crop` before `load_data` does the same. Load first.
#
# Output seen:
#   ECG of 128 Hz beside EEG of 512 Hz: 1 s from 0 s differs by 0.000 mV from the whole, 0.6 s from 0 s by 1.000 mV
#   beat at 0.500 s: found at 0.299 s; cropped to 0.6 s before it is loaded: at 0.299 s; loaded before it is cropped: at 0.500 s
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check mne==1.13.2 edfio==0.4.18 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'EOF'
import edfio
import mne
import numpy as np

mne.set_log_level("error")
at, fast = np.arange(60 * 128) / 128, np.arange(60 * 512) / 512
beats = np.exp(-0.5 * ((at % 1 - 0.5) / 0.015) ** 2)
ecg = edfio.EdfSignal(1000 * beats, 128, label="ECG", physical_dimension="uV", physical_range=(-5000, 5000))
eeg = edfio.EdfSignal(50 * np.sin(20 * fast), 512, label="EEG", physical_dimension="uV", physical_range=(-500, 500))
edfio.Edf([ecg, eeg], data_record_duration=1).write("sleep.edf")
whole = mne.io.read_raw_edf("sleep.edf", preload=True).get_data(picks=["ECG"])[0]
lazy = mne.io.read_raw_edf("sleep.edf", preload=False)
pieces = {n: lazy.get_data(picks=["ECG"], start=0, stop=n)[0] for n in (512, 307)}
off = {n: 1e3 * np.abs(piece - whole[:n]).max() for n, piece in pieces.items()}
late = mne.io.read_raw_edf("sleep.edf", preload=False).crop(0, 306 / 512).load_data().get_data(picks=["ECG"])[0]
early = mne.io.read_raw_edf("sleep.edf", preload=True).crop(0, 306 / 512).get_data(picks=["ECG"])[0]
found = [float(part.argmax()) / 512 for part in (pieces[307], late, early)]
print(
    f"ECG of 128 Hz beside EEG of 512 Hz: 1 s from 0 s differs by {off[512]:.3f} mV from the whole, "
    f"0.6 s from 0 s by {off[307]:.3f} mV"
)
print(
    f"beat at 0.500 s: found at {found[0]:.3f} s; cropped to 0.6 s before it is loaded: at {found[1]:.3f} s; "
    f"loaded before it is cropped: at {found[2]:.3f} s"
)
assert off[512] < 1e-3 and off[307] > 0.9, off
assert abs(found[0] - 0.5) > 0.1 and abs(found[1] - 0.5) > 0.1 and abs(found[2] - 0.5) < 0.005, found
EOF
