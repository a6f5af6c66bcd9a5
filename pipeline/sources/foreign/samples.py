"""Files of other formats, written by hand after their specifications: what readers are held against."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "START",
    "write_acq",
    "write_aecg",
    "write_dicom",
    "write_ishne",
    "write_kardia",
    "write_movesense",
    "write_muse",
    "write_samples",
    "write_scp",
    "write_sierra",
    "write_vital",
    "write_withings",
    "write_xdf",
]

Steps = NDArray[np.int16]

START = datetime(2021, 3, 4, 22, 30, 1)


def write_ishne(path: Path, steps: Steps, codes: Sequence[int], fs: int, resolution_nv: int) -> None:
    """Write an ISHNE file (Badilini 1998): magic, checksum, a header of 512 bytes, interleaved samples of 16 bits."""
    leads = steps.shape[1]
    head = struct.pack("<4i", 0, len(steps), 522, 522) + struct.pack("<h", 1)
    head += b"".ljust(40, b"\0") + b"".ljust(40, b"\0") + b"".ljust(20, b"\0") + struct.pack("<hh", 0, 0)
    head += struct.pack("<3h", 1, 1, 1970) + struct.pack("<3h", START.day, START.month, START.year)
    head += struct.pack("<3h", 5, 3, 2021) + struct.pack("<3h", START.hour, START.minute, START.second)
    head += struct.pack("<h", leads)
    head += struct.pack("<12h", *codes, *[-9] * (12 - leads)) + struct.pack("<12h", *[1] * leads, *[-9] * (12 - leads))
    head += struct.pack("<12h", *[resolution_nv] * leads, *[-9] * (12 - leads))
    head += struct.pack("<h", 0) + b"Box 7".ljust(40, b"\0") + struct.pack("<h", fs)
    head = head.ljust(512, b"\0")
    path.write_bytes(
        b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(head, 0xFFFF)) + head + steps.astype("<i2").tobytes()
    )


def write_aecg(path: Path, steps: Steps, leads: Sequence[str], fs: float, scale_uv: float) -> None:
    """Write an annotated ECG of HL7 version 3: a sequence set of one time sequence and a list of steps a lead."""
    ns = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    time = (
        '<component><sequence><code code="TIME_ABSOLUTE" codeSystem="2.16.840.1.113883.5.4"/>'
        f'<value xsi:type="GLIST_TS"><head value="{START:%Y%m%d%H%M%S}.000"/>'
        f'<increment value="{1 / fs}" unit="s"/></value></sequence></component>'
    )
    parts = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{lead}" codeSystem="2.16.840.1.113883.6.24"/>'
        f'<value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/><scale value="{scale_uv}" unit="uV"/>'
        f"<digits>{' '.join(map(str, steps[:, i].tolist()))}</digits></value></sequence></component>"
        for i, lead in enumerate(leads)
    )
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?><AnnotatedECG {ns}>'
        '<id root="1.2.3"/><code code="93000" codeSystem="2.16.840.1.113883.6.12"/>'
        f'<effectiveTime><low value="{START:%Y%m%d%H%M%S}"/><high value="{START:%Y%m%d%H%M%S}"/></effectiveTime>'
        '<component><series><id root="1.2.4"/><code code="RHYTHM" codeSystem="2.16.840.1.113883.5.4"/>'
        f'<effectiveTime><low value="{START:%Y%m%d%H%M%S}.000"/>'
        f'<high value="{START:%Y%m%d%H%M%S}.000"/></effectiveTime>'
        f"<component><sequenceSet>{time}{parts}</sequenceSet></component></series></component></AnnotatedECG>"
    )


def write_muse(
    path: Path, steps: Steps, leads: Sequence[str], fs: int, scale_uv: float, exponent: int = 0, before: str = ""
) -> None:
    """Write a GE MUSE RestingECG: base64 of little-endian steps of 16 bits, a lead each.

    Its rate stands there by a power of ten; ``before`` is what comes before the rhythm's waveform.
    """
    data = "".join(
        "<LeadData><LeadByteCountTotal>{n}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
        "<LeadSampleCountTotal>{s}</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>{scale}</LeadAmplitudeUnitsPerBit>"
        "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadHighLimit>32767</LeadHighLimit>"
        "<LeadLowLimit>-32768</LeadLowLimit><LeadID>{lead}</LeadID><LeadOffsetFirstSample>0</LeadOffsetFirstSample>"
        "<FirstSampleBaseline>0</FirstSampleBaseline><LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff>"
        "<BaselineSway>FALSE</BaselineSway><LeadDataCRC32>0</LeadDataCRC32>"
        "<WaveFormData>{data}</WaveFormData></LeadData>".format(
            n=2 * len(steps),
            s=len(steps),
            scale=scale_uv,
            lead=lead,
            data=base64.b64encode(steps[:, i].astype("<i2").tobytes()).decode(),
        )
        for i, lead in enumerate(leads)
    )
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?><RestingECG><MuseInfo><MuseVersion>9.0</MuseVersion></MuseInfo>'
        "<TestDemographics><DataType>RESTING</DataType><AcquisitionDevice>MAC55</AcquisitionDevice>"
        f"<AcquisitionTime>{START:%H:%M:%S}</AcquisitionTime><AcquisitionDate>{START:%m-%d-%Y}</AcquisitionDate>"
        f"</TestDemographics>{before}<Waveform><WaveformType>Rhythm</WaveformType>"
        f"<NumberofLeads>{len(leads)}</NumberofLeads><SampleType>CONTINUOUS_SAMPLES</SampleType>"
        f"<SampleBase>{round(fs / 10**exponent)}</SampleBase><SampleExponent>{exponent}</SampleExponent>{data}"
        "</Waveform></RestingECG>",
        "latin-1",
    )


def write_kardia(path: Path, steps: Steps, leads: Sequence[str], fs: int, resolution_nv: int) -> None:
    """Write a recording of the Kardia service: steps of so many nV."""
    samples = {lead: steps[:, i].tolist() for i, lead in enumerate(leads)}
    raw = {"frequency": fs, "mainsFrequency": 50, "amplitudeResolution": resolution_nv, "samples": samples}
    document = {
        "id": "x",
        "recordedAt": f"{START.isoformat()}Z",
        "duration": 1000 * len(steps) // fs,
        "data": {"raw": raw},
    }
    path.write_text(json.dumps(document))


def write_scp(
    path: Path, steps: Steps, codes: Sequence[int], fs: int, resolution_nv: int, *, is_packed: bool = False
) -> None:
    """Write an SCP-ECG record (EN 1064), sections 0, 1, 3 and 6: rhythm data of 16 bits.

    Packed, they are second differences in the standard's own Huffman code (section 2), as most devices write them.
    """
    leads, n = steps.shape[1], len(steps)
    patient = struct.pack("<BH4B", 25, 4, 0, 0, 0, 0)[:3] + struct.pack("<HBB", START.year, START.month, START.day)
    patient += struct.pack("<BH3B", 26, 3, START.hour, START.minute, START.second) + struct.pack("<BH", 255, 0)
    definition = struct.pack("<BB", leads, 4 | leads << 3)  # all leads at the same time
    definition += b"".join(struct.pack("<IIB", 1, n, code) for code in codes)
    rows = [_huffman(lead) if is_packed else lead.astype("<i2").tobytes() for lead in steps.T]
    rhythm = struct.pack("<HHBB", resolution_nv, 1_000_000 // fs, 2 * is_packed, 0)
    rhythm += struct.pack(f"<{leads}H", *map(len, rows)) + b"".join(rows)
    bodies = {1: patient, 3: definition, 6: rhythm} | ({2: struct.pack("<H", 19999)} if is_packed else {})
    pointers, at, parts = b"", 7 + 16 + 10 * 12, []
    for number in range(12):
        body = bodies.get(number)
        if number == 0:
            pointers += struct.pack("<HII", 0, 16 + 10 * 12, 7)
        elif body is None:
            pointers += struct.pack("<HII", number, 0, 0)
        else:
            body += b"\0" * (len(body) % 2)
            section = struct.pack("<HIBB6s", number, len(body) + 16, 20, 20, b"") + body
            section = struct.pack("<H", binascii.crc_hqx(section, 0xFFFF)) + section
            pointers += struct.pack("<HII", number, len(section), at)
            parts.append(section)
            at += len(section)
    first = struct.pack("<HIBB6s", 0, 16 + len(pointers), 20, 20, b"SCPECG") + pointers
    first = struct.pack("<H", binascii.crc_hqx(first, 0xFFFF)) + first
    rest = first + b"".join(parts)
    whole = struct.pack("<I", 6 + len(rest)) + rest
    path.write_bytes(struct.pack("<H", binascii.crc_hqx(whole, 0xFFFF)) + whole)


def _huffman(lead: NDArray[np.int16]) -> bytes:
    """Return second differences in the default code of EN 1064: small ones as a run of ones, others as they are."""
    values = lead.astype(int).tolist()
    second = values[:2] + [values[i] - 2 * values[i - 1] + values[i - 2] for i in range(2, len(values))]
    bits = []
    for value in second:
        size = abs(value)
        if size == 0:
            bits.append("0")
        elif size <= 8:
            bits.append("1" * size + "0" + ("1" if value < 0 else "0"))
        elif -128 <= value < 128:
            bits.append("1111111110" + f"{value & 0xFF:08b}")
        else:
            bits.append("1111111111" + f"{value & 0xFFFF:016b}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    out = int(text, 2).to_bytes(len(text) // 8, "big")
    return out + b"\0" * (len(out) % 2)


def write_sierra(
    path: Path, steps: Steps, leads: Sequence[str], fs: int, resolution_uv: float, *, is_packed: bool = False
) -> None:
    """Write a Philips Sierra document, version 1.03: parsed waveforms as base64, a lead after the other.

    Packed, each lead is a chunk of its own in XLI, as electrocardiographs write them.
    """
    raw = b"".join(map(_xli, steps.T)) if is_packed else steps.T.astype("<i2").tobytes()
    data = base64.b64encode(raw).decode()
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo><documenttype>SierraECG</documenttype>'
        "<documentversion>1.03</documentversion></documentinfo>"
        f'<dataacquisition date="{START:%Y-%m-%d}" time="{START:%H:%M:%S}"><signalcharacteristics>'
        f"<samplingrate>{fs}</samplingrate><signalresolution>{resolution_uv}</signalresolution>"
        f"<numberchannelsvalid>{len(leads)}</numberchannelsvalid>"
        f"<numberchannelsallocated>{len(leads)}</numberchannelsallocated>"
        "<bitspersample>16</bitspersample><signalsigned>true</signalsigned></signalcharacteristics></dataacquisition>"
        f'<waveforms><parsedwaveforms dataencoding="Base64" compression="{"XLI" if is_packed else "None"}" '
        f'leadlabels="{" ".join(leads)}" '
        f'numberofleads="{len(leads)}" samplespersecond="{fs}" durationperchannel="{1000 * len(steps) // fs}" '
        f'resolution="{resolution_uv}" bitspersample="16" signed="true">{data}'
        "</parsedwaveforms></waveforms></restingecgdata>"
    )


def _xli(lead: NDArray[np.int16]) -> bytes:
    """Return a chunk of XLI: what second differences miss, high bytes before low ones, in LZW of codes of 10 bits."""
    values = lead.astype(int).tolist()
    missed = [2 * values[i - 1] - values[i - 2] - values[i] for i in range(2, len(values))]
    codes = [*values[:2], *(miss + 64 for miss in missed[1:]), 0]  # each is of the sample after the next
    words = [code & 0xFFFF for code in codes]
    plain = bytes(word >> 8 for word in words) + bytes(word & 0xFF for word in words)
    known = {bytes([byte]): byte for byte in range(256)}
    out, text = [], b""
    for byte in plain:
        longer = text + bytes([byte])
        if longer in known:
            text = longer
            continue
        out.append(known[text])
        if len(known) < 1023:
            known[longer] = len(known)
        text = bytes([byte])
    bits = "".join(f"{code:010b}" for code in [*out, known[text], 1023])  # the last one ends it
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("<ihh", len(body), 0, missed[0]) + body


def write_xdf(
    path: Path,
    columns: NDArray[np.float32],
    labels: Sequence[str],
    units: Sequence[str],
    fs: float,
    keep: NDArray[np.bool_],
) -> None:
    """Write an XDF file, version 1.0: a file header, a stream's header, samples with time stamps, and a footer."""

    def chunk(tag: int, content: bytes) -> bytes:
        length = len(content) + 2
        return b"\x04" + struct.pack("<I", length) + struct.pack("<H", tag) + content

    channels = "".join(
        f"<channel><label>{label}</label><unit>{unit}</unit><type>ECG</type></channel>"
        for label, unit in zip(labels, units, strict=True)
    )
    head = (
        f"<?xml version='1.0'?><info><name>belt</name><type>ECG</type><channel_count>{len(labels)}</channel_count>"
        f"<nominal_srate>{fs}</nominal_srate><channel_format>float32</channel_format><source_id>x</source_id>"
        f"<desc><channels>{channels}</channels></desc></info>"
    )
    out = b"XDF:" + chunk(
        1, f"<?xml version='1.0'?><info><version>1.0</version><datetime>{START.isoformat()}</datetime></info>".encode()
    )
    out += chunk(2, struct.pack("<I", 1) + head.encode())
    there = np.flatnonzero(keep)
    for first in range(0, len(there), 5000):
        part = there[first : first + 5000]
        body = struct.pack("<I", 1) + b"\x04" + struct.pack("<I", len(part))
        for i in part.tolist():
            body += b"\x08" + struct.pack("<d", 100.0 + i / fs) + columns[i].astype("<f4").tobytes()
        out += chunk(3, body)
    count = f"<sample_count>{len(there)}</sample_count>"
    foot = f"<?xml version='1.0'?><info><first_timestamp>100</first_timestamp>{count}</info>"
    out += chunk(6, struct.pack("<I", 1) + foot.encode())
    path.write_bytes(out)


