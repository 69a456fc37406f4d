"""What a model and its outputs are asked before they are relied on; the model stays as it is."""
