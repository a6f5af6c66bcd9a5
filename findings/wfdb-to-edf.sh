#!/bin/sh
# wfdb 4.3.1: wfdb_to_edf makes voltages of a hole, loses the start, and adds ten seconds that were never recorded.
#
# A good guess: a hole stays one or is refused; the header's start is the file's; a minute stays a minute.
# What happens: missing samples become the lowest code, a voltage like any other (EDF has none for missing); the file
# begins on 1 January 1985 although the record's header says when; and a whole data record of 10 s is added to the end
# even where the last one is full, at the lowest voltage.
#
# Output seen:
#   60 s from 2021-03-04 22:30:01, a hole of 2 s: becomes 70 s from 1985-01-01 00:00:00, the hole -1.53 mV, the end -1.53 mV
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check wfdb==4.3.1 edfio==0.4.18 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'EOF'
import contextlib
import datetime
import io

import edfio
import numpy as np
import wfdb
from wfdb.io.convert.edf import wfdb_to_edf

start = datetime.datetime(2021, 3, 4, 22, 30, 1)
signal = np.exp(-0.5 * ((np.arange(60 * 128) / 128 % 1 - 0.5) / 0.015) ** 2)
signal[10 * 128 : 12 * 128] = np.nan
wfdb.wrsamp("night", 128, ["mV"], ["II"], p_signal=signal[:, None], fmt=["16"], base_datetime=start)
with contextlib.redirect_stdout(io.StringIO()):
    wfdb_to_edf("night", output_filename="night.edf")
back = edfio.read_edf("night.edf")
values = back.signals[0].data
hole, end = np.median(values[10 * 128 : 12 * 128]), np.median(values[60 * 128 :])
print(
    f"60 s from {start}, a hole of 2 s: becomes {len(values) / 128:.0f} s from {back.startdatetime}, "
    f"the hole {hole:.2f} mV, the end {end:.2f} mV"
)
assert len(values) == 70 * 128 and back.startdatetime.year == 1985 and hole < -1 and end < -1
EOF
