from __future__ import annotations

import numpy as np

from pipeline.signals.beats import BeatFinder
from pipeline.signals.stages import signal_stages
from pipeline.signals.window import AFTER, BEFORE, MARGIN
from pipeline.sources.synthetic import demo_ward, synthesise


def test_windows_of_beats_are_cut_from_the_filtered_stage() -> None:
    record = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=3)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    stages = signal_stages(signal, record.fs)
    beats = BeatFinder(record.fs, 2).process(signal)
    assert len(beats) > 40
    for sample, window in zip(beats.sample[5:], beats.window[5:], strict=True):
        cut = stages.filtered[sample - BEFORE - MARGIN : sample + AFTER + MARGIN].T
        np.testing.assert_array_equal(window, cut)
        near = stages.envelope[sample - 9 : sample + 10].max()
        assert near > 3 * np.median(stages.envelope)