def write_dicom(
    path: Path,
    steps: Steps,
    leads: Sequence[str],
    fs: float,
    sensitivity_uv: float,
    baseline_uv: float = 0.0,
    padding: int | None = None,
    skew: Sequence[float] | None = None,
    moment: str = f"{START:%Y%m%d%H%M%S}",
) -> None:
    """Write an ambulatory DICOM ECG in explicit little endian, element by element (PS3.3 C.10.9, PS3.5)."""

    def element(group: int, number: int, vr: str, value: bytes) -> bytes:
        value += (b"\0" if vr in ("UI", "OW", "OB") else b" ") * (len(value) % 2)
        long = vr in ("OB", "OW", "SQ", "UN")
        size = struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))
        return struct.pack("<HH", group, number) + vr.encode() + size + value

    def sequence(group: int, number: int, items: Sequence[bytes]) -> bytes:
        return element(group, number, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i for i in items))

    def code(value: str, scheme: str, meaning: str) -> bytes:
        return (
            element(8, 0x100, "SH", value.encode())
            + element(8, 0x102, "SH", scheme.encode())
            + element(8, 0x104, "LO", meaning.encode())
        )

    channels = [
        sequence(0x3A, 0x208, [code(f"2:{i + 1}", "MDC", f"Lead {lead}")])
        + element(0x3A, 0x210, "DS", f"{sensitivity_uv}".encode())
        + sequence(0x3A, 0x211, [code("uV", "UCUM", "microvolt")])
        + element(0x3A, 0x212, "DS", b"1")
        + element(0x3A, 0x213, "DS", f"{baseline_uv}".encode())
        + element(0x3A, 0x215, "DS", f"{0 if skew is None else skew[i]}".encode())
        + element(0x3A, 0x21A, "US", struct.pack("<H", 16))
        for i, lead in enumerate(leads)
    ]
    group = element(0x3A, 4, "CS", b"ORIGINAL") + element(0x3A, 5, "US", struct.pack("<H", len(leads)))
    group += element(0x3A, 0x10, "UL", struct.pack("<I", len(steps))) + element(0x3A, 0x1A, "DS", f"{fs}".encode())
    group += sequence(0x3A, 0x200, channels)
    group += element(0x5400, 0x1004, "US", struct.pack("<H", 16)) + element(0x5400, 0x1006, "CS", b"SS")
    if padding is not None:
        group += element(0x5400, 0x100A, "OW", struct.pack("<h", padding))
    group += element(0x5400, 0x1010, "OW", steps.astype("<i2").tobytes())
    sop = b"1.2.840.10008.5.1.4.1.1.9.1.3"
    meta = (
        element(2, 1, "OB", b"\0\1")
        + element(2, 2, "UI", sop)
        + element(2, 3, "UI", b"1.2.3")
        + element(2, 0x10, "UI", b"1.2.840.10008.1.2.1")
    )
    meta = element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    body = element(8, 0x16, "UI", sop) + element(8, 0x18, "UI", b"1.2.3") + element(8, 0x2A, "DT", moment.encode())
    body += element(8, 0x60, "CS", b"ECG") + element(8, 0x70, "LO", b"Maker") + sequence(0x5400, 0x100, [group])
    path.write_bytes(b"\0" * 128 + b"DICM" + meta + body)


