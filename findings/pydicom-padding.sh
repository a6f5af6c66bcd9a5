#!/bin/sh
# pydicom 3.0.2: samples that a DICOM waveform marks as missing come back as a voltage.
#
# A good guess: waveform_array() knows Waveform Padding Value, as it knows sensitivity and baseline, and gives NaN.
# What happens: the padding value goes through the scale like any other: -32768 at 5 uV is -163,840 uV, the largest
# deflection of the record. A channel without a sensitivity comes back in steps beside one in uV, without a word.
#
# Output seen:
#   [0.0, 500.0, -163840.0, 1500.0] uV, of which the third is missing
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
env/bin/python - <<'EOF'
import numpy as np
from pydicom.dataset import Dataset


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "UCUM", value
    return item


channel = Dataset()
channel.ChannelSourceSequence = [code("Lead I")]
channel.ChannelSensitivity, channel.ChannelSensitivityUnitsSequence = "5", [code("uV")]
channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "1", "0"
channel.WaveformBitsStored = 16
group = Dataset()
group.NumberOfWaveformChannels, group.NumberOfWaveformSamples, group.SamplingFrequency = 1, 4, "500"
group.WaveformOriginality, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = "ORIGINAL", 16, "SS"
group.ChannelDefinitionSequence = [channel]
group.WaveformPaddingValue = np.array([-32768], dtype="<i2").tobytes()
group.WaveformData = np.array([0, 100, -32768, 300], dtype="<i2").tobytes()
study = Dataset()
study.WaveformSequence = [group]
values = study.waveform_array(0)[:, 0].tolist()
print(f"{values} uV, of which the third is missing")
assert values == [0.0, 500.0, -163840.0, 1500.0], values
EOF
