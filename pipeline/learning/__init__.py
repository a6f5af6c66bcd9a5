"""How models come about: beats in context, cross-validation, training with its card, cost, and promotion."""
