#!/bin/sh
# pyEDFlib 0.1.42: a missing sample is written as the lowest voltage of the range.
#
# A good guess: NaN is refused, as edfio does, or written as 0.
# What happens: it becomes the digital minimum without a word: with a range of 5 mV each hole is a pulse of -5 mV, as high as
# five beats, and nothing in the file tells it from signal. Cut the hole out (EDF+D) or mark it before writing.
#
# Output seen:
#   4 missing samples are read as [-5.0, -5.0, -5.0, -5.0] mV
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyEDFlib==0.1.42 numpy==2.4.6
env/bin/python - <<'EOF'
import numpy as np
import pyedflib

signal = np.sin(np.arange(2500) / 40.0)
signal[1000:1004] = np.nan
header = {
    "label": "ECG II", "dimension": "mV", "sample_frequency": 250, "physical_max": 5.0, "physical_min": -5.0,
    "digital_max": 32767, "digital_min": -32768, "transducer": "", "prefilter": "",
}  # fmt: skip
writer = pyedflib.EdfWriter("hole.edf", 1, file_type=pyedflib.FILETYPE_EDFPLUS)
writer.setSignalHeader(0, header)
writer.writeSamples([signal])
writer.close()
back = pyedflib.EdfReader("hole.edf").readSignal(0)[1000:1004]
print(f"4 missing samples are read as {back.tolist()} mV")
assert back.tolist() == [-5.0] * 4, back
EOF
