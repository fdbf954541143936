"""One run in several processes: who takes part, how they are started, and what they tell one another."""