def write_acq(path: Path, steps: Steps, names: Sequence[str], fs: float, scale_mv: float) -> None:
    """Write an AcqKnowledge file of version 2.0: headers of graph and channels, steps of 16 bits, no markers.

    BIOPAC application note 156.
    """
    channels = steps.shape[1]
    graph = struct.pack("<i3h5d", 150, channels, 0, 0, 1000.0 / fs, 0.0, 1.0, 0.0, 0.0) + struct.pack(
        "<4h6hhdh", *[0] * 13
    )
    graph += b"seconds".ljust(40, b"\0") + b"sec".ljust(10, b"\0") + struct.pack("<6h", *[0] * 6)
    out = struct.pack("<hI", 0, 30) + graph
    for i, name in enumerate(names):
        head = (
            struct.pack("<ih", 112, i) + name.encode().ljust(40, b"\0") + b"\0" * 4 + struct.pack("<hdd", 0, 0.0, 1.0)
        )
        head += b"mV".ljust(20, b"\0") + struct.pack("<iddhh", len(steps), scale_mv, 0.0, i, 0)
        out += head
    out += struct.pack("<hh", 4, 0) + struct.pack("<hh", 2, 2) * channels + steps.astype("<i2").tobytes()
    path.write_bytes(out + struct.pack("<ii", 8, 0))


