"""When a person is told, as data: name, priority, life and meaning of each rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.settings import AlarmSettings

__all__ = ["RANKS", "RULES", "Rule", "rules_in_force"]

RANKS = {"low": 0, "medium": 1, "high": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes
    ----------
    kind : str
        Its name.
    cause : str
        What rules of one escalation share: they are about one episode, which is told again only where the priority
        rises.
    priority : str
        ``high``, ``medium`` or ``low``.
    physiological : bool
        False if it is about the signal.
    meaning : str
        When it is raised, in words; names in braces are settings.
    calm_s : float
        How long its condition must be gone until the episode has ended, in s.
    refractory_s : float
        How long after its end the episode goes on if the condition returns, instead of a new one being told, in s.
    slow : bool
        True if its most extreme rate is the lowest.
    quiet_while : tuple of str
        Causes of which no episode of the same or a higher priority may last for a new one of this rule to be told: they
        say more.
    """

    kind: str
    cause: str
    priority: str
    physiological: bool
    meaning: str
    calm_s: float = 10.0
    refractory_s: float = 0.0
    slow: bool = False
    quiet_while: tuple[str, ...] = ()


_SHARED = -1.0  # refractory time that rules share, a setting
_LETHAL = ("fibrillation",)
_RUNNING = ("fibrillation", "run", "asystole")

# Asystole, the rates and ventricular tachycardia are those of the Challenge 2015 (doi:10.1109/CIC.2015.7408639), which
# took them from monitors in use: no beat for 4 s, under 40 a minute for 5 beats, over 140 for 17, 5 ventricular beats
# over 100. Monitors in use take three cycles for bigeminy and trigeminy, and 0.3 s after a pacing pulse for its QRS. R
# on T goes by Bazett's QT interval, atrial fibrillation by the 30 s of the European guidelines: see patterns.
RULES = {
    rule.kind: rule
    for rule in (
        Rule("ventricular fibrillation", "fibrillation", "high", True, "fibrillation or flutter in the signal", 3.0),
        Rule("asystole", "asystole", "high", True, "no beat for {asystole_s:g} s while the signal is there", 0.0,
             quiet_while=_LETHAL),
        Rule("ventricular tachycardia", "run", "high", True,
             "{vt_beats} or more ventricular-like anomalies in a row above {vt_bpm:g}/min", 3.0),
        Rule("extreme bradycardia", "slow", "high", True, "mean rate of 5 beats below {extreme_brady_bpm:g}/min",
             slow=True, quiet_while=_LETHAL),
        Rule("extreme tachycardia", "fast", "high", True, "mean rate of 9 beats above {extreme_tachy_bpm:g}/min",
             quiet_while=("fibrillation", "run")),
        Rule("supraventricular run", "run", "medium", True,
             "6 or more anomalies in a row, shaped like the patient's own beats", refractory_s=_SHARED),
        Rule("long run", "run", "medium", True, "6 or more anomalies in a row", refractory_s=_SHARED),
        Rule("ventricular run", "run", "medium", True, "3 or more ventricular-like anomalies in a row", 3.0, _SHARED),
        Rule("failure to capture", "capture", "medium", True,
             "two pacing pulses in a row that no QRS complex follows within 0.3 s", refractory_s=_SHARED),
        Rule("run", "run", "low", True, "3 to 5 anomalies in a row", refractory_s=_SHARED),
        Rule("bradycardia", "slow", "medium", True, "mean rate of 5 beats below {brady_bpm:g}/min",
             refractory_s=_SHARED, slow=True, quiet_while=_LETHAL),
        Rule("tachycardia", "fast", "medium", True, "mean rate of 17 beats above {tachy_bpm:g}/min",
             refractory_s=_SHARED, quiet_while=_LETHAL),
        Rule("pause", "asystole", "low", True, "no beat for {pause_s:g} s while the signal is there", 0.0, _SHARED,
             quiet_while=_LETHAL),
        Rule("couplet", "run", "low", True, "2 ventricular-like anomalies in a row", refractory_s=_SHARED),
        Rule("bigeminy", "pattern", "low", True, "a ventricular-like beat after each other beat, three times in a row",
             refractory_s=_SHARED, quiet_while=_RUNNING),
        Rule("trigeminy", "pattern", "low", True, "a ventricular-like beat after two others, three times in a row",
             refractory_s=_SHARED, quiet_while=_RUNNING),
        Rule("R on T", "R on T", "low", True, "a ventricular-like beat before the T wave of the one before is over",
             refractory_s=_SHARED, quiet_while=_RUNNING),
        Rule("atrial fibrillation", "atria", "low", True, "the rhythm is atrial fibrillation for 30 s", 30.0, _SHARED,
             quiet_while=_LETHAL),
        Rule("frequent anomalies", "frequent", "low", True, "{k} anomalies among the last {n} beats",
             refractory_s=_SHARED, quiet_while=(*_RUNNING, "pattern")),
        Rule("cannot analyse", "cannot analyse", "medium", False,
             "no beat for {asystole_s:g} s in signal that is not clear enough to tell", 1.0),
        Rule("signals disagree", "signals disagree", "low", False,
             "a standstill, fibrillation or an extreme rate to the electrodes, but pulses go on all the same",
             10.0, _SHARED, quiet_while=("fibrillation",)),
        Rule("no signal", "no signal", "medium", False, "every lead missing or flat for {flat_s:g} s", 1.0, _SHARED),
        Rule("lead off", "lead off", "low", False, "one lead missing or flat for {flat_s:g} s", 1.0, _SHARED),
        Rule("noise", "noise", "low", False, "noise around 8 beats over {noise_ratio:g} times the usual",
             refractory_s=_SHARED),
    )
}  # fmt: skip


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
        refractory_s = settings.refractory_s if rule.refractory_s == _SHARED else rule.refractory_s
        if own is None:
            out[kind] = replace(rule, refractory_s=refractory_s)
        elif own.enabled:
            refractory_s = refractory_s if own.refractory_s is None else own.refractory_s
            calm_s = rule.calm_s if own.calm_s is None else own.calm_s
            priority = own.priority or rule.priority
            out[kind] = replace(rule, priority=priority, calm_s=calm_s, refractory_s=refractory_s)
    return out
