"""When a person is told, as data: name, priority and meaning of each rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.settings import AlarmSettings

__all__ = ["RULES", "Rule", "rules_in_force"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes
    ----------
    kind : str
        Its name.
    priority : str
        ``high``, ``medium`` or ``low``.
    physiological : bool
        False if it is about the signal.
    meaning : str
        When it is raised, in words; names in braces are settings.
    refractory_s : float or None
        Silence after it has been raised in s; None for the one that all rules share.
    """

    kind: str
    priority: str
    physiological: bool
    meaning: str
    refractory_s: float | None = None


RULES = {
    rule.kind: rule
    for rule in (
        Rule("asystole", "high", True, "no beat for {pause_s:g} s while the signal is there"),
        Rule("ventricular run", "high", True, "3 or more ventricular-like anomalies in a row"),
        Rule("long run", "high", True, "6 or more anomalies in a row"),
        Rule("extreme bradycardia", "high", True, "mean rate of 8 beats below {extreme_brady_bpm:g}/min"),
        Rule("extreme tachycardia", "high", True, "mean rate of 8 beats above {extreme_tachy_bpm:g}/min"),
        Rule("run", "medium", True, "3 to 5 anomalies in a row"),
        Rule("bradycardia", "medium", True, "mean rate of 8 beats below {brady_bpm:g}/min"),
        Rule("tachycardia", "medium", True, "mean rate of 8 beats above {tachy_bpm:g}/min"),
        Rule("couplet", "low", True, "2 ventricular-like anomalies in a row"),
        Rule("frequent anomalies", "low", True, "{k} anomalies among the last {n} beats"),
        Rule("no signal", "medium", False, "every lead missing or flat for {flat_s:g} s"),
        Rule("lead off", "low", False, "one lead missing or flat for {flat_s:g} s"),
        Rule("noise", "low", False, "noise around 8 beats over {noise_ratio:g} times the usual"),
    )
}


def rules_in_force(settings: AlarmSettings) -> dict[str, Rule]:
    """Return the rules that are on, with what the settings say of each.

    Raises
    ------
    ValueError
        If the settings name a rule that there is not.
    """
    unknown = sorted(settings.rules.keys() - RULES.keys())
    if unknown:
        raise ValueError(f"there is no rule {', '.join(unknown)}; the rules are {', '.join(RULES)}")
    out = {}
    for kind, rule in RULES.items():
        own = settings.rules.get(kind)
        if own is None:
            out[kind] = replace(rule, refractory_s=settings.refractory_s)
        elif own.enabled:
            refractory_s = settings.refractory_s if own.refractory_s is None else own.refractory_s
            out[kind] = replace(rule, priority=own.priority or rule.priority, refractory_s=refractory_s)
    return out
