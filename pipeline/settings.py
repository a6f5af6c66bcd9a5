"""One tree of settings: defaults, then a TOML file, then the environment, then arguments.

A value is named by its path: ``fetch.timeout_s`` is ``[fetch] timeout_s`` in ``ecg-anomaly.toml`` and
``ECG_FETCH__TIMEOUT_S`` in the environment; ``physionet_url`` is ``ECG_PHYSIONET_URL``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from pipeline.alarm_limits import LIMITS, check_limits, check_order
from pipeline.clock import time_zone

__all__ = ["AlarmSettings", "FetchSettings", "LiveSettings", "RuleSettings", "Settings", "ThresholdSettings"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchSettings(_Section):
    """How files are fetched from PhysioNet or a mirror of it."""

    timeout_s: float = Field(20.0, gt=0, description="longest wait for a connection or for the next bytes, in s")
    retries: int = Field(4, ge=0, le=10, description="tries after the first, for what may pass (never for a 404)")
    backoff_s: float = Field(0.5, ge=0, description="wait before the first retry; doubles, with jitter")
    requests_per_s: float = Field(5.0, gt=0, description="highest rate of requests")
    slowest_bytes_per_s: float = Field(1000.0, ge=0, description="rate below which an answer is given up, after 30 s")
    most_bytes: int = Field(8 * 2**30, gt=0, description="size of a file above which it is not fetched")


class ThresholdSettings(_Section):
    """How a score becomes a verdict."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="declared false-alarm rate per normal beat")
    per_hour: float | None = Field(
        None, gt=0, lt=3600, description="declared false-alarm rate per patient-hour, in place of alpha"
    )
    drift_detector: Literal["adwin", "page-hinkley", "none"] = Field(
        "adwin", description="what watches for a change in the level of the scores"
    )


class RuleSettings(_Section):
    """What one rule does otherwise than by default."""

    enabled: bool = Field(True, description="whether it is on")
    priority: Literal["high", "medium", "low"] | None = Field(None, description="in place of its own")
    calm_s: float | None = Field(None, ge=0, description="how long its condition must be gone until the episode ended")
    refractory_s: float | None = Field(
        None, ge=0, description="how long an ended episode goes on if its condition returns, in place of the shared one"
    )


