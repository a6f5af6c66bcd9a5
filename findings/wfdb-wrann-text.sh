#!/bin/sh
# wfdb 4.3.1: wrann writes the last byte of each character, so a dash in a note becomes a control character.
#
# A good guess: notes are UTF-8, or text beyond ASCII is refused.
# What happens: a character is written as its code modulo 256 and read back as Latin-1: letters of Western Europe come back,
# a long dash is code 0x14, a Greek or Cyrillic note is other text. The file reads without an error. Keep notes in ASCII.
#
# Output seen:
#   'pause – ST ↑, пауза' comes back as 'pause \x13 ST \x91, ?0C70'
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check wfdb==4.3.1 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'EOF'
import numpy as np
import wfdb

note = "pause – ST ↑, пауза"
wfdb.wrann("notes", "atr", np.array([100, 200]), ['"', "N"], aux_note=[note, ""])
back = wfdb.rdann("notes", "atr").aux_note[0]
print(f"{note!r} comes back as {back!r}")
assert back == "".join(chr(ord(letter) % 256) for letter in note) != note, back
EOF
