"""Runs: one unlearning on the clock, grids of them, declared searches, and their records.

Begin with :func:`unlearnlib.run_grid`. A run is recorded in one line of JSON: those of the laptop
in the folder `records` of the cache, all others in `data/records/PART/SCALE.jsonl`.

- `one_run`: a method on a scenario: the clock, then the measurements
- `followed`: the models that a method passes through, and what metrics say of each
- `grid`: `Grid`, all runs of a page, and `Run`, one of them: what each is known by
- `run_grid`: makes those that are not recorded yet, one by one
- `record_form`: what a record holds, and what is wrong with a text that is none
- `records`: where records lie, how they are packed, and the tidy table made of many
- `declared_search`: hyper-parameters chosen without retrained model and test set
- `specification`: all mistakes of a specification, told before anything is trained
- `mapping`: the strict reader of JSON and YAML
- `environment`: commit, versions and device, for the provenance of a record
- `behaviour`: what a method does to a small problem: tells which records are stale
"""