def write_movesense(path: Path, counts: Steps, fs: float, keep: NDArray[np.bool_], size: int = 16) -> None:
    """Write a log of a Movesense sensor: packets of counts of 1/20 V in 17 bits, at times of its clock in ms."""
    entries: list[dict[str, object]] = [
        {"TimeDetailed": {"relativeTime": 4000, "utcTime": round(START.replace(tzinfo=UTC).timestamp() * 1e6)}}
    ]
    for packet, first in enumerate(range(0, len(counts) - size + 1, size)):
        if keep[packet]:
            samples = counts[first : first + size].tolist()
            entries.append({"MeasECG": {"Timestamp": 4000 + int(1000 * first / fs), "Samples": samples}})
            entries.append({"MeasHR": {"average": 61.2, "rrData": [980]}})
    path.write_text(json.dumps({"Samples": entries}))


def write_withings(path: Path, recordings: Sequence[tuple[str, int, Sequence[float]]], fs: int) -> None:
    """Write a Withings export's ``signal.csv``: a row for each recording, with its date and where it was worn."""
    lines = ["date,type,frequency,duration,wearposition,signal,doctor_assessment,doctor_name,checkup_date"]
    for date, where, values in recordings:
        numbers = ",".join(f"{value:g}" for value in values)
        lines.append(f'{date},1,{fs},{len(values) // fs},{where},"[{numbers}]",,,')
    path.write_text("\n".join(lines) + "\n")


