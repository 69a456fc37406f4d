"""What several methods share, and the bookkeeping of one that would hide its equation.

``answers``, ``modes``     which examples a model gets right; train modes of a part of it
``noise``                  JiT's noise, and how much of it goes through the network at once
``projection``             PGU's steps that leave a gradient space untouched
``stopping``, ``sequential``  where PGU stops; requests that come one after the other
``distillation``, ``rewinding``  SCRUB's divergence from the teacher, and its choice of an epoch
``passes``, ``gaps``       NablaTau's passes over the forget set, and what of losses it compares
"""
