"""Everything about models: cards, weights, runtimes, stages, the ML service."""
