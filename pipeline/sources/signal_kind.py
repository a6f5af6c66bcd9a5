"""What a signal is by its name: an electrocardiogram, a pulse wave, something else, or nobody knows."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["LEADS", "SignalKind", "lead_key", "plain_name", "signal_kind"]

SignalKind = Literal["ecg", "pulse", "other", "unknown"]
"""``ecg``: a known lead, or a name that says ECG or EKG. ``pulse``: a wave of pressure or blood volume, which follows
the heart. ``other``: surely none of them. ``unknown``: the name does not say."""

LEADS = frozenset(
    ["MLII", "I", "II", "III", "AVR", "AVL", "AVF", "-AVR", "V", "MCL", "NASA", "EASI"]
    + [f"V{n}" for n in range(1, 10)]
    + [f"V{n}R" for n in range(1, 8)]
    + [f"{kind}{n}" for kind in ("MCL", "CM", "CC", "CS", "CB", "CR", "CL", "MV") for n in range(1, 7)]
    + ["VX", "VY", "VZ", "ES", "AS", "AI", "CM", "CMV5", "LEWIS", "NEHBD", "NEHBA", "NEHBI"]
    + ["LARA", "LLRA", "LLLA", "RALA", "RALL", "LALL", "VXRL"]
)
"""Leads by their keys: limb, chest, right and back leads, Mason-Likar, bipolar chest leads, EASI, Frank (VX), Nehb."""

# Other spellings in PhysioNet's headers and elsewhere.
_ALIASES = {
    "ML2": "MLII",
    "ML1": "I",
    "MLI": "I",
    "ML3": "III",
    "MLIII": "III",
    "ML5": "V5",
    "MV1": "V1",
    "MCL1": "V1",
    "MODV1": "V1",
    "MV2": "V2",
    "MV5": "V5",
    "DI": "I",
    "DII": "II",
    "DIII": "III",
    "D1": "I",
    "D2": "II",
    "D3": "III",
    "L1": "I",
    "L2": "II",
    "L3": "III",
    "VR": "AVR",
    "VL": "AVL",
    "VF": "AVF",
}

_ECG = re.compile(r"ECG|EKG|ELECTROCARDIO|ELEKTROKARDIO|ELETTROCARDIO|CARDIOGRAM|ЭКГ|心电")
# A name may say ECG and mean what was made of it, or how its electrode does.
_ABOUT_ECG = re.compile(
    r"OFF|STATUS|STAT$|RATE|HR$|HRV|RRI?$|R-?RINT|INTERVAL|IMPED|QUALITY|SQI|MARK|EVENT|TRIG|TIME"
    r"|COUNT|FLAG|RESP|EDR|PEAK"
    r"|BPM|INDEX|ANNOT|SEISMO|BALLISTO|PHONO|IMPEDANCE|CARDIOTOCO"
)

_PULSE = re.compile(
    r"^(ABP|ART|IBP|PAP$|UAP|UAP\d|AOBP|AOP|AO$|BVP|BP$|BP\d|RADBP|FEMBP|FINAP|LVP|PA\d?$|RAP$)|PLETH"
    r"|PLET$|PPG|PULSEWAVE|PULSOX.*WAVE"
    r"|FINAPRES|FINOMETER|PORTAPRES|ARTERIAL|PULSEOX.*PLETH|PHOTOPLETH"
)

# Electrodes of the 10-20 system and of the eyes, alone, against another, or against a reference.
_SCALP = r"(?:FP|AF|FC|FT|CP|TP|PO|F|C|T|P|O|FZ|CZ|PZ|OZ|FPZ)(?:Z|\d{1,2})|FZ|CZ|PZ|OZ|FPZ"
_REFERENCE = r"A[12]|M[12]|A1A2|M1M2|AVG|REF|LE|CLE|LER|AR|X\d|NASION"
_EEG = re.compile(rf"^(?:EEG)?(?:{_SCALP}|E[12]|LOC|ROC|LEOG|REOG)(?:{_SCALP}|{_REFERENCE}|E[12]|ROC|LOC)$")
_SCALP_ALONE = re.compile(r"^(?:(?:FP|AF|FC|FT|CP|TP|PO)(?:Z|\d{1,2})|[FTPO](?:Z|\d{1,2})|CZ|E[12]|A[12]|M[12])$")

# Anywhere in the name.
_OTHER = re.compile(
    r"EEG|EOG|EMG|ECOG|SEEG|MEG$|EDA|GSR|ELECTRODERM|SKINCOND|CONDUCTANCE|PCG|SCG|BCG|ICG|DZDT|RESP"
    r"|BREATH|RIP|AIRFLOW|FLOW|NASAL|CANN?UL"
    r"|THERMI|THERM$|THERMO|THOR|TORAC|ADDOM|ADDDOM|ABDO|ABDOM|RIBCAGE|CHEST|EFFORT|SNOR|SNORE|SOUND"
    r"|SOUD|AUDIO|MIC$|MICRO|CPAP"
    r"|SPO2|SAO2|SATO2|SO2|O2SAT|SATUR|OXIM|OXSTAT|PULSEQ|PULSQ|CO2|ETCO|CAPNO"
    r"|PRESS|NIBP|CVP|ICP|TEMP|POSIT|POSIZ|BODYPOS|LIGHT|LICHT|LAGE|BEWEG|ACTIV|MOVEMENT|MOTION"
    r"|ACC[XYZ]|ACCEL|GYRO|MAGN|QUATERN|TILT|ELEVATION"
    r"|LEG|TIBIA|TIB|CHIN|SUBMENT|EYE|MASSETER|HEARTRATE|PULSERATE|HRV|MARKER|EVENT|TRIG|ANNOTATION"
    r"|STATUS|SYNC|COUNTER|SAMPLE"
    r"|TIMESTAMP|ELAPSED|CLOCK|BATTERY|VBAT|STIM|DIGITALIN|NOISE|BPM|QUALITY|INDEX|FLAG|LEADOFF"
    r"|PACEMAK|PACE$|IMPED|OFF$"
)
# From the name's beginning, or the whole of it.
_OTHER_AT = re.compile(
    r"(?:RSP|RR$|RRI|RINT|IBI$|IMP|NBP|SV$|CO$|CI$|UA$|UC$|TOCO|FHR|P\d|HR$|HR\d|DHR|PR$|BPM|ACC|MAG$"
    r"|POS|PRES|ABD|NEWAIR|OX|SUM$|XSUM|MOVE"
    r"|PUL[SZ]?$|PULS|DX1DX2|SX1SX2|DX$|SX$|TIME|TIM$|DATE|SEC$|SECONDS|MSEC|ROW|LINE|NR$|NO$|N$|ID$"
    r"|STAT$|CH$|EVT|MARK|LABEL|CLASS|TARGET|ANN$"
    r"|PHASE|RMI|PTT|PTAF|PLM|RAT$|LAT$|DC\d|UNNAMED|CRC|SEQ|PACKET|SOC|RED$|IR$|INFRARED|GREEN"
    r"|AMBIENT|VENT|PAW|VOLUME|VOL$|FIO2|O2$|AWP|EPOCH"
    r"|STAGE|HYPNO|INCREMENT|LOC|ROC|CRYST|DELTA|SLEEP|ALARM|TRIGGER|RIGHTLEG|LEFTLEG|TOR$|TORA|TX$)"
)


def plain_name(name: str) -> str:
    """Return a name without blanks, dots and dashes, in capitals.

    >>> plain_name("mod. V1"), plain_name("EEG F3-M2")
    ('MODV1', 'EEGF3M2')
    """
    return re.sub(r"[\s_.:,;/()\[\]{}'\"-]+", "", name).upper()


def lead_key(name: str) -> str:
    """Return what a lead's name is compared by: no case, blanks, marks, ``ECG`` or ``lead``.

    >>> lead_key("ECG Lead II"), lead_key("ml2"), lead_key("II,"), lead_key("ECG1")
    ('II', 'MLII', 'II', 'ECG1')
    """
    bare = plain_name(name)
    key = re.sub(r"^(ECG|EKG)?(LEAD|ABLEITUNG|DERIVATION)?", "", bare)
    key = _ALIASES.get(key, key)
    return key if key in LEADS else bare


def signal_kind(name: str) -> SignalKind:
    """Tell what a signal is by its name alone.

    Parameters
    ----------
    name : str
        As a file or a device has it.

    Examples
    --------
    >>> [signal_kind(name) for name in ("ECG", "MLII", "ABP", "EEG C4-A1", "chan 1")]
    ['ecg', 'ecg', 'pulse', 'other', 'unknown']
    """
    bare = plain_name(name)
    if _ECG.search(bare):
        return "other" if _ABOUT_ECG.search(bare) else "ecg"
    if lead_key(name) in LEADS:
        return "ecg"
    if re.match(r"LEAD(?!OFF)", bare):
        return "ecg"
    if _EEG.match(bare) or _SCALP_ALONE.match(bare):
        return "other"
    if re.search(r"RESP|THOR|ABD|CHEST|RIP(?!PLE)|OFF$|RATE", bare) is None and _PULSE.search(bare):
        return "pulse"
    if _OTHER.search(bare) or _OTHER_AT.match(bare):
        return "other"
    return "unknown"
