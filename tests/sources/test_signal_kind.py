"""Names as published recordings have them, and what each is."""

from __future__ import annotations

import pytest

from pipeline.sources.signal_kind import lead_key, signal_kind

# ecg / pulse / other / unknown, by where the names come from
LISTS = {
    "mitdb, edb, ltstdb, ptbdb, qtdb": (
        "MLII ML2 V5 V1 V2 V4 MLIII D3 mod.V1 CM2 CM4 CM5 CC5 ECG1 ECG2 E-S A-S A-I avf vx vy vz V3R V7 MV2 MCL1 NASA",
        "",
        "",
        "",
    ),
    "MIMIC": (
        "I|II|III|AVR|aVL|V|MCL|MCL1|V1",
        "ABP|ART|PAP|PLETH|UAP|AOBP|Pleth|ABP1",
        "CVP|ICP|RESP|HR|PULSE|SpO2|CO2|P1|NBP|RR|NIBP|TEMP|ABP_RESP",
        "",
    ),
    "CAP sleep": (
        "ECG1-ECG2|EKG|ECG|ekg",
        "PLETH|Plet|Pleth",
        "Fp2-F4|F4-C4|C4-P4|P4-O2|C4-A1|ROC-LOC|EMG1-EMG2|DX1-DX2|SX1-SX2|HR|STAT|MIC|SAO2|ADDDOME"
        "|TORACE|Flow|EOG-L|LOC / A2"
        "|CHIN1|Abdo|Tora|tib dx|TIB SIN|ADDOME|Posizione|Ox Status|Canula|SatO2|Puls|toracico|Fp1-F3"
        "|T3-T5|F7-T3|O2-A1|EMG-EMG",
        "",
    ),
    "MESA": (
        "EKG",
        "Pleth",
        "EOG-L|EOG-R|EMG|EEG1|EEG2|EEG3|Pres|Flow|Snore|Thor|Abdo|Leg|Therm|Pos|EKG_Off|EOG-L_Off"
        "|EMG_Off|EEG1_Off|Pleth_Off"
        "|OxStatus|SpO2|HR|DHR",
        "",
    ),
    "UCDDB": (
        "ECG",
        "",
        "Lefteye|RightEye|EMG|C3A2|C4A1|SpO2|Sound|Soud|Flow|Sum|ribcage|abdo|BodyPos|Pulse",
        "chan 1|chan 2|chan 3",
    ),
    "SHHS": (
        "ECG",
        "",
        "SaO2|H.R.|EEG(sec)|EMG|EOG(L)|EOG(R)|EEG|SOUND|AIRFLOW|THOR RES|ABDO RES|POSITION|LIGHT|NEW AIR|OX stat",
        "",
    ),
    "BIOPAC": (
        "ECG100C|ECG - ECG100C|ECG (.5 - 35 Hz)|EKG, X, RSPEC-R|Lead II",
        "PPG100C|PPG, X, PPGEC-R|PPG - PPG100C",
        "EDA filtered|RSP100C|EMG100C|EDA - GSR100C|RSP, Y, RSPEC-R|ECG Rate|ECG R-R Interval"
        "|Heart Rate|Digital input|Skin Conductance",
        "CH1|Channel 3",
    ),
    "wrist PPG, wearables": (
        "chest_ecg|ecg [uV]|ECG (mV)|ECG_LL-RA_24BIT_CAL|LL-RA|Lead I|EKG1",
        "wrist_ppg|ppg|BVP",
        "wrist_gyro_x|wrist_low_noise_accelerometer_x|wrist_wide_range_accelerometer_y|acc_x|AccX"
        "|timestamp|Sample Index|marker|counter"
        "|Timestamp (Formatted)|HR [bpm]|hrv|battery|temp|Accel Channel 0|event|red|ir",
        "EXG Channel 0|value|signal|Direct_1|x",
    ),
    "challenge 2015 and 2018, slpdb, sleep-edf, Fantasia": (
        "II|V|aVF|ECG|MCL",
        "PLETH|ABP|BP",
        "RESP|F3-M2|F4-M1|C3-M2|O1-M2|E1-M2|Chin1-Chin2|ABD|CHEST|AIRFLOW|SaO2|EEG (C4-A1)|Resp (sum)"
        "|SO2|EOG (right)|EMG (chin)"
        "|Resp (chest)|EEG Fpz-Cz|EEG Pz-Oz|EOG horizontal|Resp oro-nasal|Temp rectal|Event marker"
        "|SCG|EEG Fp1|Fz|O2|EDF Annotations",
        "",
    ),
    "stray marks": ("II,|V,|AVR,|'MLII'|Ableitung II|ECG Lead 1", "ABP,|(PLETH)", "RESP,", ""),
}


@pytest.mark.parametrize("where", LISTS)
def test_names_of_published_recordings_are_what_they_are(where: str) -> None:
    for kind, names in zip(("ecg", "pulse", "other", "unknown"), LISTS[where], strict=True):
        listed = names.split("|") if "|" in names else names.split()
        if names and "|" not in names and where.startswith("UCDDB"):
            listed = [names]
        wrong = {name: signal_kind(name) for name in listed if signal_kind(name) != kind}
        assert wrong == {}, f"should be {kind}"


def test_spellings_of_one_lead_have_one_key() -> None:
    assert {lead_key(name) for name in ("II", "ii,", "Lead II", "ECG II", "ECG lead II ", "D2", "'II'")} == {"II"}
    assert lead_key("MLII") == lead_key("ML2") != lead_key("II")
    assert {lead_key(name) for name in ("V1", "MV1", "mod.V1", "MCL1", "Ableitung V1")} == {"V1"}