class AlarmSettings(_Section):
    """When a person is told."""

    k: int = Field(4, ge=1, description="anomalies among the last n beats that raise an alarm")
    n: int = Field(8, ge=1, description="beats that k is counted in")
    refractory_s: float = Field(
        60.0, ge=0, description="how long an ended episode of low or medium priority goes on if its condition returns"
    )
    pause_s: float = Field(3.0, gt=0, description="no beat for so long is a pause")
    asystole_s: float = Field(3.5, gt=0, description="no beat for so long is asystole, told half a second later")
    brady_bpm: float = Field(40.0, gt=0, description="mean rate of 5 beats below which the heart is too slow")
    tachy_bpm: float = Field(140.0, gt=0, description="mean rate of 17 beats above which the heart is too fast")
    extreme_brady_bpm: float = Field(25.0, gt=0, description="mean rate of 5 beats that is dangerously slow")
    extreme_tachy_bpm: float = Field(190.0, gt=0, description="mean rate of 9 beats that is dangerously fast")
    vt_beats: int = Field(5, ge=3, description="ventricular-like beats in a row that are a ventricular tachycardia")
    vt_bpm: float = Field(100.0, gt=0, description="rate of such a run from which on it is one")
    run_noise_ratio: float = Field(
        3.0, gt=1, description="mean noise of a run's last beats over the usual in which no ventricular run is told"
    )
    flat_s: float = Field(5.0, gt=0, description="a lead that is constant for so long is off")
    noise_ratio: float = Field(4.0, gt=1, description="mean noise of 8 beats over the usual that is noise")
    rules: dict[str, RuleSettings] = Field({}, description="rules by name, as `ecg-anomaly rules` shows them")
    limits: dict[str, dict[str, float]] = Field(
        {}, description="limits of single patients or records by name, as `ecg-anomaly limits` shows them"
    )

    @field_validator("limits")
    @classmethod
    def _check_limits(cls, limits: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        return {patient: check_limits(own) for patient, own in limits.items()}

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for patient in self.limits:
            self.of(patient)
        return self

    def of(self, patient: str, limits: Mapping[str, float] | None = None) -> AlarmSettings:
        """Return the settings of one patient.

        Parameters
        ----------
        patient : str
            Name of the patient or record.
        limits : mapping of str to float, optional
            Limits that were set for the patient otherwise, such as on the page; they rank before those of the settings.

        Raises
        ------
        ValueError
            If a milder limit lies beyond the graver one.
        """
        own = {**self.limits.get(patient, {}), **(limits or {})}
        if not own:
            return self
        settings = self.model_copy(update=own)
        check_order({name: getattr(settings, name) for name in LIMITS}, own)
        return settings


class LiveSettings(_Section):
    """How live monitoring works."""

    commit_s: float = Field(5.0, ge=0, description="longest wait of a result to be stored; alarms are stored at once")
    lease_s: float = Field(10.0, gt=0, description="silence after which a worker has lost its patients to another")
    gather_s: float = Field(
        0.05, ge=0, le=0.2, description="wait for frames of other patients, so that all are scored together"
    )
    keep_days: float = Field(
        30.0, ge=1, description="age from which beats, drifts and gaps of live monitoring are dropped; alarms stay"
    )
    rest_s: float = Field(
        900.0, ge=60, description="silence after which a patient leaves memory; the next frame brings it back as it was"
    )
    most_patients: int = Field(
        4000, ge=1, description="patients that one worker monitors at a time; who comes when it is full is refused"
    )
    most_patients_a_site: int = Field(
        2000, ge=1, description="of these, patients of one site (the first part of a name)"
    )


class Settings(BaseSettings):
    """All settings. Read once, at the edge (command line, flow, notebook); the library takes values."""

    model_config = SettingsConfigDict(
        env_prefix="ECG_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    physionet_url: str = Field(
        "https://physionet.org/files/",
        description="PhysioNet, an HTTP mirror of its files/ tree, or a folder with the same layout",
    )
    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("ecg-anomaly")),
        description="where fetched records lie",
    )
    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_state_dir("ecg-anomaly")),
        description="where what outlives a run lies: the database, unless database_url says else, and published models",
    )
    database_url: str = Field(
        "",
        repr=False,  # it may hold a password
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; by default a file in state_dir",
    )
    device: str = Field("cpu", description="where the network runs: cpu, or a GPU as torch names it, such as cuda")
    time_zone: str = Field(
        "UTC", description="where times of the wall clock are shown for, such as Europe/Berlin; what is stored is UTC"
    )
    fetch: FetchSettings = FetchSettings()
    threshold: ThresholdSettings = ThresholdSettings()
    alarms: AlarmSettings = AlarmSettings()
    live: LiveSettings = LiveSettings()

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        time_zone(name)
        return name

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield what is shown of the settings: no password of a mirror, in whatever log or traceback they end up."""
        for name, value in super().__repr_args__():
            yield name, re.sub(r"//[^/@]*@", "//", value) if name == "physionet_url" else value

    @property
    def database(self) -> str:
        """URL of the database of alarms, runs and model versions."""
        return self.database_url or f"sqlite:///{(self.state_dir / 'ecg-anomaly.db').absolute()}"

    @property
    def models(self) -> Path:
        """Folder of the published models."""
        return self.state_dir / "models"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources: arguments, then the environment, then the file named by ``ECG_SETTINGS``.

        Raises
        ------
        SettingsError
            If that file is not there, or a file is no TOML or may not be read.
        """
        named = os.environ.get("ECG_SETTINGS")
        path = Path(named or "ecg-anomaly.toml")
        if named and not path.is_file():
            raise SettingsError(f"ECG_SETTINGS names {named}: there is no such file")
        try:
            file_settings = TomlConfigSettingsSource(settings_cls, toml_file=path)
        except (ValueError, OSError) as error:
            raise SettingsError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
        return (init_settings, env_settings, file_settings)
