"""What a model, its outputs and data are asked before they are relied on; all stay as they are.

- `kinds`: is it a model, a method, a generator, or the class, the dictionary, the seed of one?
- `outputs`: are these logits, and finite? At the end of every method: `settled`
- `trial`: is the output for an example a function of that example alone, and repeatable? Before
  gradients are taken of examples one by one
- `overlap`: is what is to be forgotten in the rest too, or what is held out? In `Splits.of`
- `intact`: leaves a model as it was, whatever is done to it inside
"""
