"""The doctor: watches a run, names its illnesses, says which change of recipe helps."""
