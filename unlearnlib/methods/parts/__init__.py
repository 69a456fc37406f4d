"""What several methods share, and the bookkeeping of one that would hide its equation.

- `answers`: which examples a model gets right
- `classes`: which classes there are, by their numbers
- `attention`: where GKT's student and its teacher look
- `synthesis`: GKT's maker of inputs
- `modes`: train modes of a part of a model
- `noise`: JiT's noise, and how much of it goes through the network at once
- `projection`: PGU's steps that leave a gradient space untouched
- `stopping`: the rules by which PGU stops, and the accuracy that LoTUS watches too
- `sequential`: requests that come one after the other
- `distillation`: SCRUB's divergence from the teacher
- `trial`: data and model are tried on each other first
- `rewinding`: SCRUB's choice of an epoch
- `adversary`: the nearest inputs that are answered otherwise, for AMUN
- `boundary`: what Boundary Shrink and Boundary Expand share, training on new labels
- `last_layers`: the last layers, and all but these frozen, for EU-k and CF-k
- `fine_tuning`: training that goes on, for CF-k, MSG, CT and AMUN
- `kernels`: the weights of convolutions, for MSG, CT and GKT
- `passes`: how often NablaTau goes over the forget set
- `gaps`: what of the losses NablaTau compares
- `saliency`: SalUn's mask of the weights that may move, for any method of gradient steps
"""
