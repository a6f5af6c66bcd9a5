#!/bin/sh
# pyxdf 1.17.5: a hole of 0.9 s in a stream of 250 Hz moves every other sample's time.
#
# A good guess: load_xdf takes the jitter out of time stamps and leaves a hole of 225 samples where it is.
# What happens: breaks are looked for from 1 s on (or 500 samples, whatever is longer); below, one line is fitted through all
# stamps. The hole is gone, samples beside it are up to half of it off, samples far from it a quarter, and the effective
# rate, 218 Hz, is neither the 250 of the device nor the 227 of samples over time. dejitter_timestamps=False gives the
# stamps as they were written.
#
# Output seen:
#   written 250 Hz with a hole of 0.90 s; read: longest step 0.005 s, rate 217.7 Hz, stamps off by up to 0.45 s
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyxdf==1.17.5 numpy==2.4.6
env/bin/python - <<'EOF'
import logging
import struct

import numpy as np
import pyxdf

logging.disable()


def chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


head = (
    "<?xml version='1.0'?><info><name>belt</name><type>ECG</type><channel_count>1</channel_count>"
    "<nominal_srate>250</nominal_srate><channel_format>float32</channel_format><source_id>x</source_id></info>"
)
stamps = 100.0 + np.arange(2500) / 250.0
stamps = np.delete(stamps, slice(1138, 1363))
samples = b"".join(b"\x08" + struct.pack("<df", stamp, 0.0) for stamp in stamps)
file = b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
file += chunk(2, struct.pack("<I", 1) + head.encode())
file += chunk(3, struct.pack("<I", 1) + b"\x04" + struct.pack("<I", len(stamps)) + samples)
file += chunk(6, struct.pack("<I", 1) + b"<?xml version='1.0'?><info></info>")
with open("belt.xdf", "wb") as out:
    out.write(file)
stream = pyxdf.load_xdf("belt.xdf")[0][0]
read = np.asarray(stream["time_stamps"])
rate = float(stream["info"]["effective_srate"])
longest, off = float(np.diff(read).max()), float(np.abs(read - stamps).max())
print(
    f"written 250 Hz with a hole of {np.diff(stamps).max() - 0.004:.2f} s; read: longest step {longest:.3f} s, "
    f"rate {rate:.1f} Hz, stamps off by up to {off:.2f} s"
)
assert longest < 0.006 and 214 < rate < 222 and 0.3 < off < 0.6
plain = pyxdf.load_xdf("belt.xdf", dejitter_timestamps=False)[0][0]["time_stamps"]
assert np.abs(np.asarray(plain) - stamps).max() < 1e-9
EOF
