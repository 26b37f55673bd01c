"""The doctor: it watches a run, names its illnesses and advises a change of the recipe."""
