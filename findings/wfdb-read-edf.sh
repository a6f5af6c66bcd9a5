#!/bin/sh
# wfdb 4.3.1: read_edf gives a channel that is faster than the slowest one in digital values, called microvolts.
#
# A good guess: each channel is scaled by its own limits; the fast ones are averaged to the rate of the slowest.
# What happens: they are averaged, but what is subtracted is divided and what is read is not: the values are digital ones
# under the unit of the header. An ECG of 512 Hz beside a channel of 128 Hz is 65 times too large, without a word; alone
# in its file it is right.
#
# Output seen:
#   an ECG of 1,000 uV and 512 Hz: alone 999.9 uV; beside a channel of 128 Hz 6553.0 uV
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check wfdb==4.3.1 edfio==0.4.18 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'EOF'
import edfio
import numpy as np
from wfdb.io.convert.edf import read_edf

square = 1000.0 * (np.arange(20 * 512) // 512 % 2)  # so slow that an average changes nothing
ecg = edfio.EdfSignal(square, 512, label="ECG", physical_dimension="uV", physical_range=(-5000, 5000))
breath = edfio.EdfSignal(np.zeros(20 * 128), 128, label="Resp", physical_dimension="uV", physical_range=(-500, 500))
edfio.Edf([ecg], data_record_duration=1).write("alone.edf")
edfio.Edf([ecg, breath], data_record_duration=1).write("both.edf")
alone, both = read_edf("alone.edf"), read_edf("both.edf")
heights = [float(record.p_signal[:, 0].max()) for record in (alone, both)]
print(
    f"an ECG of 1,000 uV and 512 Hz: alone {heights[0]:.1f} {alone.units[0]}; "
    f"beside a channel of 128 Hz {heights[1]:.1f} {both.units[0]}"
)
assert abs(heights[0] - 1000) < 1 and heights[1] > 3000 and both.units[0] == "uV", heights
EOF
