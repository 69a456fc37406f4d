"""Runs: one unlearning on the clock, grids of them, declared searches, and their records.

Begin with :func:`unlearnlib.run_grid`. What is recorded in `data/records/` is read, and never made
again; what is not is made, and recorded: at laptop scale in the folder `records` of the cache, at
the others in `data/records/`.

- `one_run`: a method on a scenario: the clock, then the measurements
- `followed`: the models that a method passes through, and what metrics say of each
- `distributions`: histograms of what the models of runs say
- `grid`: `Grid`, all runs of a page, and `Run`, one of them: what each is known by
- `run_grid`: makes those that are not recorded yet, one by one
- `plan`: what grids have left to do, how long it takes, and their order by worth an hour
- `speed`: how fast a network trains on this device; `timetable`: which grid is next, and the table
- `experiment`: what a page computes besides grids, recorded as a table
- `rerun`: a sample of what is recorded, made anew and set beside its record
- `record_form`: what a record holds, and what is wrong with a text that is none
- `records`: where records lie, and which one counts; `packed`: many, in two compressed tables
- `tidy`: the table of many records, one measurement a row
- `declared_search`: hyper-parameters chosen without retrained model and test set
- `tune`: hyper-parameters for a model of one's own, by the same measurements
- `specification`: all mistakes of a specification, told before anything is trained
- `mapping`: the strict reader of JSON and YAML
- `environment`: commit, versions and device, for the provenance of a record
- `behaviour`: what a method does to a small problem: tells which records are stale
"""
