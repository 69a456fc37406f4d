"""What a model and its outputs are asked before they are relied on; the model stays as it is.

- `outputs`: are these logits, and finite? At the end of every method: `settled`
- `trial`: is the output for an example a function of that example alone, and repeatable? Before
  gradients are taken of examples one by one
- `intact`: leaves a model as it was, whatever is done to it inside
"""
