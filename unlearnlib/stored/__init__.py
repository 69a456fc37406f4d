"""What is kept with a trained model, so that it can be unlearned without its training data.

`README.md` in this folder explains the design. With a model are kept its importances (of SSD, LFSSD
and ASSD) and its gradient space (of PGU); the files lie in the cache, beside that of the model.

- `importance`: `Statistic` (which importance) and `Importance` (its values): begin here
- `mean_powers`: the mean of powers of gradients, which an importance is
- `gauss_newton`: an importance of second order, class by class
- `per_example`: sums of powers of the gradients of single examples, in one pass
- `layer_rules`: the rule for each kind of layer, such as `Conv2d`: add a layer here
- `gradient_space`: second moments of what enters each layer
- `finite_difference`: an importance by taking the step: the check of the gradients
- `protocols`: what all of it has in common: `Stored`, and `Storable`, which asks for it
- `file`: reads what was saved, or refuses it
"""
