"""Which signals of a recording are scored: one choice for files, imports, live frames and flows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.errors import RecordUnsupported
from pipeline.sources.signal_kind import lead_key, plain_name, signal_kind
from pipeline.sources.units import millivolts_per_unit

__all__ = [
    "MAX_LEADS",
    "MAX_WAVES",
    "PREFERENCE",
    "choose_leads",
    "choose_waves",
    "doubtful_leads",
    "is_ecg",
    "lead_key",
    "millivolts_per_unit",
    "unique_names",
]

MAX_LEADS = 12
MAX_WAVES = 2  # pulse waves that are followed: a pressure in an artery, then what a finger's sensor sees

# Lead II and its modified form show the largest P waves and an upright QRS; V5 has the tallest QRS of the precordial
# leads and V1 tells a ventricular beat from a bundle branch block. Other leads (ECG1, CM5, ...) follow in the order of
# their file.
PREFERENCE = (
    *("MLII", "II", "V5", "V1", "V2", "V4", "V3", "V6"),
    *("I", "AVF", "AVL", "III", "AVR"),
)

_WAVES = {"ABP": 0, "ART": 1, "IBP": 2, "AOB": 3, "PLE": 4, "PPG": 5}  # by the beginning of their names
_ATRIAL = ("RAP",)

_MARKS = " \t\r\n\x00,;:'\"`"


def is_ecg(name: str) -> bool:
    """Tell by its name whether a signal can be an ECG lead; an unknown name can."""
    return signal_kind(name) in ("ecg", "unknown")


def doubtful_leads(names: Sequence[str], *, has_beats: bool = True) -> str | None:
    """Return one line about leads that were taken although no name says that they are ECG, or None.

    Parameters
    ----------
    names : sequence of str
        Names of the leads that a record carries.
    has_beats : bool
        False if no heartbeats could be seen in them either.
    """
    doubtful = [name for name in names if signal_kind(name) != "ecg"]
    if not doubtful:
        return None
    neither = "" if has_beats else ", and no heartbeats can be seen in it"
    lead = " and ".join(doubtful)
    return f"no name says that {lead} is an ECG{neither}: name the right leads with --leads if it is none"


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names without blanks and marks around them; a repeated or empty one gets its number.

    >>> unique_names(["ECG", "ECG", "", "II,"])
    ['ECG', 'ECG-2', 'signal 3', 'II']
    """
    unique: list[str] = []
    for i, given in enumerate(names, start=1):
        name = given.strip(_MARKS) or f"signal {i}"
        while name in unique:
            name = f"{name}-{i}"
        unique.append(name)
    return unique


def choose_leads(
    record: str,
    names: Sequence[str],
    usable: Sequence[bool],
    wanted: Sequence[str] | None,
    max_leads: int,
    *,
    has_beats: Callable[[int], bool] | None = None,
) -> list[int]:
    """Choose the leads that a record's chunks carry.

    Known leads come first, and names that say ECG. A signal whose name says nothing is taken only where there is none
    of them, and where there are several or others beside it, only if it looks like a heart's. What is surely something
    else is taken only if it is asked for.

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
    has_beats : callable, optional
        Tells of a signal, by its position, whether heartbeats can be seen in it. It is asked only of signals whose
        names say nothing; without it all of them count.

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
    kinds = [signal_kind(name) if ok else "other" for name, ok in zip(names, usable, strict=True)]
    ecg = [i for i, kind in enumerate(kinds) if kind == "ecg"]
    if not ecg:
        ecg = _unnamed(record, names, kinds, has_beats)
    rank = {key: i for i, key in enumerate(PREFERENCE)}
    return sorted(ecg, key=lambda i: rank.get(lead_key(names[i]), len(PREFERENCE)))[:max_leads]


def choose_waves(names: Sequence[str]) -> list[int]:
    """Choose the pulse waves that stand beside the leads: they are told by their names, whatever their unit.

    >>> choose_waves(["PLETH", "II", "RESP", "PAP", "ABP"])
    [4, 0]
    """
    # The pressure in a right atrium goes on with its P waves while the ventricles stand still.
    pulses = [i for i, name in enumerate(names) if signal_kind(name) == "pulse"]
    pulses = [i for i in pulses if plain_name(names[i]) not in _ATRIAL]
    return sorted(pulses, key=lambda i: _WAVES.get(plain_name(names[i])[:3], len(_WAVES)))[:MAX_WAVES]


def _unnamed(
    record: str, names: Sequence[str], kinds: Sequence[str], has_beats: Callable[[int], bool] | None
) -> list[int]:
    unknown = [i for i, kind in enumerate(kinds) if kind == "unknown"]
    if not unknown:
        carried = ", ".join(names) or "nothing"
        raise RecordUnsupported(
            f"record {record!r}: no ECG lead in V, mV or uV among its signals ({carried}); "
            "name one with --leads if it is one after all"
        )
    seen = unknown if has_beats is None else [i for i in unknown if has_beats(i)]
    if not seen and len(unknown) == len(names):  # nothing is said of any: it may be an ECG that has no beats there
        return unknown
    if not seen:
        carried = ", ".join(names[i] for i in unknown)
        raise RecordUnsupported(
            f"record {record!r}: none of its signals has the name of an ECG lead, and no heartbeats can be seen in "
            f"{carried}; name the leads to take with --leads"
        )
    return seen


def _named(record: str, names: Sequence[str], usable: Sequence[bool], wanted: Sequence[str]) -> list[int]:
    if not wanted:
        raise ValueError("leads must name at least one lead")
    there = [i for i, ok in enumerate(usable) if ok]
    chosen: dict[int, None] = {}
    for lead in wanted:
        exact = [i for i in there if names[i] == lead.strip(_MARKS)]
        alike = [i for i in there if lead_key(names[i]) == lead_key(lead)]
        chosen |= dict.fromkeys((exact or alike)[:1])
    if not chosen:
        asked, offered = " or ".join(map(repr, wanted)), ", ".join(names[i] for i in there) or "none"
        raise RecordUnsupported(f"record {record!r}: it has no lead {asked}; choose from: {offered}")
    return list(chosen)
