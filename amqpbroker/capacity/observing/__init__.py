"""What a queue's measured traffic says: which model fits, what it forecasts, and whether that can be trusted."""
