"""Real measurements, runnable: ``make bench``. Figures are ratios against a bare baseline in the same run."""
