"""Benchmarks: recipes on data sets with several seeds at equal cost, as a leaderboard with intervals."""
