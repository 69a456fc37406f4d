"""What is kept with a trained model, so that it can be unlearned without its training data."""