def write_vital(
    path: Path,
    waves: Sequence[tuple[str, str, float, float, int, Sequence[tuple[float, NDArray[np.generic]]]]],
    notes: Sequence[tuple[float, str]] = (),
    *,
    minutes: int = 0,
) -> None:
    """Write a VitalDB file (VitalRecorder's, version 3): a device, tracks, and blocks of samples, a packet each.

    Parameters
    ----------
    path : Path
        Where to.
    waves : sequence of tuples
        Name, unit, rate in Hz, units of a step, format (1 for floats, 5 for steps of 16 bits, 7 for 32), and blocks:
        when each begins in s since 1970, and its samples.
    notes : sequence of tuples
        When something was noted, and what.
    minutes : int
        From the recorder's clock to UTC.
    """

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value.encode())) + value.encode()

    def packet(kind: int, content: bytes) -> bytes:
        return struct.pack("<BI", kind, len(content)) + content

    begins = [time_s for *_, blocks in waves for time_s, _ in blocks]
    head = struct.pack("<hIIdd", minutes, 0, 0, min(begins), max(begins) + 1.0)
    out = b"VITA" + struct.pack("<IH", 3, len(head)) + head
    out += packet(9, struct.pack("<I", 1) + text("Monitor") + text("Bed 7") + text(""))
    for number, (name, unit, fs, step, form, _) in enumerate(waves, start=1):
        track = struct.pack("<HBB", number, 1, form) + text(name) + text(unit) + struct.pack("<ffI", -1.0, 2.0, 0)
        out += packet(0, track + struct.pack("<fddBI", fs, step, 0.0, 0, 1))
    if notes:
        out += packet(0, struct.pack("<HBB", 99, 5, 0) + text("EVENT") + text(""))
    kinds = {1: "<f4", 5: "<i2", 7: "<i4"}
    for number, (*_, form, blocks) in enumerate(waves, start=1):
        for time_s, samples in blocks:
            body = struct.pack("<HdHI", 10, time_s, number, len(samples)) + samples.astype(kinds[form]).tobytes()
            out += packet(1, body)
    for time_s, note in notes:
        out += packet(1, struct.pack("<HdHI", 10, time_s, 99, 0) + text(note))
    path.write_bytes(gzip.compress(out))


