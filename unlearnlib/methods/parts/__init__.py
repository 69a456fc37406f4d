"""What several methods share, and what one is made of.

- `projection`: steps that leave a gradient space untouched, of PGU
- `sequential`: requests that come one after the other, and the rules by which PGU stops
- `noise`: the shapes of the noise of JiT
"""
