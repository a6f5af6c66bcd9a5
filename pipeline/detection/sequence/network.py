"""The sequence network, in torch: for training, and to look into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.detection.sequence.compiled import CompiledSequence
from pipeline.detection.sequence.heads import CLASSES, STATES, STRANGENESS, SequenceShape
from pipeline.detection.sequence.tokens import READ, SHAPE_COLUMN, UNTIMELY

__all__ = ["SequenceNetwork", "SequenceOutput"]


@dataclass(frozen=True, slots=True, eq=False)
class SequenceOutput:
    """What the network says of beats.

    Attributes
    ----------
    classes : Tensor, shape (n, beats, 3)
        Logits: the beat is normal, supraventricular, ventricular.
    interval : Tensor, shape (n, beats, 3 * mixtures)
        Weights (logits), places and log scales of the logistic distributions of the log interval that the next beat
        has if it is normal, over the slow reference.
    states : Tensor, shape (n, beats, states)
        Logits of the rhythm after the beat.
    """

    classes: Tensor
    interval: Tensor
    states: Tensor


class SequenceNetwork(nn.Module):
    """Say how far each beat of a sequence is from what it would be, were it normal.

    One LSTM reads the beats' tokens. From its state before a beat, and the beat's own token, a dense layer tells the
    beat's class; from that state alone, which interval a normal beat would have; from the state after it, the rhythm.
    To the log odds that are learnt, how strange the beat's shape and how untimely it is are added when beats are read:
    two judges that err in different beats, the second of which has learnt nothing.

    Parameters
    ----------
    shape : SequenceShape, optional
        Sizes of the network.
    """

    def __init__(self, shape: SequenceShape | None = None) -> None:
        super().__init__()
        self.shape = s = shape or SequenceShape()
        self.lstm = nn.LSTM(READ, s.hidden, batch_first=True)
        self.judge = nn.Linear(s.hidden + READ, s.judge)
        self.classes = nn.Linear(s.judge, len(CLASSES))
        self.interval = nn.Linear(s.hidden, 3 * s.mixtures)
        self.states = nn.Linear(s.hidden, len(STATES))

    @classmethod
    def untrained(cls, seed: int = 0) -> Self:
        """Return a network of the usual sizes that has learnt nothing."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls().eval()

    def frozen(self) -> CompiledSequence:
        """Return what :meth:`forward` does with the weights as they are now, for scoring."""
        weights = {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.state_dict().items()}
        return CompiledSequence(self.shape, weights)

    def remember(self, token: Tensor) -> Tensor:
        """Return what is known after each beat, shape (n, beats, hidden)."""
        after: Tensor = self.lstm(token)[0]
        return after

    def forward(self, token: Tensor) -> SequenceOutput:
        """Read sequences of tokens from their beginning, shape (n, beats, READ)."""
        after = self.remember(token)
        before = pad(after[:, :-1], (0, 0, 1, 0))
        judged = torch.tanh(self.judge(torch.cat([before, token], -1)))
        classes = self.classes(judged)
        if not self.training:
            strange = STRANGENESS * (token[..., SHAPE_COLUMN] + token[..., UNTIMELY])
            classes = classes + pad(strange[..., None].expand(*strange.shape, 2), (1, 0))
        return SequenceOutput(classes, self.interval(before), self.states(after))