def write_samples(folder: Path, *, seconds: float = 12.0, fs: int = 250) -> list[Path]:
    """Write a small file of each format that is read, and return them; the signal is a made-up one.

    Parameters
    ----------
    folder : Path
        Where to.
    seconds : float
        Length in s.
    fs : int
        Rate in Hz.
    """
    import edfio
    import h5py
    import pandas as pd
    import wfdb
    from scipy.io import savemat

    time_s = np.arange(round(seconds * fs)) / fs
    beat = np.exp(-(((time_s * 1.2 % 1.0) - 0.5) ** 2) / 0.0004)
    signal = np.column_stack([beat, 0.6 * beat, -0.3 * beat]) + 0.05 * np.sin(time_s)[:, None]
    steps = np.round(400 * signal).astype(np.int16)
    write_ishne(folder / "ishne.ecg", steps, [11, 6, 15], fs, 2500)
    write_aecg(folder / "aecg.xml", steps, ["V1", "II", "AVF"], fs, 2.5)
    write_muse(folder / "muse.xml", steps, ["V1", "V5", "V2"], fs, 4.88)
    write_kardia(folder / "kardia.json", steps, ["leadI", "leadII", "AVF"], fs, 500)
    write_scp(folder / "scp.scp", steps, [3, 2, 7], fs, 2500)
    write_sierra(folder / "sierra.xml", steps, ["V1", "II", "aVF"], fs, 5.0)
    write_dicom(folder / "dicom.dcm", steps, ["V1", "II", "aVF"], fs, 2.5)
    write_acq(folder / "acq.acq", steps, ["V1", "II", "RSP"], fs, 0.0025)
    every = np.ones(len(steps), dtype=np.bool_)
    counts = np.round(beat * 1e6 / 381.47).astype(np.int16)
    write_movesense(folder / "movesense.json", counts, fs, every, size=8)
    rows = "\n".join(f"{4000 + int(1000 * i / fs)},{count}" for i, count in enumerate(counts.tolist()))
    (folder / "movesense.csv").write_text(f"Timestamp,Count\n{rows}\n")
    microvolts = np.round(1000 * beat).tolist()
    write_withings(folder / "withings.csv", [("2021-03-04T22:30:01+01:00", 1, microvolts)], fs)
    answer = {"signal": [int(value) for value in microvolts], "sampling_frequency": fs, "wearposition": 1}
    (folder / "withings.json").write_text(json.dumps({"status": 0, "body": answer}))
    began = START.replace(tzinfo=UTC).timestamp()
    seconds_of = [(began + i, steps[i * fs : (i + 1) * fs, 0]) for i in range(int(seconds))]
    write_vital(folder / "vital.vital", [("ECG_II", "mV", float(fs), 0.0025, 5, seconds_of)], [(began + 3.0, "note")])
    write_xdf(folder / "xdf.xdf", steps[:, :2].astype(np.float32), ["II", "V1"], ["uV", "uV"], fs, every)
    leads = [
        edfio.EdfSignal(signal[:, i], fs, label=name, physical_dimension="mV", physical_range=(-5, 5))
        for i, name in enumerate(("II", "V1"))
    ]
    notes = [edfio.EdfAnnotation(3.0, None, "note")]
    edfio.Edf(leads, annotations=notes, data_record_duration=1).write(folder / "edf.edf")
    wide = edfio.BdfSignal(signal[:, 0], fs, label="II", physical_dimension="mV", physical_range=(-5, 5))
    edfio.Bdf([wide], data_record_duration=1).write(folder / "bdf.bdf")
    table = pd.DataFrame(
        {"time": np.round(time_s, 4), "II": signal[:, 0].round(4), "V1 (uV)": (1e3 * signal[:, 1]).round(1)}
    )
    table.to_csv(folder / "csv.csv", index=False)
    table.to_csv(folder / "german.txt", index=False, sep=";", decimal=",")
    table.to_csv(folder / "packed.csv.gz", index=False)
    table.to_parquet(folder / "parquet.parquet", index=False)
    table.to_feather(folder / "feather.feather")
    np.save(folder / "npy.npy", signal)
    np.savez_compressed(folder / "npz.npz", ecg=signal, fs=fs, leads=np.array(["II", "V1", "V5"]))
    savemat(folder / "mat.mat", {"ecg": signal, "fs": float(fs)})
    with h5py.File(folder / "mat73.mat", "w") as file:
        for name, value in (("ecg", signal.T), ("fs", np.array([[float(fs)]]))):
            file.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_("double")
    wfdb.wrsamp(
        "wfdb", fs, ["mV"] * 2, ["II", "V1"], signal[:, :2], fmt=["212"] * 2, adc_gain=[200] * 2, baseline=[0] * 2,
        write_dir=str(folder),
    )  # fmt: skip
    wfdb.wrann(
        "wfdb", "atr", np.arange(100, len(steps), 200), ["N"] * len(range(100, len(steps), 200)), write_dir=str(folder)
    )
    return sorted(path for path in folder.iterdir() if path.suffix not in (".dat", ".atr"))
