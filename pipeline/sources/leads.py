"""Which signals of a record are ECG leads, which are preferred, and how their units become mV."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.errors import RecordUnsupported

__all__ = ["MAX_LEADS", "PREFERENCE", "choose_leads", "is_ecg", "lead_key", "millivolts_per_unit", "unique_names"]

MAX_LEADS = 12

# Lead II and its modified form show the largest P waves and an upright QRS; V5 has the tallest QRS of the precordial
# leads and V1 tells a ventricular beat from a bundle branch block. Names that are not known (ECG1, CM5, ...) follow in
# the order of their file.
PREFERENCE = (
    *("MLII", "II", "V5", "V1", "V2", "V4", "V3", "V6"),
    *("I", "AVF", "AVL", "III", "AVR"),
)

# Other spellings in PhysioNet's headers.
_ALIASES = {
    "ML2": "MLII",
    "MLI": "I",
    "ML1": "I",
    "MLIII": "III",
    "ML3": "III",
    "ML5": "V5",
    "MV1": "V1",
    "MCL1": "V1",
    "MODV1": "V1",
    "MV2": "V2",
    "MV5": "V5",
    "D1": "I",
    "D2": "II",
    "D3": "III",
    "L1": "I",
    "L2": "II",
    "L3": "III",
}

# Signals that stand beside an ECG in multi-parameter records, some of them in mV too.
_NOT_ECG = re.compile(
    r"RESP|RR$|IMP|ABP|ART|NBP|NIBP|IBP|BP|PAP|CVP|ICP|PLETH|PPG|SPO2|SAO2|SO2|PULSE|CO2|ETCO2|O2|EEG|EOG|EMG|EDA|GSR|PCG"
    r"|AIR|FLOW|CHEST|ABD|THOR|NASAL|SNORE|TEMP|SV$|CO$|UA$|P\d|HR|ACC|GYRO|NOISE|MARKER|EVENT|TRIG|STATUS|PACE|TIME|SYNC",
)

_MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3, "nv": 1e-6}  # micro sign and Greek mu


def lead_key(name: str) -> str:
    """Return what a lead's name is compared by: no case, blanks, ``ECG`` or ``lead``.

    >>> lead_key("ECG Lead II"), lead_key("ml2"), lead_key("ECG1")
    ('II', 'MLII', 'ECG1')
    """
    bare = re.sub(r"[\s_.:-]+", "", name).upper()
    key = re.sub(r"^(ECG|EKG)?(LEAD)?", "", bare)
    key = _ALIASES.get(key, key)
    return key if key in PREFERENCE else bare


def is_ecg(name: str) -> bool:
    """Tell by its name whether a signal can be an ECG lead; an unknown name can."""
    bare = re.sub(r"[\s_.:-]+", "", name).upper()
    return re.search("ECG|EKG", bare) is not None or _NOT_ECG.match(bare) is None


def millivolts_per_unit(units: str) -> float | None:
    """Return how many mV one physical unit is, or None if it is no voltage. An empty unit is mV by WFDB convention."""
    return _MILLIVOLTS.get(units.strip().casefold() or "mv")


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with blanks trimmed; a repeated or empty one gets its number.

    >>> unique_names(["ECG", "ECG", ""])
    ['ECG', 'ECG-2', 'signal 3']
    """
    unique: list[str] = []
    for i, given in enumerate(names, start=1):
        name = given.strip() or f"signal {i}"
        while name in unique:
            name = f"{name}-{i}"
        unique.append(name)
    return unique


def choose_leads(
    record: str, names: Sequence[str], usable: Sequence[bool], wanted: Sequence[str] | None, max_leads: int
) -> list[int]:
    """Choose the leads that a record's chunks carry.

    Parameters
    ----------
    record : str
        Name of the record, for messages.
    names : sequence of str
        Names of its signals, all different, in the order of its header.
    usable : sequence of bool
        False for a signal that is no voltage, and so never an ECG lead.
    wanted : sequence of str or None
        Names in order of preference; None prefers as :data:`PREFERENCE` does. Those that are not there are passed over.
    max_leads : int
        Most leads to take, 1 to 12.

    Returns
    -------
    list of int
        Positions in ``names``.

    Raises
    ------
    RecordUnsupported
        If none of the leads that were asked for is there, or there is no ECG lead.
    ValueError
        If ``max_leads`` is out of range, or ``wanted`` is empty.
    """
    if not 1 <= max_leads <= MAX_LEADS:
        raise ValueError(f"max_leads must be 1 to {MAX_LEADS}, not {max_leads}")
    if wanted is not None:
        return _named(record, names, usable, wanted)[:max_leads]
    ecg = [i for i, name in enumerate(names) if usable[i] and is_ecg(name)]
    if not ecg:
        carried = ", ".join(names) or "nothing"
        raise RecordUnsupported(f"record {record!r}: no ECG lead in V, mV or uV among its signals ({carried})")
    rank = {key: i for i, key in enumerate(PREFERENCE)}
    return sorted(ecg, key=lambda i: rank.get(lead_key(names[i]), len(PREFERENCE)))[:max_leads]


def _named(record: str, names: Sequence[str], usable: Sequence[bool], wanted: Sequence[str]) -> list[int]:
    if not wanted:
        raise ValueError("leads must name at least one lead")
    there = [i for i, ok in enumerate(usable) if ok]
    chosen: dict[int, None] = {}
    for lead in wanted:
        exact = [i for i in there if names[i] == lead.strip()]
        alike = [i for i in there if lead_key(names[i]) == lead_key(lead)]
        chosen |= dict.fromkeys((exact or alike)[:1])
    if not chosen:
        asked, offered = " or ".join(map(repr, wanted)), ", ".join(names[i] for i in there) or "none"
        raise RecordUnsupported(f"record {record!r}: it has no lead {asked}; choose from: {offered}")
    return list(chosen)
