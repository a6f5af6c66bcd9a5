"""How a training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.figures.canvas import INK, SERIES, new_figure, plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_losses"]


def draw_losses(facts: dict[str, Any]) -> Figure:
    """Draw the losses of a training by pass: each fold, learnt and held out, and the final fit.

    Parameters
    ----------
    facts : dict
        What :func:`pipeline.learning.training.train_model` returns.
    """
    figure = new_figure(9.0, 4.2)
    learnt, held_out = figure.subplots(1, 2, sharey=True)
    for k, fold in enumerate(facts["folds"]):
        for axes, losses in ((learnt, fold["training"]), (held_out, fold["held_out"])):
            colour = SERIES[k % len(SERIES)]
            axes.plot(range(1, len(losses) + 1), losses, "o-", color=colour, markersize=4, label=f"fold {k + 1}")
    final = facts["training_loss"]
    learnt.plot(range(1, len(final) + 1), final, "s--", color=INK, markersize=4, label="all records")
    held_out.axvline(facts["passes"], color=INK, linestyle=":", label="passes of the final fit")
    plain_axes(learnt, x="pass over the beats", y="mean absolute error (patient's noise)", title="Learnt beats")
    plain_axes(held_out, x="pass over the beats", title="Records held out")
    most = max(len(fold["training"]) for fold in facts["folds"])
    for axes in (learnt, held_out):
        axes.set_xticks(range(1, most + 1, -(-most // 12)))
    (of_fits, fits), (of_line, line) = learnt.get_legend_handles_labels(), held_out.get_legend_handles_labels()
    names = [*fits, line[-1]]
    figure.legend([*of_fits, of_line[-1]], names, loc="outside lower center", ncols=7, frameon=False, fontsize=9)
    figure.suptitle(f"{facts['kind']}, {facts['parameters']:,} parameters, {facts['beats']:,} beats", fontsize=12)
    return figure
