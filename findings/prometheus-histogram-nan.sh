#!/bin/sh
# prometheus_client 0.26.0: one NaN ends a histogram's mean for ever, and no count shows that it came.
#
# A good guess: NaN is refused, or counted in the last bucket.
# What happens: it falls into no bucket and into no count, and the sum is NaN from then on: so is `rate(..._sum) /
# rate(..._count)` until the process is started anew. A delay of a frame without a time is such a value: check before.
#
# Output seen:
#   count 2 of 3 observations, in +Inf 2, sum nan
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check prometheus-client==0.26.0
env/bin/python - <<'EOF'
import math

from prometheus_client import CollectorRegistry, Histogram

registry = CollectorRegistry()
delay = Histogram("delay_seconds", "From R peak to verdict.", buckets=[0.1, 1.0], registry=registry)
for value in (0.3, float("nan"), 0.4):
    delay.observe(value)
count, total = (registry.get_sample_value(f"delay_seconds_{name}") for name in ("count", "sum"))
last = registry.get_sample_value("delay_seconds_bucket", {"le": "+Inf"})
print(f"count {count:g} of 3 observations, in +Inf {last:g}, sum {total}")
assert count == last == 2 and math.isnan(total), (count, last, total)
EOF
